"""The demo: devlin against the same with bias correction, on the embedded miniature. ``seedproof demo`` runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedproof.analysis.answer import answers, verdict
from seedproof.recipes import recipe
from seedproof.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from seedproof.analysis.differences import Comparison

SEEDS = 8
TASK = "miniature/entailment"
MODEL = "miniature/bert"
CORRECTED = "devlin + bias correction"


def demo_study() -> Study:
    """Seeds 0 to 7, three epochs, the learning rate of the model's card: ``docs/miniature.md`` has the same over 25."""
    corrected = recipe("devlin", label=CORRECTED, bias_correction=True)
    return Study(
        "demo", tasks=[TASK], models=[MODEL], recipes=[recipe("devlin"), corrected], seeds=SEEDS, engine="fleet"
    )


def conclusion(summary: pd.DataFrame) -> str:
    """What was seen and whether it decides anything, with the numbers; ``summary`` may have more cells than the demo's own."""
    cells = summary[(summary["task"] == TASK) & (summary["model"] == MODEL)]
    by_name = cells.set_index("recipe")
    parts = []
    for name, words in (("devlin", "without bias correction"), (CORRECTED, "with it, same seeds and epochs")):
        cell = by_name.loc[name]
        parts.append(
            f"{cell.failed} of {cell.finished} runs failed {words} (mean {cell.metric} {cell['mean']:.3f}, SD {cell.sd:.3f})"
        )
    seen = f"What was seen: {' and '.join(parts)}."
    [answer] = answers(cells[cells["recipe"].isin(["devlin", CORRECTED])])
    return f"{seen} {_decides(answer.comparisons[0])}" if answer.comparisons else seen


def _decides(one: Comparison) -> str:
    """Whether the failures of two recipes differ by more than chance; pairs of seeds, so the paired exact test."""
    if verdict(one.rate) != "open":
        return f"That is more than chance: p = {one.rate.p_corrected:.3f}."
    begin = f"That decides nothing about failures: by chance alone such a difference is seen with p = {one.rate.p_corrected:.2g}"
    if one.rate.seeds_needed is None:
        return f"{begin}."
    more = one.rate.seeds_needed - one.seeds
    return f"{begin}, and about {more} more seeds would decide if things are as they look."
