"""Figure 9: learning rate x epochs x bias correction on RTE, every run and a box per cell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.paper.ablation import grid
from seedproof.paper.blocks import short_name
from seedproof.paper.boxes import boxes, draw_boxes, failures
from seedproof.paper.figure import Content, Figure, Found, incomplete
from seedproof.printable import counted

if TYPE_CHECKING:
    import pandas as pd


def _content(found: Found) -> Content:
    import pandas as pd

    # The length of the training joins the model's name, so that each length is a panel of its own.
    parts = []
    for each in grid(found.scale):
        runs = found.of(each)
        model = runs["model"] + f", {counted(each.recipe.epochs, 'epoch')}"
        parts.append(runs.assign(model=model, recipe=short_name(each.recipe)))
    shown = pd.concat(parts, ignore_index=True)
    return Content(tables={"boxes": boxes(shown), "failures": failures(shown)}, notes=incomplete(shown))


def _draw(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    return draw_boxes(tables["boxes"], folder / "fig9.svg")


FIGURE = Figure(
    name="fig9",
    finding="The runs of Figure 8b cell by cell; the paper draws them without a finding of their own.",
    blocks=grid,
    content=_content,
    draw=_draw,
)
