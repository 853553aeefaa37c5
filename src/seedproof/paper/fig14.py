"""Figure 14: training curves of failed and successful runs of the default recipe on RTE."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.paper.figure import FAILED, FITTED, Content, Figure, Found, choose, incomplete, lacking
from seedproof.paper.gradients import runs_of

if TYPE_CHECKING:
    import pandas as pd

DRAWN = 5
"""Runs of each outcome, the first ones."""


def _content(found: Found) -> Content:
    import pandas as pd

    from seedproof.analysis.curves import loss_table, score_table

    runs = found.of(runs_of(found.scale, "bert"))
    drawn = pd.concat([choose(runs, outcome, DRAWN) for outcome in (FAILED, FITTED)])
    records = found.records(drawn, ["loss", "evaluation"])
    notes = [
        *incomplete(runs),
        *lacking(runs, FAILED, 1, "curves"),
        *lacking(runs, FITTED, 1, "curves"),
        f"the first {DRAWN} runs of each outcome, where there are as many",
    ]
    tables = {"losses": loss_table(records, runs), "scores": score_table(records, runs)}
    entropies = found.label_entropies(runs)
    return Content(
        tables=tables | {"entropy": pd.DataFrame(entropies.items(), columns=["task", "entropy"])}, notes=notes
    )


def _draw(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    from seedproof.report.figures import draw_curves

    if tables["losses"].empty:
        return []
    entropy = tables["entropy"]["entropy"]
    line = ("entropy of the labels", float(entropy.iloc[0])) if len(entropy) else None
    losses = draw_curves(tables["losses"], folder / "fig14_loss.svg", y_label="training loss", reference=line)
    path = folder / "fig14_score.svg"
    return [losses, draw_curves(tables["scores"], path, y_label="development accuracy", of="evaluations")]


FIGURE = Figure(
    name="fig14",
    finding="The paper draws them without a finding of their own; that the loss of failed runs stays at ln 2 is in Figure 2.",
    blocks=lambda scale: [runs_of(scale, "bert")],
    content=_content,
    draw=_draw,
)
