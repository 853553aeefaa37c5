"""Figure 2: what failed and successful runs have forgotten. The top k layers are put back to their pre-trained weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedproof.paper.blocks import DEVLIN, Block, block, varied
from seedproof.paper.figure import FAILED, FITTED, Content, Figure, Found, choose, incomplete, lacking, passed_over
from seedproof.paper.planes import TASKS as PLANE_TASKS
from seedproof.paper.planes import of_head
from seedproof.paper.scale import Scale

if TYPE_CHECKING:
    import pandas as pd

DRAWN = 3
"""Failed and successful runs in the figure, as in the paper; the ledger takes more."""


def _of_rte(scale: Scale) -> list[Block]:
    """The default recipe on RTE: coupled seeds first, then the runs for planes; runs are taken in this order."""
    planes = [of_head(scale, "rte", head) for head in scale.plane_heads]
    return [block("rte", "bert", DEVLIN, scale.seeds, weights=True), *planes]


def _corrected(scale: Scale) -> Block:
    """The same with bias correction: what of the contrast is the outcome's, and what the correction's."""
    return block("rte", "bert", varied(correction=True), scale.seeds, weights=True)


def _of_others(scale: Scale) -> list[Block]:
    """The runs for planes on the other tasks, which fill up what the ledger wants: the figure itself is about RTE."""
    others = [task for task in scale.tasks_of(*PLANE_TASKS) if task != "rte"]
    return [of_head(scale, task, head) for task in others for head in scale.plane_heads]


def _content(found: Found) -> Content:
    import pandas as pd

    from seedproof.analysis.claims.evidence import Evidence
    from seedproof.analysis.curves import loss_table

    scale = found.scale
    runs, more = found.of(*_of_rte(scale)), found.of(*_of_rte(scale), *_of_others(scale))
    corrected = found.of(_corrected(scale))
    wanted = {
        "failed": choose(more, FAILED, scale.forgetting_runs),
        "fitted": choose(more, FITTED, scale.forgetting_runs),
    }
    wanted["fitted, corrected"] = choose(corrected, FITTED, scale.forgetting_runs)
    chosen = pd.concat([part.assign(group=group) for group, part in wanted.items()], ignore_index=True)
    drawn = pd.concat([choose(runs, outcome, DRAWN) for outcome in (FAILED, FITTED)])
    parts = [_measured_on(found, chosen.iloc[row]) for row in range(len(chosen))]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()
    shown = table[table["run"].isin(drawn["run"])].reset_index(drop=True) if len(table) else table
    notes = [
        *incomplete(more),
        *passed_over(more),
        *lacking(runs, FAILED, DRAWN, "forgetting"),
        *lacking(runs, FITTED, DRAWN, "forgetting"),
    ]
    on_rte = int((chosen["task"] == scale.task("rte").name).sum())
    notes.append(
        f"text: {found.measure.text_name}; the first {len(drawn)} runs of RTE are drawn, {len(chosen)} were measured for the "
        f"ledger, {on_rte} of them on RTE"
    )
    return Content(
        tables={
            "forgetting": shown,
            "losses": loss_table(found.records(drawn, ["loss"]), runs),
            "all_measured": table,
            "entropy": pd.DataFrame(found.label_entropies(runs).items(), columns=["task", "entropy"]),
        },
        notes=notes,
        # No runs: the seeds for planes are not a sample of any cell of a claim.
        evidence=Evidence(runs=found.none, forgetting=table if len(table) else None),
        chosen_from=[*_up_to_the_last(more, chosen), *chosen["run"]],
    )


def _up_to_the_last(runs: pd.DataFrame, chosen: pd.DataFrame) -> list[str]:
    """The runs that were looked through, in the order in which they are taken."""
    taken = runs.index[runs["run"].isin(chosen["run"])]
    return [] if taken.empty else runs["run"].loc[: taken[-1]].tolist()


def _measured_on(found: Found, run: pd.Series[Any]) -> pd.DataFrame:
    about = {name: run[name] for name in ("task", "run", "seed", "outcome", "group")}
    return found.measure.forgetting(run["run"]).assign(**about)


def _draw(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    from seedproof.report.figures import draw_forgetting

    if tables["forgetting"].empty:
        return []
    entropies = tables["entropy"]["entropy"]
    entropy = float(entropies.iloc[0]) if len(entropies) else None
    return [draw_forgetting(tables["forgetting"], tables["losses"], folder / "fig2.svg", entropy=entropy)]


def _measured(scale: Scale) -> list[tuple[str, float]]:
    known, runs = scale.model("bert"), 3 * scale.forgetting_runs
    # About half of all layers are applied once for each of the L + 1 depths; a step is three passes over 16 examples.
    passes = (known.layers + 2) / 2 * known.seconds_per_step / 3 * scale.text_sequences / 16
    return [(f"forgetting of up to {runs} runs, {known.layers + 1} depths each", runs * passes)]


FIGURE = Figure(
    name="fig2",
    finding="Failed runs have forgotten what the top ten or so layers knew, successful ones far less; the training loss of "
    "failed runs stays at ln 2.",
    blocks=lambda scale: [*_of_rte(scale), *_of_others(scale), _corrected(scale)],
    content=_content,
    draw=_draw,
    measured=_measured,
)
