"""Claims that most runs, or most pairs of optima, have a property: an exact binomial test of a fraction.

The unit is a run (or a plane). A run for which the property cannot be computed because it diverged does not have it.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy.stats import binom

from seedproof.analysis.claims.base import Finding
from seedproof.analysis.claims.evidence import Evidence, Missing
from seedproof.analysis.power import runs_for_fraction
from seedproof.analysis.statistics import wilson_interval

ENTROPY_TOLERANCE = 0.05
"""A loss within 5 % of the label entropy is at it: no more than what the mean over an epoch with dropout wavers by, and
less than what a classifier of the task would gain (at .60 accuracy on balanced labels 3 %, at .65 7 %)."""
UPPER = 0.5
"""The paper sees forgetting in about the top 10 of 24 layers; up to half of the layers counts as upper."""
UNDONE = 0.1
"""Forgetting is undone when at most a tenth of it is left, in nats over the pre-trained model."""
SLIGHT = 0.1
"""Nats: forgetting below this, 10 % of perplexity, is none."""
BARRIER = 0.05
"""Nats above the larger end of the edge: 7 % of ln 2. Less is not told from a plateau by 128 examples."""
HALF = 0.5
"""More often than not: the weakest fraction that supports a general sentence, and one that five runs can show."""
SMALLEST_HALF = 5
"""All of 5 shows more than half at the level .05 (.5^5 = .031)."""


def forgetting_in_upper_layers(evidence: Evidence) -> Finding:
    """Failed runs whose forgetting is undone when at most the upper half of the layers is put back.

    Of those that forgot more than :data:`SLIGHT`: what was not forgotten is confined to no layers.
    """
    needed = layers_to_undo(evidence.table("forgetting"))
    failed = needed[needed["outcome"] == "failed"]
    kept = failed["forgotten"] <= SLIGHT  # NaN of a run whose loss is not a number is not
    fractions = failed.loc[~kept, "fraction"]
    seen = (
        f"putting back the upper half of the layers undoes {1 - UNDONE:.0%} of the forgetting in {{}} of {{}} failed runs that "
        "forgot"
    )
    if len(fractions):
        seen += f" (the median run needs {_percent(fractions.median())} of its layers)"
    if kept.any():
        seen += f"; {kept.sum()} of {len(failed)} failed runs forgot nothing (at most {SLIGHT} nats) and do not count"
    return fraction_finding(
        (fractions <= UPPER).to_numpy(),
        HALF,
        "failed runs that forgot",
        "failed runs that forget in upper layers only",
        seen,
    )


def layers_to_undo(forgetting: pd.DataFrame) -> pd.DataFrame:
    """How many layers have to be put back, from the top, until forgetting is undone and stays so.

    Args:
        forgetting: with columns ``run, outcome, layers_restored, embeddings, loss``; see :class:`Evidence`.

    Returns:
        A row per run: ``run, outcome, forgotten`` (nats at k = 0 over the pre-trained model), ``layers`` and ``fraction`` of
        all layers; both are infinite where fine-tuned embeddings alone keep it from being undone, and where the loss at
        k = 0 is not finite and stays so.

    Raises:
        Missing: a run lacks k = 0 or the pre-trained model.
    """
    rows = []
    for run, part in forgetting.groupby("run", sort=False):
        last = int(part["layers_restored"].max())
        original = part.loc[(part["layers_restored"] == last) & (part["embeddings"] == "pretrained"), "loss"]
        curve = part[part["embeddings"] == "finetuned"].set_index("layers_restored")["loss"].sort_index()
        if original.empty or 0 not in curve.index:
            raise Missing(f"forgetting of run {run} was not measured with no layer and with all layers put back")
        left = curve - float(original.iloc[0])
        forgotten = float(left.loc[0])
        bound = max(SLIGHT, UNDONE * forgotten) if math.isfinite(forgotten) else SLIGHT
        above = left.index[~(left <= bound)]
        after = left.index if above.empty else left.index[left.index > above[-1]]
        layers = float(after[0]) if len(after) else math.inf
        about = {"run": run, "outcome": part["outcome"].iloc[0], "forgotten": forgotten}
        rows.append(about | {"layers": layers, "fraction": layers / last})
    return pd.DataFrame(rows, columns=["run", "outcome", "forgotten", "layers", "fraction"])


def fraction_finding(has: np.ndarray, bound: float, unit: str, name: str, seen: str) -> Finding:
    """The finding on a fraction of units with a property. Shown: the fraction is above ``bound``. Shown wrong: it is below.

    Args:
        has: bool (units,).
        bound: of the fraction.
        unit: what is counted, plural.
        name: those with the property, plural.
        seen: text with two fields, for the count and for the number of units.
    """
    count, total = int(np.sum(has)), len(has)
    low, high = wilson_interval(count, total)

    def needed(level: float) -> int | None:
        return runs_for_fraction(count, total, bound=bound, level=level)

    return Finding(
        effect_name=f"fraction of {name}",
        effect=count / total if total else math.nan,
        low=low,
        high=high,
        p=float(binom.sf(count - 1, total, bound)),
        p_against=float(binom.cdf(count, total, bound)),
        n=total,
        unit=unit,
        test=f"exact binomial test against {bound}; Wilson's interval",
        seen=seen.format(count, total),
        needed=needed,
    )


def _percent(fraction: float) -> str:
    return f"{fraction:.1%}" if math.isfinite(fraction) else "not finite"
