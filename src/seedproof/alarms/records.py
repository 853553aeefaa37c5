"""What a rule sees of a run that seedproof records: signals out of records, live or from a store."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from seedproof.alarms.base import Signals
from seedproof.probes.early import unpacked

_OF_BATCH = ("entropy", "counts", "spread", "saturated")


class SignalReader:
    """Turns the records of one run, a step at a time, into signals.

    The loss of every step is always recorded; norms come with ``early`` (every step of the first 100) or ``gradients``
    (every 10 steps), all else with ``early``.

    Args:
        steps: of the whole training.
        reference_loss: the lowest loss of a prediction that never changes, label entropy or variance of the targets
            (:func:`seedproof.execution.ending.reference_loss`).
        names: of the trained parameters, where the records before the first step, which name them, are not read.
    """

    def __init__(self, *, steps: int, reference_loss: float, names: Sequence[str] = ()) -> None:
        self._steps, self._reference, self._names = steps, reference_loss, names

    def read(self, records: Iterable[Mapping[str, Any]]) -> Signals | None:
        """The signals of a step.

        Args:
            records: all of the step, as a journal holds them: ``step``, ``kind`` and what was recorded.

        Returns:
            None where no loss was recorded, as of the untrained model at step 0, whose records name the parameters.
        """
        by_kind: dict[str, Mapping[str, Any]] = {record["kind"]: record for record in records}
        early, gradients = by_kind.get("early", {}), by_kind.get("gradients", {})
        self._names = early.get("names") or gradients.get("names") or self._names
        if "loss" not in by_kind:
            return None
        return Signals(
            step=by_kind["loss"]["step"],
            steps=self._steps,
            loss=by_kind["loss"]["loss"],
            reference_loss=self._reference,
            names=self._names,
            norms=unpacked(early["norms"]) if "norms" in early else gradients.get("norms"),
            distances=unpacked(early["distances"]) if "distances" in early else None,
            **{name: early.get(name) for name in _OF_BATCH},
        )


def signals_of(
    records: Iterable[Mapping[str, Any]], *, steps: int, reference_loss: float = math.nan
) -> Iterator[Signals]:
    """Yield the signals of every step of a run, from its records in order.

    Args:
        records: of a run's journal.
        steps: of the whole training.
        reference_loss: see :class:`SignalReader`.
    """
    reader = SignalReader(steps=steps, reference_loss=reference_loss)
    for _, of_step in groupby(records, key=lambda record: record["step"]):
        if (signals := reader.read(of_step)) is not None:
            yield signals
