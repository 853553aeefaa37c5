"""Claims that tell failed from successful runs: their gradients, and how much they forget."""

from __future__ import annotations

import math

import numpy as np

from seedproof.analysis.claims.base import Finding
from seedproof.analysis.claims.evidence import Evidence, Missing
from seedproof.analysis.claims.fractions import layers_to_undo
from seedproof.analysis.comparisons import RateDifference
from seedproof.analysis.power import runs_for_shift, seeds_for_difference
from seedproof.analysis.ranks import Shift

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
"""Runs of each outcome: 6 and 6 is the smallest at which separation (1 of 924 orders) can stay below .05 over 15 claims."""


def gradients_vanish(evidence: Evidence) -> Finding:
    """Fraction of failed runs whose lower layers' gradients vanish early and for good, minus that of successful runs."""
    table = evidence.table("vanishing")
    early = (table["fraction_of_training"] <= EARLY).to_numpy()  # NaN, never, is not early
    failed = (table["outcome"] == "failed").to_numpy()
    groups = [early[failed].astype(np.int64), early[~failed].astype(np.int64)]
    _need_both(groups[0].size, groups[1].size, "vanishing gradients")
    difference = RateDifference(groups[0], groups[1], 1, paired=False)
    low, high = difference.interval()
    fractions = table.loc[failed & early, "fraction_of_training"]
    when = f", at the median after {fractions.median():.0%} of the training" if len(fractions) else ""
    seen = (
        f"gradients of the lower layers vanish in the first half and stay so in {groups[0].sum()} of {len(groups[0])} failed "
        f"runs{when}, and in {groups[1].sum()} of {len(groups[1])} successful runs"
    )

    if "layers" in table and (lost := int((failed & table["layers"].isna().to_numpy()).sum())):
        seen += f"; {lost} of the failed runs diverged before any norm was recorded and count as not vanished"

    def needed(level: float) -> int | None:
        parts = [group.astype(np.float64) for group in groups]
        return seeds_for_difference(parts[0], parts[1], paired=False, bound=CONTRAST, level=level)

    return Finding(
        effect_name="fraction of failed minus successful runs that vanish early",
        effect=difference.effect,
        low=low,
        high=high,
        p=difference.p_beyond(CONTRAST, "above"),
        p_against=difference.p_beyond(CONTRAST, "below"),
        n=min(map(len, groups)),
        unit="runs of each outcome",
        test=f"Newcombe's interval against {CONTRAST}",
        seen=seen,
        needed=needed,
    )


def failed_runs_forget(evidence: Evidence) -> Finding:
    """Forgetting of failed runs minus that of successful runs, in nats per masked token with no layer put back."""
    table = layers_to_undo(evidence.table("forgetting"))
    failed = (table["outcome"] == "failed").to_numpy()
    values = table["forgotten"].to_numpy(np.float64)
    _need_both(int(failed.sum()), int((~failed).sum()), "forgetting")
    shift = Shift(values[failed], values[~failed])
    low, high = shift.interval()
    seen = (
        f"the median failed run forgets {np.median(values[failed]):.2f} nats per masked token (perplexity x "
        f"{_factor(float(np.median(values[failed])))}), the median successful run {np.median(values[~failed]):.2f} (x "
        f"{_factor(float(np.median(values[~failed])))}), over {failed.sum()} and {(~failed).sum()} runs"
    )

    def needed(level: float) -> int | None:
        return runs_for_shift(Shift(values[failed] - FORGETS_MORE, values[~failed]).superiority, level=level)

    return Finding(
        effect_name="forgetting of failed minus successful runs (nats)",
        effect=shift.effect,
        low=low,
        high=high,
        p=shift.p_beyond(FORGETS_MORE, "above"),
        p_against=shift.p_beyond(FORGETS_MORE, "below"),
        n=min(int(failed.sum()), int((~failed).sum())),
        unit="runs of each outcome",
        test="exact rank-sum test of the shift against ln 10; Hodges and Lehmann's estimate",
        seen=seen,
        needed=needed,
    )


def _need_both(failed: int, successful: int, what: str) -> None:
    if not (failed and successful):
        raise Missing(f"{what} was measured in {failed} failed and {successful} successful runs; both kinds are needed")


def _factor(nats: float) -> str:
    return f"{math.exp(nats):,.3g}" if nats < 700 else "infinity"
