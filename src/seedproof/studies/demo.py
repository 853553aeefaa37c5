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


def demo_study() -> Study:
    """Seeds 0 to 7, three epochs, the learning rate of the model's card: ``docs/miniature.md`` has the same over 25."""
    corrected = recipe("devlin", label="devlin + bias correction", bias_correction=True)
    return Study("demo", tasks=[TASK], models=[MODEL], recipes=[recipe("devlin"), corrected], seeds=SEEDS)


def conclusion(summary: pd.DataFrame) -> str:
    """What was seen, in one sentence with its numbers."""
    parts = [
        f"{row.failed} of {row.finished} runs failed {words} (SD of {row.metric} {row.sd:.3f})"
        for row, words in zip(
            summary.itertuples(), ("without bias correction", "with it, same seeds and epochs"), strict=True
        )
    ]
    return f"What was seen: {' and '.join(parts)}."
