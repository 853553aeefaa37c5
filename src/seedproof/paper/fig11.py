"""Figure 11: gradient norms of a failed and a successful run, every kind of weight, RoBERTa."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.paper.figure import Figure
from seedproof.paper.gradients import draw_norms, gradient_content, runs_of

if TYPE_CHECKING:
    import pandas as pd


def _draw(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    return draw_norms(tables, folder / "fig11.svg")


FIGURE = Figure(
    name="fig11",
    model="roberta",
    finding="The same pattern as in Figure 4 with RoBERTa.",
    blocks=lambda scale: [runs_of(scale, "roberta")],
    content=lambda found: gradient_content(found, "roberta"),
    draw=_draw,
)
