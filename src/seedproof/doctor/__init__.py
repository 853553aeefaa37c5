"""What threatens the stability of fine-tuning, or the truth of its score, before or after a run: ``seedproof doctor``.

Sources (:mod:`seedproof.doctor.sources`) read what there is, a study, a recipe, arguments of the Trainer, a script, a finished
run, into facts. Rules (:mod:`seedproof.doctor.rules`), a file each, look at facts and give findings. A rule whose facts
nobody gave is named with the reason; no rule says of a cause what it cannot see.
"""

from seedproof.doctor.base import Finding as Finding
from seedproof.doctor.diagnosis import Diagnosis as Diagnosis
from seedproof.doctor.diagnosis import NotChecked as NotChecked
from seedproof.doctor.examine import diagnose as diagnose
