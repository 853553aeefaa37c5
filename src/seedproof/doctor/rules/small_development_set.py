"""A development set that cannot show the difference that is looked for."""

from __future__ import annotations

import math
from collections.abc import Iterable

from scipy.special import ndtri

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts

DISAGREEING = 0.1
"""Fraction of the examples on which two models disagree, for the number that would do: about that of two seeds."""
FEWEST_DECIDED = 6
"""Examples that must all speak for one side before a two-sided sign test is below 0.05: 2 / 2^6."""


class SmallDevelopmentSet(Rule):
    """Too few development examples for a difference between two models."""

    id = "small-development-set"
    severity = "warning"
    what = (
        "The development set is too small for the difference looked for (--difference, 0.05 unless you say otherwise)."
    )
    why = (
        "Two models are told apart by the examples on which they disagree. Where the difference is fewer than 6 examples no test "
        "shows it (serious); with power 80 % it takes more, the more they disagree."
    )
    source = "Card et al. 2020, arXiv 2010.06595; sample size of McNemar's test: Connor 1987, Biometrics 43"
    change = "Hold out more examples, look for a larger difference only, or average over folds as well as seeds."
    needs = ("data",)

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding where the examples are too few; a regression is not judged by examples that are right."""
        if not facts.task.classes:
            return
        examples, difference = len(facts.task.dev), facts.difference
        needed = examples_for(difference)
        if examples >= needed:
            return
        worth = examples * difference
        is_hopeless = worth < FEWEST_DECIDED
        limit = (
            f"fewer than the {FEWEST_DECIDED} with which a sign test could show it"
            if is_hopeless
            else f"shown with power 80 % from {needed:,} examples on, if models disagree on {DISAGREEING:.0%}"
        )
        yield self.found(
            f"the development set has {examples:,} examples; a difference of {difference:g} is {worth:.3g} of them, {limit}",
            numbers={"examples": examples, "needed": needed, "difference": difference, "disagreeing": DISAGREEING},
            severity="serious" if is_hopeless else "warning",
        )


def examples_for(difference: float) -> int:
    """Examples with which a two-sided McNemar test at 0.05 shows a difference with power 80 % (Connor 1987).

    >>> examples_for(0.05)
    312
    """
    disagreeing = max(DISAGREEING, difference)
    spread = math.sqrt(max(0.0, disagreeing - difference**2))
    z = float(ndtri(0.975)) * math.sqrt(disagreeing) + float(ndtri(0.8)) * spread
    return math.ceil((z / difference) ** 2)
