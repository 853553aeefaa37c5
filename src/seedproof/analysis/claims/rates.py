"""Claims about failure rates: one recipe fails more than another, or not more.

The effect is a difference of failure rates over the cells of two roles, tested seed by seed (see
:mod:`seedproof.analysis.comparisons`). Every finished run counts, the diverged ones as failures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seedproof.analysis.claims.base import Finding
from seedproof.analysis.claims.evidence import Evidence, Missing, Role
from seedproof.analysis.comparisons import RateDifference
from seedproof.analysis.power import seeds_for_difference
from seedproof.analysis.runs import seed_order
from seedproof.errors import UserError

MARGIN = 0.15
"""A difference of failure rates below this does not matter. Fixed because the paper calls recipes stable on 25 seeds
without a failure, which still allows a rate of 13.3 % (Wilson): .15 is the smallest round margin that its own evidence
could have shown."""
SMALLEST_SEEDS = 20
"""Where a third of the seeds fail without the cure and none with it, 20 in one cell show it at .05 (five failures or more)
with probability .85."""

Examine = Callable[[Evidence], Finding]


def fails_more(worse: Role, better: Role, *, overfitted: bool = True) -> Examine:
    """Shown: ``worse`` fails more often. Shown wrong: the difference is below the margin.

    Args:
        worse: role.
        better: role.
        overfitted: False: a run that failed though it was fitted is no failure of the optimization, and does not count as one.
    """

    def examine(evidence: Evidence) -> Finding:
        difference, seeds, seen = _compare(evidence, worse, better, overfitted)
        return _finding(
            difference,
            seeds,
            seen,
            p=difference.p_above_zero(),
            p_against=difference.p_beyond(MARGIN, "below"),
            name=f"failure rate of {worse} minus {better}",
        )

    return examine


def fails_no_more(new: Role, reference: Role, *, overfitted: bool = True) -> Examine:
    """Shown: ``new`` fails less than the margin more often than ``reference``. Shown wrong: it fails more often.

    ``overfitted`` as in :func:`fails_more`.
    """

    def examine(evidence: Evidence) -> Finding:
        difference, seeds, seen = _compare(evidence, new, reference, overfitted)
        return _finding(
            difference,
            seeds,
            seen,
            p=difference.p_beyond(MARGIN, "below"),
            p_against=difference.p_above_zero(),
            name=f"failure rate of {new} minus {reference}",
        )

    return examine


def both(first: Examine, second: Examine) -> Examine:
    """Shown if both parts are (the larger p-value); shown wrong if either is (twice the smaller one, Bonferroni).

    The effect, its interval and the test are those of the part that is harder to show; what was seen names both.
    """

    def examine(evidence: Evidence) -> Finding:
        one, other = first(evidence), second(evidence)

        def needed(level: float) -> int | None:
            sizes = [part.needed(level) for part in (one, other)]
            return None if None in sizes else max(size for size in sizes if size is not None)

        harder = other if other.p > one.p else one
        return Finding(
            effect_name=harder.effect_name,
            effect=harder.effect,
            low=harder.low,
            high=harder.high,
            p=harder.p,
            p_against=min(1.0, 2 * min(one.p_against, other.p_against)),
            n=min(one.n, other.n),
            unit=one.unit,
            test=f"both: {one.test}; {other.test}; the effect is that of the part that is harder to show",
            seen=f"{one.seen}; and {other.seen}",
            needed=needed,
        )

    return examine


def _finding(difference: RateDifference, seeds: int, seen: str, *, p: float, p_against: float, name: str) -> Finding:
    low, high = difference.interval()
    cells = difference.cells
    fractions = difference.first / cells, difference.second / cells

    def needed(level: float) -> int | None:
        sizes = [
            seeds_for_difference(*fractions, paired=difference.paired, bound=bound, level=level, cells=cells)
            for bound, is_open in ((0.0, difference.effect > 0), (MARGIN, difference.effect < MARGIN))
            if is_open
        ]
        return min((size for size in sizes if size is not None), default=None)

    how = "sign flips of the same seeds" if difference.paired else "shuffled different seeds"
    return Finding(
        effect_name=name,
        effect=difference.effect,
        low=low,
        high=high,
        p=p,
        p_against=p_against,
        n=seeds,
        unit="seeds",
        test=f"exact test, {how}, {cells} {'cell' if cells == 1 else 'cells'} each; margin by Newcombe's interval",
        seen=seen,
        needed=needed,
    )


def _compare(evidence: Evidence, first: Role, second: Role, overfitted: bool) -> tuple[RateDifference, int, str]:
    """The difference of two roles, the seeds in the smaller one, and the counts as words."""
    sizes = [len(evidence.roles.get(role, ())) for role in (first, second)]
    tables = [failures_by_seed(evidence, role, overfitted=overfitted) for role in (first, second)]
    if sizes[0] != sizes[1]:
        raise UserError(
            f"the roles {first!r} and {second!r} are compared cell by cell but have {sizes[0]} and {sizes[1]} cells; give "
            "each the same tasks and learning rates in the same order"
        )
    tables, paired, left_out = _matched(tables)
    counts: list[NDArray[np.int64]] = [np.asarray(table, np.int64) for table in tables]
    seen = " against ".join(
        f"{count.sum()} of {len(count) * size} runs failed ({role})"
        for count, size, role in zip(counts, sizes, (first, second), strict=True)
    )
    if left_out:
        seen += f"; compared over the {len(counts[0])} seeds that are finished in both, {left_out} are not and wait"
    if not overfitted:
        seen += _left_out(evidence, first, second)
    seen += _at_bounds(evidence, first, second)
    return RateDifference(counts[0], counts[1], sizes[0], paired), min(map(len, counts)), seen


def _matched(tables: list[pd.Series[Any]]) -> tuple[list[pd.Series[Any]], bool, int]:
    """Both tables over the seeds they share, whether those are pairs, and how many seeds have no partner yet.

    While runs are missing, pairs are made of what is there; roles that share less than half of their seeds were given
    different ones, and are compared whole.
    """
    shared = [seed for seed in tables[0].index if seed in tables[1].index]
    if 2 * len(shared) < max(map(len, tables)):
        return tables, False, 0
    return [table.loc[shared] for table in tables], True, sum(len(table) - len(shared) for table in tables)


def _at_bounds(evidence: Evidence, first: Role, second: Role) -> str:
    """A clause on the cells in which no run failed, or every one, in both roles: they cannot show a difference."""
    rates = [(runs["outcome"] == "failed").groupby(runs["cell"]).mean() for runs in map(evidence.of, (first, second))]
    silent = int(sum((rates[0] == bound) & (rates[1] == bound) for bound in (0.0, 1.0)).sum())  # type: ignore[union-attr]
    cells = len(rates[0])
    return (
        f"; in {silent} of {cells} cells no run failed, or all did, in both: they say nothing"
        if silent and cells > 1
        else ""
    )


def _left_out(evidence: Evidence, first: Role, second: Role) -> str:
    """A clause on the runs that failed though they were fitted."""
    counts = [int(_is_overfitted(evidence.of(role)).sum()) for role in (first, second)]
    return f"; {counts[0]} and {counts[1]} more failed by overfitting, their training loss under the entropy, and do not count"


def _is_overfitted(runs: pd.DataFrame) -> pd.Series[bool]:
    if "kind" not in runs:
        raise Missing("the table of runs does not tell how runs ended (column 'kind')")
    return (runs["outcome"] == "failed") & (runs["kind"] == "overfitted")


def failures_by_seed(evidence: Evidence, role: Role, *, overfitted: bool = True) -> pd.Series[Any]:
    """Failed runs of each seed over the cells of a role, in the order of the seeds.

    ``overfitted`` as in :func:`fails_more`.

    A seed counts when its run is finished in every cell: runs that are not finished have no outcome to count.

    Raises:
        Missing: the role has no runs, or no seed is finished in all cells.
        UserError: a seed has two runs in one cell.
    """
    runs = evidence.of(role)
    if (twice := runs[runs.duplicated(["cell", "seed"])]).size:
        row = twice.iloc[0]
        raise UserError(f"{row['recipe']} on {row['task']} has two runs of seed {row['seed']} in the table of runs")
    cells = runs.groupby("seed")["cell"].count()
    whole = cells[cells == len(evidence.roles[role])].index
    if not len(whole):
        raise Missing(f"no seed of {role!r} is finished in all of its {len(evidence.roles[role])} cells")
    is_failed = runs["outcome"] == "failed"
    if not overfitted:
        is_failed &= ~_is_overfitted(runs)
    failed = is_failed.groupby(runs["seed"]).sum().loc[whole]
    return failed.loc[sorted(whole, key=seed_order)]
