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
    """Norms of the first failed and the first successful run, and for every run when its lower layers vanish.

    The latter by the median over all kinds of weight, as the report shows it, and for the ledger by queries and keys.
    """
    import pandas as pd

    from seedproof.analysis.claims.evidence import Evidence
    from seedproof.analysis.gradients import gradient_table
    from seedproof.probes.vanishing import ATTENTION

    runs = found.of(runs_of(found.scale, model))
    drawn = pd.concat([choose(runs, outcome, 1) for outcome in (FAILED, SUCCEEDED)])
    norms = gradient_table(found.records(drawn, ["gradients"]), runs)
    shown = norms[norms["kind"].isin(kinds)].reset_index(drop=True)
    what = f"gradient norms, {found.scale.model(model).name}"
    notes = [*incomplete(runs), *lacking(runs, FAILED, 1, what), *lacking(runs, SUCCEEDED, 1, what)]
    notes += [f"{run['outcome']}: seed {run['seed']}, the first one" for run in drawn.to_dict("records")]
    attention = vanishing(found, runs, ATTENTION)
    return Content(
        tables={"norms": shown, "vanishing": vanishing(found, runs), "vanishing_attention": attention},
        notes=notes,
        evidence=Evidence(runs=runs, vanishing=attention if len(attention) else None),
    )


def vanishing(found: Found, runs: pd.DataFrame, kinds: Sequence[str] | None = None) -> pd.DataFrame:
    """The step from which the lower layers of each finished run stay under the threshold; one run at a time in memory.

    Args:
        found: the records.
        runs: of one model or several.
        kinds: of weight that count; None: all that the analysis takes by default.
    """
    import pandas as pd

    from seedproof.analysis.gradients import VANISHING_COLUMNS, vanishing_of_run
    from seedproof.probes.vanishing import WEIGHTS

    parts = []
    for row in range(len(runs)):
        run = runs.iloc[row]
        records = found.records(runs.iloc[[row]], ["gradients"])
        if records and len(
            steps := vanishing_of_run(run, records[run["run"]], runs, kinds or WEIGHTS)
        ):  # no records: not finished
            parts.append(steps.assign(task=run["task"], model=run["model"], family=_family(found.scale, run["model"])))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(VANISHING_COLUMNS))


def _family(scale: Scale, model: str) -> str:
    return next(known.family for known in scale.models.values() if known.name == model)


def draw_norms(tables: Mapping[str, pd.DataFrame], path: Path) -> list[Path]:
    """Draw the norms; nothing where there is no run to draw."""
    from seedproof.report.figures import draw_gradient_norms

    return [draw_gradient_norms(tables["norms"], path)] if len(tables["norms"]) else []
