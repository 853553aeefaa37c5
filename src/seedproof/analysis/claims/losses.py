"""The claim that training to a very low loss does the score no harm, on runs that reach one."""

from __future__ import annotations

import math

import pandas as pd
from scipy.special import ndtr, ndtri

from seedproof.analysis.claims.base import Finding
from seedproof.analysis.claims.evidence import Evidence, Missing
from seedproof.analysis.generalization import HARM
from seedproof.analysis.power import runs_for_correlation
from seedproof.analysis.ranks import SMALLEST_CORRELATION, RankCorrelation, rank_correlation

LOW = 0.05
"""A training loss of at most this is very low: 7 % of ln 2. The paper's goes from 1e-5 to 1e-1."""
SMALLEST_GRID = 30
"""Successful runs: at 30 the interval of a correlation of 0 ends at .36, near the margin."""
SMALLEST_LOW = 10
"""Successful runs with a very low loss; with fewer the claim's premise is not met."""


def low_loss_is_harmless(evidence: Evidence) -> Finding:
    """Rank correlation of training loss (dropout off) and score within each rate and correction, pooled; harm is above 0.

    Runs at other rates, or without correction, differ in loss and score for other reasons: pooled without strata they
    showed a correlation of the other sign.
    """
    runs = evidence.of("grid")
    if len(tasks := runs["task"].unique()) > 1:
        raise Missing(f"the role 'grid' is about one task, whose scores can be ranked, found {', '.join(tasks)}")
    if "fit_loss" not in runs or runs["fit_loss"].isna().all():
        raise Missing("the training loss without dropout was not recorded (the recording 'fit')")
    succeeded = runs[runs["outcome"] == "succeeded"]
    low = int((succeeded["fit_loss"] <= LOW).sum())
    if low < SMALLEST_LOW:
        raise Missing(
            f"{low} of {len(succeeded)} successful runs have a training loss of at most {LOW}; at least "
            f"{SMALLEST_LOW} are needed "
            "to say what a very low loss does"
        )
    strata = succeeded["recipe"].map(lambda recipe: evidence.strata.get(recipe, recipe))
    parts = [rank_correlation(part["fit_loss"], part["score"]) for _, part in succeeded.groupby(strata, sort=False)]
    used = [part for part in parts if part.n >= SMALLEST_CORRELATION and math.isfinite(part.effect)]
    if not used:
        raise Missing(f"no rate has {SMALLEST_CORRELATION} successful runs with different losses and scores")
    return _finding(Pooled(used), used, len(parts), succeeded, low)


class Pooled:
    """Rank correlations of independent strata, pooled on Fisher's scale with the inverses of their variances as weights."""

    def __init__(self, parts: list[RankCorrelation]) -> None:
        weights = [1 / part.standard_error**2 for part in parts]
        self.middle = sum(w * part.transformed for w, part in zip(weights, parts, strict=True)) / sum(weights)
        self.error = 1 / math.sqrt(sum(weights))

    @property
    def effect(self) -> float:
        """The pooled correlation."""
        return math.tanh(self.middle)

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Lower and upper end."""
        reach = float(ndtri(0.5 + confidence / 2)) * self.error
        return math.tanh(self.middle - reach), math.tanh(self.middle + reach)

    def p_above(self, margin: float) -> float:
        """One-sided p-value against "the correlation is not above ``margin``"; 1 minus it is that of the other side."""
        return float(ndtr(-(self.middle - math.atanh(margin)) / self.error))


def _finding(found: Pooled, used: list[RankCorrelation], strata: int, succeeded: pd.DataFrame, low: int) -> Finding:
    losses = succeeded["fit_loss"]
    seen = (
        f"within rate and correction the rank correlation of training loss and score is {found.effect:+.2f}, over "
        f"{sum(part.n for part in used)} successful runs in {len(used)} of {strata} strata; losses go from {losses.min():.2g} to "
        f"{losses.max():.2g}, and {low} are at most {LOW}"
    )
    n = sum(part.n for part in used)

    def needed(level: float) -> int | None:
        bounds = [bound for bound, is_open in ((HARM, found.effect < HARM), (0.0, found.effect > 0)) if is_open]
        sizes = [runs_for_correlation(found.effect, bound=bound, level=level) for bound in bounds]
        return min((size for size in sizes if size is not None), default=None)

    low_end, high_end = found.interval()
    return Finding(
        effect_name="rank correlation of training loss and score within strata",
        effect=found.effect,
        low=low_end,
        high=high_end,
        p=1 - found.p_above(HARM),
        p_against=found.p_above(0.0),
        n=n,
        unit="successful runs",
        test=f"Spearman's correlation within strata, pooled on Fisher's scale, against {HARM}; Bonett and Wright's errors",
        seen=seen,
        needed=needed,
    )
