"""The alarm of a watched run: which rule it is, and whether it may end the training."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

from seedproof.alarms import Alarm, Doomed
from seedproof.connect.data import ObservedData
from seedproof.connect.storing import Observed
from seedproof.errors import UserError
from seedproof.execution.ending import reference_loss
from seedproof.execution.guard import Guard
from seedproof.models.layers import stock_name

LIKELY = partial(Doomed, 0.5)
"""The detector as a warning: of a run that is likelier than not to fail (docs/detector.md)."""

Stop = bool | Literal["validated"]
"""Whether an alarm ends a training: always, never, or where its false alarms were measured on the model and are rare."""


def chosen_alarm(alarm: Callable[[], Alarm] | None, stop: Stop) -> Callable[[], Alarm] | None:
    """What makes the alarm: in place of the default, which only warns, a surer one where it is to end trainings.

    Raises:
        UserError: ``stop`` is none of its values.
    """
    if stop not in (False, True, "validated"):
        raise UserError(f'stop = {stop!r} is not valid; give True, False or "validated"')
    return Doomed if stop and alarm is LIKELY else alarm


def guard_over(run: Observed, data: ObservedData, trainer: Any, alarm: Alarm, stop: Stop) -> Guard:
    """The alarm over a run, with what was recorded of it before its Trainer's checkpoint."""
    fingerprint = run.session.spec.model.fingerprint
    may_stop = alarm.may_stop(fingerprint) and not _is_adapted(trainer.model) if stop == "validated" else bool(stop)
    guard = Guard(alarm, steps=trainer.state.max_steps, reference_loss=reference_loss(data.task), may_stop=may_stop)
    if run.resumed:
        guard.catch_up(run.session.folder.records())
    return guard


def _is_adapted(model: Any) -> bool:
    """Whether PEFT has changed a model: the runs on which false alarms were measured trained all of its weights."""
    return any(stock_name(name) != name for name, _ in model.named_parameters())
