"""Figure 8: score against step of successful long runs (a), and final score against final training loss of a grid (b)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.paper.ablation import grid, names
from seedproof.paper.blocks import baseline, short_name
from seedproof.paper.figure import SUCCEEDED, Content, Figure, Found, cell_keys, choose, incomplete, lacking

if TYPE_CHECKING:
    import pandas as pd

    from seedproof.analysis.claims.evidence import Evidence

RUNS = 10
"""Successful runs whose scores are drawn, as in the paper."""


def _content(found: Found) -> Content:
    import pandas as pd

    from seedproof.analysis.curves import score_table
    from seedproof.analysis.generalization import COLUMNS, HARM, generalization_table, loss_score_correlation

    scale = found.scale
    long, cells = found.of(baseline(scale, "rte")), found.of(*grid(scale))
    chosen = choose(long, SUCCEEDED, RUNS)
    curves = score_table(found.records(chosen, ["evaluation"]), long)
    is_any_done = (cells["state"] == "finished").any()
    table = generalization_table(cells) if is_any_done else pd.DataFrame(columns=list(COLUMNS))
    named = table.assign(recipe=[names(scale)[recipe] for recipe in table["recipe"]])
    notes = [
        *incomplete(long),
        *incomplete(cells),
        *lacking(long, SUCCEEDED, min(RUNS, len(long)), "scores against step"),
    ]
    notes.append(
        f"correlation: p against “a low loss does harm” ({HARM} or more), p_against against “it does none” (0 or less), over "
        "all cells together, not corrected for the number of claims; the ledger's is within rate and correction"
    )
    notes.append(f"(b) has {len(table)} runs of {len(grid(scale))} cells, the paper 450 of 18")
    return Content(
        tables={"scores": curves, "generalization": named, "correlation": loss_score_correlation(named)},
        notes=notes,
        evidence=_evidence(found, cells),
    )


def _evidence(found: Found, cells: pd.DataFrame) -> Evidence:
    """The grid's own runs: some of its cells have more seeds in Figure 5 and Table 1, which would weigh more than others."""
    from seedproof.analysis.claims.evidence import Evidence

    keys = cell_keys(found.scale, *grid(found.scale))
    strata = {each.recipe.name: short_name(each.recipe) for each in grid(found.scale)}
    return Evidence(runs=cells, roles={"grid": keys}, only={"grid": frozenset(cells["run"])}, strata=strata)


def _draw(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    from seedproof.report.figures import draw_curves, draw_generalization

    drawn = []
    if len(tables["scores"]):
        path = folder / "fig8a.svg"
        drawn.append(draw_curves(tables["scores"], path, y_label="development accuracy", of="evaluations"))
    if len(tables["generalization"]):
        drawn.append(draw_generalization(tables["generalization"], folder / "fig8b.svg"))
    return drawn


FIGURE = Figure(
    name="fig8",
    finding="Scores of successful runs keep moving without harmful overfitting, and over all runs the score is flat "
    "from a training loss of 1e-5 to one of 1e-1.",
    blocks=lambda scale: [baseline(scale, "rte"), *grid(scale)],
    content=_content,
    draw=_draw,
)
