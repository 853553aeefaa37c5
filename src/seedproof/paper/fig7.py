"""Figure 7: training loss on the plane through the pre-trained, a failed and a successful model, and barriers between them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.paper import planes
from seedproof.paper.figure import Figure

if TYPE_CHECKING:
    import pandas as pd


def _draw(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    from seedproof.report.figures import draw_surface

    if tables["grid"].empty:
        return []
    return [draw_surface(tables["grid"], tables["points"], folder / "fig7.svg", edges=tables["edges"])]


FIGURE = Figure(
    name="fig7",
    finding="The failed model lies in a valley of its own, apart from the pre-trained and the successful one.",
    blocks=planes.blocks,
    content=lambda found: planes.content(found, barriers=True),
    draw=_draw,
    measured=lambda scale: planes.seconds(scale, barriers=True),
)
