"""A warm-up of a few steps, or none."""

from __future__ import annotations

import math
from collections.abc import Iterable

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts

FEWEST = 10


class ShortWarmup(Rule):
    """The rate reaches its peak before Adam has seen ten batches."""

    id = "short-warmup"
    severity = "warning"
    what = f"The learning rate reaches its peak within fewer than {FEWEST} steps, or begins there."
    why = (
        "Adam's second moment is estimated from the batches so far: the steps of the first few are the most uncertain ones, and "
        "a warm-up keeps them small. Recipes for BERT warm up over 10 % of the steps."
    )
    source = (
        "Ma and Yarats 2021, arXiv 1910.04209; Liu et al. 2020, arXiv 1908.03265; Mosbach et al. 2021, arXiv 2006.04884"
    )
    change = "Warm up over a tenth of the steps: warmup_steps=0.1 in Transformers 5, where it is a fraction below 1."
    needs = ("warmup",)

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding for a warm-up of fewer than ten steps."""
        warmup = float(facts.value("warmup"))
        if warmup >= FEWEST:
            return
        steps = _steps(warmup, facts) if 0 < warmup < 1 else int(warmup)
        if steps >= FEWEST:
            return
        seen = "there is no warm-up" if steps == 0 else f"the warm-up ends after {steps} step{'s' if steps > 1 else ''}"
        yield self.found(
            f"{seen} (limit: {FEWEST} steps)",
            numbers={"warm-up steps": steps, "fewest": FEWEST},
            place=facts.place("warmup"),
        )


def _steps(fraction: float, facts: Facts) -> int:
    """Steps of a fraction, as ``TrainingArguments.get_warmup_steps`` rounds it, or the engines of seedproof."""
    steps = fraction * facts.steps
    return math.ceil(steps) if facts.engine == "trainer" else int(steps)
