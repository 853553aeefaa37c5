"""Losses that are not finite and are not logged."""

from __future__ import annotations

import math
from collections.abc import Iterable

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts


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
        hidden = [
            (run, step)
            for run in facts.runs
            for step, loss, norm in run.losses
            if norm is not None and not math.isfinite(norm) and math.isfinite(loss)
        ]
        if hidden:
            run, first = hidden[0]
            yield self.found(
                f"the gradient's norm is not finite at {len(hidden)} logged steps (first: step {first}), and the logged loss is",
                numbers={"steps": len(hidden), "first": first},
                severity="serious",
                change="Set logging_nan_inf_filter=False and look at the steps before it: rate, precision, empty texts.",
                place=run.place,
            )
            return
        if facts.value("nan_filter") and not (facts.script and facts.script.named("StabilityCallback")):
            yield self.found("logging_nan_inf_filter is on", numbers={"on": 1}, place=facts.place("nan_filter"))
