"""Losses that are not finite and are not logged."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts, Run
from seedproof.printable import counted


class NanFilter(Rule):
    """The log of the Trainer replaces a loss that is not finite."""

    id = "nan-filter"
    severity = "note"
    what = "logging_nan_inf_filter is on (the default): a training loss that is not finite is logged as a mean of earlier ones."
    why = "A run that diverges shows a smooth loss in its log, so that nobody looks."
    source = "transformers.TrainingArguments, logging_nan_inf_filter"
    change = (
        "Set logging_nan_inf_filter=False, or add seedproof.connect.StabilityCallback, which records the true loss."
    )

    needs = ()
    of_trainer = True

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding where the filter is on and nothing records the true loss; serious where a log shows that it hid one."""
        hidden = [(run, steps) for run in facts.runs if (steps := _hidden(run))]
        if hidden:
            yield from (self._seen(run, steps) for run, steps in hidden)
            return
        if facts.value("nan_filter") and not (facts.script and facts.script.named("StabilityCallback")):
            yield self.found("logging_nan_inf_filter is on", numbers={"on": 1}, place=facts.place("nan_filter"))

    def _seen(self, run: Run, steps: list[int]) -> Finding:
        """A norm that is not finite once is what fp16's scaler makes of a step that it leaves out."""
        passes = not _stays(run)
        after = "; the norms logged after it are finite, as where fp16's scaler leaves out a step" if passes else ""
        look = "set logging_nan_inf_filter=False and look at the steps before it: rate, precision, empty texts."
        return self.found(
            f"the gradient's norm is not finite at {counted(len(steps), 'logged step')} (first: step {steps[0]}), and the logged "
            f"loss is{after}",
            numbers={"steps": len(steps), "first": steps[0]},
            severity="note" if passes else "serious",
            change=f"With fp16=True nothing; otherwise {look}" if passes else f"{look[0].upper()}{look[1:]}",
            place=run.place,
        )


def _is_hidden(loss: float, norm: float | None) -> bool:
    return norm is not None and not math.isfinite(norm) and math.isfinite(loss)


def _hidden(run: Run) -> list[int]:
    """Logged steps whose loss is finite, and the norm of whose gradient is not."""
    return [step for step, loss, norm in run.losses if _is_hidden(loss, norm)]


def _stays(run: Run) -> bool:
    """Whether two such logs follow each other, or the last one is such; infinities before the first finite norm do not count.

    fp16's scaler begins with a scale that is too large on purpose, and halves it at each of the first steps.
    """
    flags = [_is_hidden(loss, norm) for _, loss, norm in run.losses]
    norms = [norm for _, _, norm in run.losses]
    start = next((index for index, norm in enumerate(norms) if norm is None or not math.isinf(norm)), len(norms))
    begin = start if start < len(norms) else 0
    rest = flags[begin:]
    return any(rest[-1:]) or any(one and other for one, other in itertools.pairwise(rest))
