from seedproof.alarms import Alarm as Alarm
from seedproof.alarms import Doomed as Doomed
from seedproof.alarms import Signals as Signals
from seedproof.alarms import Stuck as Stuck
from seedproof.connect.arguments import spaced_seed as spaced_seed
from seedproof.connect.arguments import stable_arguments as stable_arguments
from seedproof.connect.callback import StabilityCallback as StabilityCallback
from seedproof.connect.seeds import run_seeds as run_seeds
