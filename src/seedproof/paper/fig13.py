"""Figure 13: the norm of the loss gradient on the planes of Figure 7, which are measured once for both."""

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
    path = folder / "fig13.svg"
    return [draw_surface(tables["grid"], tables["points"], path, value="gradient_norm", edges=tables["edges"])]


FIGURE = Figure(
    name="fig13",
    finding="A barrier of large gradient norms separates the failed model from the other two.",
    blocks=planes.blocks,
    content=lambda found: planes.content(found, barriers=False),
    draw=_draw,
    measured=lambda scale: planes.seconds(scale, barriers=False),
)
