"""Claims that a cure does more in one place than in another: differences of two effects on failure rates."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from seedproof.analysis.claims.base import Finding
from seedproof.analysis.claims.evidence import Evidence, Missing, Role
from seedproof.analysis.claims.rates import MARGIN, Examine, failures_by_seed
from seedproof.analysis.comparisons import sign_flip_p
from seedproof.analysis.power import seeds_for_mean
from seedproof.errors import UserError


def helps_more(uncorrected: Role, corrected: Role, other_uncorrected: Role, other_corrected: Role) -> Examine:
    """Shown: a cure lowers the failure rate more for the first pair of roles than for the second.

    Seed by seed, the difference of the two effects; exact sign-flip test. Shown wrong: the first effect is less than the
    margin larger, by Student's interval over seeds.
    """

    def examine(evidence: Evidence) -> Finding:
        roles = (uncorrected, corrected, other_uncorrected, other_corrected)
        tables = [failures_by_seed(evidence, role) for role in roles]
        cells = {len(evidence.roles[role]) for role in roles}
        if len(cells) > 1:
            raise UserError(f"the roles {', '.join(roles)} are compared cell by cell and need equally many cells")
        seeds = [seed for seed in tables[0].index if all(seed in table.index for table in tables[1:])]
        if len(seeds) < 2:
            raise Missing(f"fewer than two seeds are finished in all of {', '.join(roles)}")
        counts = [np.asarray(table.loc[seeds], np.int64) for table in tables]
        size = cells.pop()
        differences = (counts[0] - counts[1]) - (counts[2] - counts[3])
        rates = [count.mean() / size for count in counts]
        seen = (
            f"the failure rate falls by {rates[0] - rates[1]:.2f} ({uncorrected} to {corrected}) against "
            f"{rates[2] - rates[3]:.2f} ({other_uncorrected} to {other_corrected}), over {len(seeds)} seeds"
        )
        return _effects_finding(differences, size, f"effect on {uncorrected} minus that on {other_uncorrected}", seen)

    return examine


def _effects_finding(differences: NDArray[np.int64], cells: int, name: str, seen: str) -> Finding:
    fractions = differences / cells
    mean, error = float(fractions.mean()), float(fractions.std(ddof=1)) / math.sqrt(len(fractions))
    student = stats.t(len(fractions) - 1, loc=0.0, scale=1.0)
    reach = float(student.ppf(0.975)) * error
    against = float(student.cdf((mean - MARGIN) / error)) if error > 0 else float(mean >= MARGIN)

    def needed(level: float) -> int | None:
        sizes = [
            seeds_for_mean(fractions, np.full(len(fractions), bound), paired=True, level=level)
            for bound, is_open in ((0.0, mean > 0), (MARGIN, mean < MARGIN))
            if is_open
        ]
        return min((size for size in sizes if size is not None), default=None)

    return Finding(
        effect_name=name,
        effect=mean,
        low=mean - reach,
        high=mean + reach,
        p=sign_flip_p(differences),
        p_against=against,
        n=len(fractions),
        unit="seeds",
        test=f"exact sign flips of the seeds' differences of effects, {cells} cells each; margin by Student's interval",
        seen=seen,
        needed=needed,
    )
