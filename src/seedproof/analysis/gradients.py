"""Vanishing gradients (paper, Figures 4 and 10-12): norms per layer and weight against step, and when they vanish.

What vanishes is seen against the top of the model: in a failed run the classifier's gradient stays what it was while that
of the layers below falls by orders of magnitude. So a threshold is, unless told otherwise, a fraction of the classifier's
norm at the same step; that needs no other value for a model of another width, and does not mistake the end of a long
successful training, where all gradients become small together, for vanishing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from seedproof.analysis.locations import by_location
from seedproof.errors import UserError
from seedproof.probes.vanishing import LOWER, THRESHOLD, WEIGHTS

COLUMNS = ("run", "seed", "recipe", "outcome", "step", "layer", "kind", "norm", "steps")
VANISHING_COLUMNS = (
    *("run", "seed", "recipe", "outcome", "step", "fraction_of_training"),
    *("threshold", "relative", "lower", "layers", "lower_layers"),
)
Records = Mapping[str, Sequence[Mapping[str, Any]]]
"""The records of each run by its id, in order, as :meth:`seedproof.Results.records` gives them."""


def gradient_table(records_by_run: Records, runs: pd.DataFrame) -> pd.DataFrame:
    """Gather the norms of the loss gradient, before clipping, by layer and kind of weight.

    Args:
        records_by_run: of the runs to gather, with recorded gradients.
        runs: the table of runs; a run that appears in several cells takes the names of the first.

    Returns:
        Columns ``COLUMNS``: ``layer`` is missing outside of the layers, ``kind`` as in :mod:`seedproof.models.layers` and
        ``total`` over all parameters, ``norm`` is L2, ``steps`` the length of the whole training.

    Raises:
        UserError: a run has no gradients recorded, or is not in the table of runs.
    """
    parts = []
    for run, records in records_by_run.items():
        recorded = [record for record in records if record["kind"] == "gradients"]
        if not recorded:
            raise UserError(
                f"run {run} has no recording 'gradients'; to add it, give the study's command again with --record gradients"
            )
        about = about_run(run, runs)
        part = by_location(recorded, "norms", "total").assign(**about, steps=_length(run, runs))
        parts.append(part[list(COLUMNS)])
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(COLUMNS))


def about_run(run: str, runs: pd.DataFrame) -> dict[str, Any]:
    """The names of a run and its outcome: the columns by which tables of curves are told apart.

    Raises:
        UserError: the table of runs has no such run.
    """
    rows = runs[runs["run"] == run]
    if rows.empty:
        raise UserError(f"the table of runs has no run {run}; take both from the same study")
    first = rows.iloc[0]
    return {"run": run, "seed": first["seed"], "recipe": first["recipe"], "outcome": first["outcome"]}


def _length(run: str, runs: pd.DataFrame) -> int | None:
    steps = runs.loc[runs["run"] == run, "steps"].iloc[0]
    return None if pd.isna(steps) else int(steps)


def vanishing_steps(
    table: pd.DataFrame,
    *,
    threshold: float = THRESHOLD,
    relative: bool = True,
    lower: float = LOWER,
    kinds: Sequence[str] = WEIGHTS,
) -> pd.DataFrame:
    """The step from which the lower layers of each run stay under a threshold for good.

    The norm of the lower layers at a step is the median over their weights of the given kinds. Recordings are taken every
    so many steps (10 by default), so a step is known to that precision. A norm that is not finite is not under the threshold.

    Args:
        table: of :func:`gradient_table`.
        threshold: of the norm; if ``relative`` as a fraction of the classifier's norm at the same step.
        relative: False: ``threshold`` is a norm itself.
        lower: the fraction of the layers that counts as lower, rounded down, at least one. ALBERT's shared layers are one.
        kinds: of weight that count.

    Returns:
        A row per run, columns ``VANISHING_COLUMNS``: ``step`` (missing if the norm never stays under), that step over the
        steps of the whole training, the options, and how many of the layers counted.

    Raises:
        UserError: an option is outside its range, or a run has no norm of the classifier or of a layer.
    """
    if not threshold > 0:
        raise UserError(f"threshold must be above 0 but is {threshold}")
    if not 0 < lower <= 1:
        raise UserError(f"lower must be a fraction of the layers above 0 and up to 1 but is {lower}")
    rows = []
    for run, of_run in table.groupby("run", sort=False):
        layers = 0 if of_run["layer"].isna().all() else int(of_run["layer"].max()) + 1
        count = max(1, math.floor(lower * layers + 1e-9))
        norms = _lower_norms(str(run), of_run, count, kinds, relative)
        step = _under_for_good(norms, threshold)
        first, length = of_run.iloc[0], of_run["steps"].iloc[0]
        fraction = math.nan if step is None or pd.isna(length) else step / int(length)
        about = {name: first[name] for name in ("run", "seed", "recipe", "outcome")}
        options = {"threshold": threshold, "relative": relative, "lower": lower}
        rows.append(
            about
            | {"step": step, "fraction_of_training": fraction}
            | options
            | {"layers": layers, "lower_layers": count}
        )
    return pd.DataFrame(rows, columns=list(VANISHING_COLUMNS)).astype(
        {"step": "Int64", "fraction_of_training": "float64"}
    )


def vanishing_of_run(
    run: pd.Series[Any], records: Sequence[Mapping[str, Any]], runs: pd.DataFrame, kinds: Sequence[str] = WEIGHTS
) -> pd.DataFrame:
    """The row of :func:`vanishing_steps` for one finished run, with its default options.

    A run that diverged before any norm was recorded has no step and no layers: it did not vanish and stay so.

    Args:
        run: its row in the table of runs.
        records: of the run; the gradient norms are taken from them.
        runs: the table of runs.
        kinds: of weight that count.
    """
    norms = [record for record in records if record["kind"] == "gradients"]
    if run["reason"] == "diverged" and not any("norms" in record for record in norms):
        about = {name: run[name] for name in ("run", "seed", "recipe", "outcome")}
        options = {"threshold": THRESHOLD, "relative": True, "lower": LOWER}
        table = pd.DataFrame([about | options], columns=list(VANISHING_COLUMNS))
    else:
        table = vanishing_steps(gradient_table({run["run"]: norms}, runs), kinds=kinds)
    whole = dict.fromkeys(("step", "layers", "lower_layers"), "Int64")
    return table.astype({**whole, "fraction_of_training": "float64"})


def _lower_norms(run: str, of_run: pd.DataFrame, count: int, kinds: Sequence[str], relative: bool) -> pd.Series[Any]:
    """The median norm of the lower layers by step, in the order of the steps; NaN where one of them is not finite."""
    inside = of_run[(of_run["layer"] < count).fillna(False) & of_run["kind"].isin(kinds)]
    if inside.empty:
        raise UserError(
            f"run {run} has no gradient norms of {', '.join(kinds)} in its lowest {count} layers; name its kinds"
        )
    medians = inside.groupby("step")["norm"].agg(lambda norms: norms.median(skipna=False)).sort_index()
    if not relative:
        return medians
    top = of_run[of_run["kind"] == "classifier"].set_index("step")["norm"]
    if top.empty:
        raise UserError(
            f"run {run} has no gradient norms of a classifier to compare with; give relative=False and a norm"
        )
    return medians / top.reindex(medians.index)


def _under_for_good(norms: pd.Series[Any], threshold: float) -> int | None:
    under = (norms < threshold).to_numpy()
    if not under[-1]:
        return None
    above = [index for index, is_under in enumerate(under) if not is_under]
    return int(norms.index[above[-1] + 1 if above else 0])
