"""Figure 4: gradients vanish in failed runs. Norms of the query weights of each layer, of pooler and classifier.

The figure is about RTE; the step from which the lower layers have vanished is also taken on MRPC and CoLA, so that there
are enough failed runs to decide the claim.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.paper.blocks import Block
from seedproof.paper.figure import Content, Figure, Found
from seedproof.paper.gradients import draw_norms, gradient_content, runs_of, vanishing
from seedproof.paper.scale import Scale

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("query", "pooler", "classifier")


def _blocks(scale: Scale) -> list[Block]:
    return [runs_of(scale, "bert", task) for task in ("rte", "mrpc", "cola")]


def _content(found: Found) -> Content:
    import pandas as pd

    from seedproof.analysis.claims.evidence import Evidence

    drawn = gradient_content(found, "bert", KINDS)
    others = [vanishing(found, found.of(each)) for each in _blocks(found.scale)[1:]]
    table = pd.concat(
        [part for part in (drawn.tables["vanishing"], *others) if len(part)] or [drawn.tables["vanishing"]],
        ignore_index=True,
    )
    return Content(
        tables={"norms": drawn.tables["norms"], "vanishing": table},
        notes=drawn.notes,
        evidence=Evidence(runs=found.of(*_blocks(found.scale)), vanishing=table if len(table) else None),
    )


def _draw(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    return draw_norms(tables, folder / "fig4.svg")


FIGURE = Figure(
    name="fig4",
    finding="In failed runs the gradients of all but the top layers vanish early and never recover; in successful ones they "
    "are small until about step 70 and then grow.",
    blocks=_blocks,
    content=_content,
    draw=_draw,
)
