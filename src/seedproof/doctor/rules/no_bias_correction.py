"""Adam without the correction of its moments' bias."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from seedproof.doctor.base import Finding, Rule, Unknown
from seedproof.doctor.facts import Facts

_LOOKED_AT = 1000
"""First steps that are looked at where the length of a run is not known."""
_MOST_STEPS = 1_000_000
"""Steps that are looked at; behind them the correction is 1."""
TWICE = 2.0
"""Times as large as with correction; with beta2 = 0.98, RoBERTa's, steps stay below."""


class NoBiasCorrection(Rule):
    """Adam's moments start at 0 and are not divided by 1 - beta^t."""

    id = "no-bias-correction"
    severity = "serious"
    what = (
        "The optimizer does not correct the bias of Adam's moments (a warning where no step is twice as large for it)."
    )
    why = (
        "Adam's moments start at 0, and without the correction the first steps are several times as large as the rate says. "
        "BERT fails on many seeds so; with the correction, and nothing else changed, failures become rare."
    )
    source = "Mosbach et al. 2021, arXiv 2006.04884, section 5; Zhang et al. 2021, arXiv 2006.05987, section 4"
    change = (
        "Switch the correction on: --set bias_correction=true or the recipe mosbach; correct_bias=True in an optimizer of your "
        'own; optim="adamw_torch" in the Trainer.'
    )
    needs = ("bias_correction",)

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding where the correction is off."""
        if facts.value("bias_correction"):
            return
        from seedproof.training.plan import correction_factor

        try:
            steps = min(facts.steps, _MOST_STEPS)
        except Unknown:
            steps = _LOOKED_AT
        factors = 1 / correction_factor(np.arange(1, steps + 1), facts.get("beta1", 0.9), facts.get("beta2", 0.999))
        largest = int(np.argmax(factors))
        yield self.found(
            f"the bias correction is off; steps are up to {factors[largest]:.1f} times as large as with it (step {largest + 1}), "
            f"{factors.mean():.1f} times on average over {steps:,} steps",
            numbers={"largest factor": float(factors[largest]), "mean factor": float(factors.mean()), "steps": steps},
            severity="serious" if factors[largest] > TWICE else "warning",
            place=facts.place("bias_correction"),
        )
