"""Claims that tell runs that learned from runs that did not: their training loss, and what they forget.

A successful run that stands a few examples over the majority with its loss at the entropy has not learned either, so these
claims compare failed runs with *fitted* ones (:mod:`seedproof.analysis.endings`), on the same task.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seedproof.analysis.claims.base import Finding
from seedproof.analysis.claims.evidence import Evidence, Missing
from seedproof.analysis.claims.fractions import ENTROPY_TOLERANCE, SLIGHT, layers_to_undo
from seedproof.analysis.claims.groups import CONTRAST, FORGETS_MORE, SMALLEST_FORGETTING, difference_finding, factor
from seedproof.analysis.power import runs_for_shift
from seedproof.analysis.ranks import Shift

GROUPS = ("failed", "fitted", "fitted, corrected")
"""Runs of which forgetting is compared: of the default recipe, failed and fitted, and fitted ones with bias correction."""


def loss_at_entropy_of_failed_alone(evidence: Evidence) -> Finding:
    """Fraction of the default recipe's runs whose training loss ends at the label entropy: failed minus succeeded runs.

    The loss without dropout over the whole training set (the recording ``fit``). One that is not finite is not at the entropy.
    """
    runs = evidence.of("devlin")
    if "fit_loss" not in runs or runs["fit_loss"].isna().all():
        raise Missing("the training loss without dropout was not recorded (the recording 'fit')")
    for task in runs["task"].unique():
        if task not in evidence.label_entropy:
            raise Missing(f"the entropy of the training labels of {task!r} was not given")
    entropy = runs["task"].map(dict(evidence.label_entropy)).astype("float64")
    at = ((runs["fit_loss"] - entropy).abs() <= ENTROPY_TOLERANCE * entropy).to_numpy()
    failed = (runs["outcome"] == "failed").to_numpy()
    groups = at[failed].astype(np.int64), at[~failed].astype(np.int64)
    seen = (
        f"the training loss ends within {ENTROPY_TOLERANCE:.0%} of the label entropy in {groups[0].sum()} of {len(groups[0])} "
        f"failed runs and in {groups[1].sum()} of {len(groups[1])} successful ones"
    )
    return difference_finding(groups, CONTRAST, "fraction of failed minus successful runs at the entropy", seen)


def failed_runs_forget_more(evidence: Evidence) -> Finding:
    """Forgetting of failed minus that of fitted runs of the default recipe, in nats per masked token, on one task."""
    return _forgetting(evidence, "failed", "fitted", FORGETS_MORE, "test against ln 10")


def uncorrected_runs_forget_more(evidence: Evidence) -> Finding:
    """Forgetting of fitted runs without bias correction minus that of fitted runs with it, on one task."""
    return _forgetting(evidence, "fitted", "fitted, corrected", SLIGHT, f"test against {SLIGHT}")


def _forgetting(evidence: Evidence, first: str, second: str, margin: float, test: str) -> Finding:
    task, values = _of_one_task(evidence.table("forgetting"))
    shift = Shift(values[first], values[second])
    low, high = shift.interval()
    medians = {group: float(np.median(values[group])) for group in (first, second)}
    seen = " and ".join(
        f"the median {group} run of {task} forgets {median:.2f} nats per masked token (perplexity x {factor(median)})"
        for group, median in medians.items()
    )

    def needed(level: float) -> int | None:
        return runs_for_shift(Shift(values[first] - margin, values[second]).superiority, level=level)

    return Finding(
        effect_name=f"forgetting of {first} minus {second} runs (nats)",
        effect=shift.effect,
        low=low,
        high=high,
        p=shift.p_beyond(margin, "above"),
        p_against=shift.p_beyond(margin, "below"),
        n=min(len(values[first]), len(values[second])),
        unit="runs of each group",
        test=f"exact rank-sum {test}; Hodges and Lehmann's estimate",
        seen=f"{seen}, over {len(values[first])} and {len(values[second])} runs",
        needed=needed,
    )


def _of_one_task(table: pd.DataFrame) -> tuple[str, dict[str, NDArray[np.float64]]]:
    """The first task with enough runs of every group, else the first; what each group's runs forgot.

    Raises:
        Missing: the task has no run of a group.
    """
    if not {"task", "group"} <= set(table):
        raise Missing("the forgetting that was measured does not tell tasks and groups of runs")
    about = table.drop_duplicates("run").set_index("run")[["task", "group"]]
    runs = layers_to_undo(table).join(about, on="run")
    counts = runs.groupby(["task", "group"], sort=False).size().unstack(fill_value=0)
    counts = counts.reindex(columns=list(GROUPS), fill_value=0)
    whole = counts.index[(counts >= SMALLEST_FORGETTING).all(axis=1)]
    task = str(whole[0] if len(whole) else counts.index[0])
    of_task = runs[runs["task"] == task]
    values = {group: of_task.loc[of_task["group"] == group, "forgotten"].to_numpy(np.float64) for group in GROUPS}
    if missing := [group for group, found in values.items() if not len(found)]:
        raise Missing(f"forgetting was measured in no run of {task} that is {' nor '.join(missing)}")
    return task, values
