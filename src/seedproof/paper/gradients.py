"""Gradient norms of a failed and a successful run of the default recipe (Figures 4 and 10 to 12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.paper.blocks import DEVLIN, Block, block
from seedproof.paper.figure import FAILED, SUCCEEDED, Content, Found, choose, incomplete, lacking
from seedproof.paper.scale import Scale

if TYPE_CHECKING:
    import pandas as pd

KINDS = ("query", "key", "value", "attention output", "intermediate", "output", "pooler", "classifier")
"""The weights of Figures 10 to 12."""


def runs_of(scale: Scale, model: str, task: str = "rte") -> Block:
    """The default recipe on a task."""
    return block(task, model, DEVLIN, scale.seeds)


def gradient_content(found: Found, model: str, kinds: Sequence[str] = KINDS) -> Content:
    """Norms of the first failed and the first successful run, and for every run when its lower layers vanish."""
    import pandas as pd

    from seedproof.analysis.gradients import gradient_table

    runs = found.of(runs_of(found.scale, model))
    drawn = pd.concat([choose(runs, outcome, 1) for outcome in (FAILED, SUCCEEDED)])
    norms = gradient_table(found.records(drawn, ["gradients"]), runs)
    shown = norms[norms["kind"].isin(kinds)].reset_index(drop=True)
    what = f"gradient norms, {found.scale.model(model).name}"
    notes = [*incomplete(runs), *lacking(runs, FAILED, 1, what), *lacking(runs, SUCCEEDED, 1, what)]
    notes += [f"{run['outcome']}: seed {run['seed']}, the first one" for run in drawn.to_dict("records")]
    return Content(tables={"norms": shown, "vanishing": vanishing(found, runs)}, notes=notes)


def vanishing(found: Found, runs: pd.DataFrame) -> pd.DataFrame:
    """The step from which the lower layers of each finished run stay under the threshold; one run at a time in memory."""
    import pandas as pd

    from seedproof.analysis.gradients import VANISHING_COLUMNS, vanishing_of_run

    parts = []
    for row in range(len(runs)):
        run = runs.iloc[row]
        records = found.records(runs.iloc[[row]], ["gradients"])
        if records and len(steps := vanishing_of_run(run, records[run["run"]], runs)):  # no records: not finished
            parts.append(steps.assign(task=run["task"], model=run["model"]))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(VANISHING_COLUMNS))


def draw_norms(tables: Mapping[str, pd.DataFrame], path: Path) -> list[Path]:
    """Draw the norms; nothing where there is no run to draw."""
    from seedproof.report.figures import draw_gradient_norms

    return [draw_gradient_norms(tables["norms"], path)] if len(tables["norms"]) else []
