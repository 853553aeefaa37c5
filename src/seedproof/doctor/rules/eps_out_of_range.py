"""Adam's epsilon where it does nothing, or too much."""

from __future__ import annotations

from collections.abc import Iterable

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts

LOW, HIGH = 1e-10, 1e-4
SMALLEST_FLOAT16 = 5.97e-8
"""Below, float16 has only 0."""


class EpsOutOfRange(Rule):
    """Epsilon is 0 in the numbers that are used, or as large as roots of second moments."""

    id = "eps-out-of-range"
    severity = "warning"
    what = f"Adam's epsilon is below {LOW:g} (below 6e-8 with float16 weights, which have no smaller number), or above {HIGH:g}."
    why = (
        "Epsilon bounds the step where gradients have vanished: 0 divides by 0 there. A large one shrinks every step whose "
        "gradients are below it, so that the learning rate is not what it says."
    )
    source = "Kingma and Ba 2015, arXiv 1412.6980, section 2; Liu et al. 2019, arXiv 1907.11692, section 3.1"
    change = "Take 1e-6, BERT's value, or torch's 1e-8."
    needs = ("eps",)

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding outside of the range; serious where float16 has 0 in its place."""
        eps = float(facts.value("eps"))
        place = facts.place("eps")
        if eps < SMALLEST_FLOAT16 and facts.get("weights_dtype") == "float16":
            yield self.found(
                f"eps is {eps:g} and the weights are float16, whose smallest number is {SMALLEST_FLOAT16:.2g}: it is 0 there",
                numbers={"eps": eps, "smallest": SMALLEST_FLOAT16},
                severity="serious",
                change="Keep the weights in float32.",
                place=place,
            )
        elif not LOW <= eps <= HIGH:
            yield self.found(
                f"eps is {eps:g}, outside of {LOW:g} to {HIGH:g}",
                numbers={"eps": eps, "low": LOW, "high": HIGH},
                place=place,
            )
