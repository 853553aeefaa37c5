"""Claims that tell failed from successful runs, and how a fraction of runs of each is compared."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from seedproof.analysis.claims.base import Finding
from seedproof.analysis.claims.evidence import Evidence, Missing
from seedproof.analysis.comparisons import RateDifference
from seedproof.analysis.power import seeds_for_difference

EARLY = 0.5
"""Vanishing is early in the first half of the training; the paper and the trial see it after about a third."""
CONTRAST = 0.5
"""Failed runs vanish early more often than successful ones by at least half of all runs: what one can see in a figure
that shows one run of each."""
SMALLEST_VANISHING = 10
"""Runs of each outcome: all of 10 against none of 10 shows a difference above .5 (Newcombe: .61)."""

FORGETS_MORE = math.log(10)
"""Nats: failed runs' perplexity is ten times that of successful ones. The paper draws it on a logarithmic axis with
decades; a smaller factor is not the contrast between forgetting catastrophically and mildly."""
SMALLEST_FORGETTING = 6
"""Runs of each outcome: 6 and 6 is the smallest at which separation (1 of 924 orders) can stay below .05 over all
claims (.023 over 21)."""


def gradients_vanish(family: str) -> Callable[[Evidence], Finding]:
    """Examine the fraction of failed runs of a family whose gradients vanish early and for good, minus that of successful runs.

    Of the query and key matrices of the lower half of the layers: in ALBERT's shared layer the other kinds keep gradients
    when these have none, and a median over all kinds hides it.
    """

    def examine(evidence: Evidence) -> Finding:
        table = evidence.table("vanishing", family=family)
        early = (table["fraction_of_training"] <= EARLY).to_numpy()  # NaN, never, is not early
        failed = (table["outcome"] == "failed").to_numpy()
        groups = early[failed].astype(np.int64), early[~failed].astype(np.int64)
        fractions = table.loc[failed & early, "fraction_of_training"]
        when = f", at the median after {fractions.median():.0%} of the training" if len(fractions) else ""
        seen = (
            f"query and key gradients of the lower layers vanish in the first half and stay so in {groups[0].sum()} of "
            f"{len(groups[0])} failed runs{when}, and in {groups[1].sum()} of {len(groups[1])} successful runs"
        )
        if "layers" in table and (lost := int((failed & table["layers"].isna().to_numpy()).sum())):
            seen += f"; {lost} of the failed runs diverged before any norm was recorded and count as not vanished"
        return difference_finding(groups, CONTRAST, "fraction of failed minus successful runs that vanish early", seen)

    return examine


def difference_finding(
    groups: tuple[NDArray[np.int64], NDArray[np.int64]], bound: float, name: str, seen: str
) -> Finding:
    """The finding on the fraction of failed runs with a property minus that of successful ones, against ``bound``.

    Args:
        groups: 1 or 0 of each failed and of each successful run.
        bound: shown above it, shown wrong below it.
        name: of the effect.
        seen: what was seen, in numbers.

    Raises:
        Missing: there is no run of an outcome.
    """
    failed, successful = groups
    if not (len(failed) and len(successful)):
        raise Missing(f"there are {len(failed)} failed and {len(successful)} successful runs; both kinds are needed")
    difference = RateDifference(failed, successful, 1, paired=False)
    low, high = difference.interval()

    def needed(level: float) -> int | None:
        parts = [group.astype(np.float64) for group in groups]
        return seeds_for_difference(parts[0], parts[1], paired=False, bound=bound, level=level)

    return Finding(
        effect_name=name,
        effect=difference.effect,
        low=low,
        high=high,
        p=difference.p_beyond(bound, "above"),
        p_against=difference.p_beyond(bound, "below"),
        n=min(map(len, groups)),
        unit="runs of each outcome",
        test=f"Newcombe's interval against {bound}",
        seen=seen,
        needed=needed,
    )


def factor(nats: float) -> str:
    """What nats of loss multiply a perplexity by, as text."""
    return f"{math.exp(nats):,.3g}" if nats < 700 else "infinity"
