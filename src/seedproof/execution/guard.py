"""An alarm that watches a run while it executes: what it says is recorded, and stops the run where that is allowed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from seedproof.alarms import Alarm, Doomed, SignalReader
from seedproof.execution.ending import reference_loss
from seedproof.execution.race import Race
from seedproof.execution.stopping import Stopped
from seedproof.recipes import from_json
from seedproof.spec import RunSpec
from seedproof.tasks.base import Task
from seedproof.training.plan import total_steps

if TYPE_CHECKING:
    from seedproof.training.engine import Record

RECORD = "alarm"
"""Kind of the record that an alarm leaves, with ``because``."""


class Guard:
    """One alarm over one run, fed from what is recorded of it. It sounds once.

    Args:
        alarm: made for this run.
        steps: of the whole training.
        reference_loss: see :class:`seedproof.alarms.Signals`.
        may_stop: whether the run ends where it sounds.
    """

    def __init__(self, alarm: Alarm, *, steps: int, reference_loss: float, may_stop: bool) -> None:
        self._alarm: Alarm | None = alarm
        self.may_stop = may_stop
        """Whether the run ends where it sounds. Where a loss is not finite an engine ends by itself; a Trainer goes on, and is
        ended by whoever watches it (:mod:`seedproof.connect.watching`)."""
        self._steps = steps
        self._reader = SignalReader(steps=steps, reference_loss=reference_loss)

    def catch_up(self, records: Iterable[Mapping[str, Any]]) -> None:
        """See again the records of a run up to its checkpoint, in order."""
        for step, group in groupby(records, key=lambda record: record["step"]):
            of_step = list(group)
            if any(record["kind"] == RECORD for record in of_step):
                self._alarm = None
            self._see(step, of_step)

    def see(self, step: int, records: Sequence[Record]) -> tuple[str | None, Stopped | None]:
        """See what was recorded at a step.

        Returns:
            Why the run is doomed, if the alarm sounds; and how it ends, if it may stop the run and that is not at its end
            anyway, by its last step or a loss that is not finite.
        """
        seen = [{"step": record.step, "kind": record.kind, **record.values} for record in records]
        why = self._see(step, seen)
        if why is None:
            return None, None
        loss = next(record["loss"] for record in seen if record["kind"] == "loss")
        ends_anyway = step >= self._steps or not math.isfinite(loss)
        return why, Stopped(by="alarm", at=step, because=why) if self.may_stop and not ends_anyway else None

    def _see(self, step: int, records: Sequence[Mapping[str, Any]]) -> str | None:
        signals = self._reader.read(records)
        if self._alarm is None or signals is None or step == 0:
            return None
        why = self._alarm.see(signals)
        if why is not None:
            self._alarm = None
        return why


def guard_of_race(race: Race, spec: RunSpec, task: Task, *, is_again: bool) -> Guard:
    """The detector over a run that races; one that is done again (``is_again``) goes to its end as it did.

    Its false alarms were measured without added methods, which may change what gradients look like (adapters, frozen layers).
    """
    alarm, recipe = Doomed(), from_json(spec.recipe)
    is_as_measured = not recipe.methods and alarm.may_stop(spec.model.fingerprint)
    return Guard(
        alarm,
        steps=total_steps(recipe, spec.task.train_examples),
        reference_loss=reference_loss(task),
        may_stop=not is_again and (race.stop_doomed or is_as_measured),
    )
