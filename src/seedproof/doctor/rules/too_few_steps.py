"""A run that is too short for little data."""

from __future__ import annotations

from collections.abc import Iterable

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts

STEPS = 1000
"""RTE (468 steps in 3 epochs of batches of 16) and MRPC (690), on which the papers see most failures, are below."""
EPOCHS = 20
"""Epochs of the baseline of Mosbach et al. 2021."""


class TooFewSteps(Rule):
    """Fewer than 1,000 steps in fewer than 20 passes over the data."""

    id = "too-few-steps"
    severity = "warning"
    what = f"A run has fewer than {STEPS:,} steps and passes over the data fewer than {EPOCHS} times."
    why = (
        "In the cited experiments runs on a thousand examples for 3 epochs fail often, and rarely with as many steps as more "
        "data would take: what is missing is steps, not examples."
    )
    source = "Mosbach et al. 2021, arXiv 2006.04884; Zhang et al. 2021, arXiv 2006.05987, section 6"
    change = f"Train for {EPOCHS} epochs, the schedule stretched with them, and judge the end of training."

    needs = ("epochs",)

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding where both numbers are below their limits."""
        steps, passes = facts.steps, facts.passes
        if steps >= STEPS or passes >= EPOCHS:
            return
        yield self.found(
            f"a run has {steps:,} steps in {passes:g} passes over the training data (limits: {STEPS:,} steps, {EPOCHS} passes)",
            numbers={"steps": steps, "passes": passes, "fewest steps": STEPS, "fewest passes": EPOCHS},
            change=f"Train for {EPOCHS} epochs, {round(steps * EPOCHS / passes):,} steps, the schedule stretched with them.",
            place=next(
                (facts.place(name) for name in ("max_steps", "epochs", "steps") if name in facts.settings), None
            ),
        )
