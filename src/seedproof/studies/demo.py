"""The demo: devlin against the same with bias correction, on the embedded miniature. ``seedproof demo`` runs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedproof.recipes import recipe
from seedproof.study import Study

if TYPE_CHECKING:
    import pandas as pd

SEEDS = 8
TASK = "miniature/acceptability"
MODEL = "miniature/bert"
CORRECTED = "devlin + bias correction"


def demo_study() -> Study:
    """Seeds 0 to 7, three epochs, the learning rate of the model's card: ``docs/miniature.md`` has the same over 25."""
    corrected = recipe("devlin", label=CORRECTED, bias_correction=True)
    return Study("demo", tasks=[TASK], models=[MODEL], recipes=[recipe("devlin"), corrected], seeds=SEEDS)


def conclusion(summary: pd.DataFrame) -> str:
    """What was seen, in one sentence with its numbers; ``summary`` may have more cells than the demo's own."""
    cells = summary[(summary["task"] == TASK) & (summary["model"] == MODEL)].set_index("recipe")
    parts = []
    for name, words in (("devlin", "without bias correction"), (CORRECTED, "with it, same seeds and epochs")):
        cell = cells.loc[name]
        parts.append(f"{cell.failed} of {cell.finished} runs failed {words} (SD of {cell.metric} {cell.sd:.3f})")
    return f"What was seen: {' and '.join(parts)}."
