"""Figure 1: every run of the default recipe, Mixout and the paper's baseline on RTE, MRPC and CoLA."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.paper.boxes import boxes, draw_boxes, failures
from seedproof.paper.figure import Content, Figure, Found, incomplete
from seedproof.paper.table1 import compared

if TYPE_CHECKING:
    import pandas as pd


def _content(found: Found) -> Content:
    runs = found.of(*compared(found.scale))
    return Content(tables={"boxes": boxes(runs), "failures": failures(runs)}, notes=incomplete(runs))


def _draw(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    return draw_boxes(tables["boxes"], folder / "fig1.svg")


FIGURE = Figure(
    name="fig1",
    finding="The default recipe and Mixout fail on some seeds; with bias correction and longer training none fails and the "
    "spread is small.",
    blocks=compared,
    content=_content,
    draw=_draw,
)
