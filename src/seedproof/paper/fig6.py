"""Figure 6: the factor k(t) of bias correction, and the real step size of each recipe with warm-up and schedule included."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.paper.blocks import Block, block, mosbach, varied
from seedproof.paper.figure import Content, Figure, Found
from seedproof.paper.scale import Scale
from seedproof.printable import counted
from seedproof.recipes import Recipe, recipe, resolve

if TYPE_CHECKING:
    import pandas as pd


def _shown(scale: Scale) -> list[tuple[str, Block]]:
    """Recipes on RTE whose steps are shown, with their labels. They are not run for this."""
    quarter = recipe("devlin-quarter-lr")
    shown = [
        ("BERT, no correction", block("rte", "bert", "devlin", 1)),
        ("BERT, with correction", block("rte", "bert", varied(correction=True), 1)),
        ("BERT, no correction, lr x0.25", block("rte", "bert", quarter, 1)),
        (f"BERT, with correction, {counted(scale.long_epochs, 'epoch')}", block("rte", "bert", mosbach(scale), 1)),
        ("RoBERTa, no correction", block("rte", "roberta", "devlin", 1)),
        ("ALBERT, no correction", block("rte", "albert", "devlin", 1)),
    ]
    return [(label, each) for label, each in shown if each.model in scale.models]


def _resolved(scale: Scale, each: Block) -> Recipe:
    known = scale.model(each.model)
    return resolve(each.recipe, known.family, known.card, scale.settings).recipe


def _content(found: Found) -> Content:
    from seedproof.analysis.step_sizes import matched_divisors, step_size_table

    shown, scale = _shown(found.scale), found.scale
    table = step_size_table(
        {label: _resolved(scale, each) for label, each in shown}, {label: each.steps(scale) for label, each in shown}
    )
    return Content(tables={"step_sizes": table, "divisors": matched_divisors(table)})


def _draw(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    from seedproof.report.figures import draw_step_sizes

    return [draw_step_sizes(tables["step_sizes"], folder / "fig6.svg")]


FIGURE = Figure(
    name="fig6",
    finding="The factor is far below 1 for the first hundreds of steps, so leaving it out makes early steps several times "
    "larger.",
    blocks=lambda _scale: [],
    content=_content,
    draw=_draw,
)
