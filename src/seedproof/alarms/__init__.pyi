from seedproof.alarms.base import Alarm as Alarm
from seedproof.alarms.base import Signals as Signals
from seedproof.alarms.base import Validation as Validation
from seedproof.alarms.doomed import Doomed as Doomed
from seedproof.alarms.records import SignalReader as SignalReader
from seedproof.alarms.records import signals_of as signals_of
from seedproof.alarms.stuck import Stuck as Stuck
