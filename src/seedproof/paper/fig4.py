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
from seedproof.probes.vanishing import ATTENTION

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("query", "pooler", "classifier")


def _blocks(scale: Scale) -> list[Block]:
    return [runs_of(scale, "bert", task) for task in scale.tasks_of("rte", "mrpc", "cola")]


def _content(found: Found) -> Content:
    from seedproof.analysis.claims.evidence import Evidence

    drawn = gradient_content(found, "bert", KINDS)
    others = found.of(*_blocks(found.scale)[1:])
    tables = {
        name: _joined(drawn.tables[name], vanishing(found, others, kinds))
        for name, kinds in (("vanishing", None), ("vanishing_attention", ATTENTION))
    }
    attention = tables["vanishing_attention"]
    return Content(
        tables={"norms": drawn.tables["norms"], **tables},
        notes=drawn.notes,
        evidence=Evidence(runs=found.of(*_blocks(found.scale)), vanishing=attention if len(attention) else None),
    )


def _joined(first: pd.DataFrame, second: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    return pd.concat([part for part in (first, second) if len(part)] or [first], ignore_index=True)


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
