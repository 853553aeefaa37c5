"""The planes of Figures 7 and 13: which failed and which successful run span one, chosen before anything is seen.

Both start from the same head: the order of the examples and the dropout masks alone decide which of them fails. Head
seeds are looked through in their order, and for each the order (and dropout) seeds 0, 1, 2, ...; the first failed and the
first successful run of the default recipe are taken. Where all runs of a head failed, its run with the paper's recipe is
the successful one. Diverged runs have no finite weights and are passed over.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from seedproof.paper.blocks import DEVLIN, Block, block, mosbach
from seedproof.paper.figure import FAILED, FITTED, Content, Found, choose, incomplete, passed_over
from seedproof.paper.scale import Scale
from seedproof.spec import Seeds

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from seedproof.measure.plane import Surface

TASKS = ("rte", "mrpc", "cola")

OF_A_STEP = 0.35
"""What 16 examples of a point cost in steps of 16 examples: batches are larger and of like length, and no optimizer follows.
A plane of the miniature, 1,600 points, took 4 to 9 minutes of 2 cores (2026-11-26), where the scale's step says 7."""


def of_head(scale: Scale, task: str, head: int) -> Block:
    """The runs of the default recipe that start from one head."""
    seeds = [Seeds(head=head, order=order, dropout=order) for order in range(scale.plane_orders)]
    return block(task, "bert", DEVLIN, seeds, weights=True)


def rescue(scale: Scale, task: str, head: int) -> Block:
    """The run that stands in where every run of a head failed."""
    return block(task, "bert", mosbach(scale), [Seeds.from_number(head)], weights=True)


def blocks(scale: Scale) -> list[Block]:
    """Everything that planes are chosen from."""
    tasks = scale.tasks_of(*TASKS)
    return [make(scale, task, head) for task in tasks for make in (of_head, rescue) for head in scale.plane_heads]


def pairs(found: Found, task: str) -> pd.DataFrame:
    """Every failed run of a task with its successful partner, in the stated order; the first row is the plane to draw.

    Returns:
        Columns ``task``, ``plane`` (a label), ``head`` (its seed), ``failed``, ``successful`` (run ids), their seeds and recipes.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for head in found.scale.plane_heads:
        runs = found.of(of_head(found.scale, task, head))
        partners = pd.concat([choose(runs, FITTED), choose(found.of(rescue(found.scale, task, head)), FITTED)])
        if partners.empty:
            continue
        partner = partners.iloc[0]
        failed = choose(runs, FAILED)
        rows += [_pair(failed.iloc[index], partner) | {"head": head} for index in range(len(failed))]
    return pd.DataFrame(
        rows,
        columns=[
            "task",
            "plane",
            "head",
            *(f"{what}{side}" for side in ("failed", "successful") for what in ("", "seed_", "recipe_")),
        ],
    )


def _pair(run: pd.Series[Any], partner: pd.Series[Any]) -> dict[str, Any]:
    names = {"task": run["task"], "plane": f"{run['task']} {run['seed']} and {partner['seed']}"}
    sides = (("failed", run), ("successful", partner))
    return names | {
        name: value
        for side, row in sides
        for name, value in ((side, row["run"]), (f"seed_{side}", row["seed"]), (f"recipe_{side}", row["recipe"]))
    }


def surfaces(found: Found) -> tuple[dict[str, Surface], pd.DataFrame, list[str]]:
    """The surface to draw for each task that has one, the table of all pairs, and notes on what is missing."""
    import pandas as pd

    drawn, tables, notes = {}, [], []
    for task in found.scale.tasks_of(*TASKS):
        table = pairs(found, task)
        tables.append(table)
        runs = found.of(*[of_head(found.scale, task, head) for head in found.scale.plane_heads])
        notes += [*incomplete(runs), *passed_over(runs)]
        if table.empty:
            counts = ", ".join(f"{len(choose(runs, outcome))} {outcome}" for outcome in (FAILED, FITTED))
            notes.append(
                f"{found.scale.task(task).name}: no plane, as no head has a failed and a fitted run ({counts})"
            )
            continue
        first = table.iloc[0]
        drawn[first["task"]] = found.measure.surface(first["failed"], first["successful"])
        losses = drawn[first["task"]].points.set_index("point")["loss"]
        [entropy] = found.label_entropies(runs).values()
        notes.append(
            f"{first['task']}: f is seed {first['seed_failed']} (loss {losses['f']:.3f}), s is seed "
            f"{first['seed_successful']} of {first['recipe_successful']} (loss {losses['s']:.3f}; head/order/dropout), the "
            f"first of {len(table)} pairs in the stated order; the entropy of the labels is {entropy:.3f}"
        )
    return drawn, pd.concat(tables, ignore_index=True), notes


def content(found: Found, *, barriers: bool) -> Content:
    """Tables of the planes; with ``barriers`` also those along the edges of all pairs, for the ledger."""
    import pandas as pd

    from seedproof.analysis.claims.evidence import Evidence

    drawn, table, notes = surfaces(found)
    tables = {
        name: pd.concat([one.tables[name].assign(task=task) for task, one in drawn.items()], ignore_index=True)
        if drawn
        else pd.DataFrame()
        for name in ("grid", "points", "edges")
    }
    tables |= {"planes": table}
    if not barriers:
        return Content(tables=tables, notes=notes)
    found_barriers = _barriers(found, table, drawn)
    heads = len(table.drop_duplicates(["task", "head"]))
    notes.append(
        f"barriers: on {len(table)} planes of different failed runs, {found.scale.edge_points} points an edge; the ledger counts "
        f"at most {heads}, the first of each head, as the planes of a head share their successful run, and of those only what "
        "has a successful point with a loss of at most half of the label entropy"
    )
    return Content(
        tables=tables | {"barriers": found_barriers},
        notes=notes,
        evidence=Evidence(
            runs=found.none, barriers=found_barriers, label_entropy=found.label_entropies(_runs(found, table))
        ),
        chosen_from=found.of(*blocks(found.scale))["run"].tolist(),
    )


def _runs(found: Found, table: pd.DataFrame) -> pd.DataFrame:
    """The runs of the tasks that have a plane."""
    runs = found.of(*blocks(found.scale))
    return runs[runs["task"].isin(table["task"])]


def _barriers(found: Found, pairs_table: pd.DataFrame, drawn: Mapping[str, Surface]) -> pd.DataFrame:
    """The edges of every pair, with the loss of its successful point; for a plane that is drawn also the best paths."""
    import pandas as pd

    parts = []
    for index, pair in enumerate(pairs_table.to_dict("records")):
        edges = found.measure.edges(pair["failed"], pair["successful"])
        losses = edges.points.set_index("point")["loss"]
        is_drawn = index == pairs_table.index[pairs_table["task"] == pair["task"]][0]
        paths = _paths(drawn[pair["task"]]) if is_drawn else {"loss_path": math.nan, "norm_path": math.nan}
        about = {"task": pair["task"], "plane": pair["plane"], "head": pair["head"], "run": pair["failed"]}
        parts.append(edges.barriers.assign(**about, successful_loss=losses["s"], failed_loss=losses["f"], **paths))
    columns = ["edge", "barrier", "maximum", "larger_end", "norm_ridge", "task", "head", "successful_loss"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def _paths(surface: Surface) -> dict[str, float]:
    """The least maximum over all paths of the grid from f to s: of the loss less its larger end, of the norm over its."""
    from seedproof.analysis.claims.ridges import least_maximum

    ends = surface.points.set_index("point").loc[["f", "s"]]
    tops = {value: least_maximum(surface.grid, value, (1.0, 0.0), (0.0, 1.0)) for value in ("loss", "gradient_norm")}
    return {
        "loss_path": max(0.0, tops["loss"] - float(ends["loss"].max())),
        "norm_path": max(1.0, tops["gradient_norm"] / float(ends["gradient_norm"].max())),
    }


def seconds(scale: Scale, *, barriers: bool) -> list[tuple[str, float]]:
    """What measuring is estimated to take: a forward and a backward pass of the examples a point."""
    passes = OF_A_STEP * scale.model("bert").seconds_per_step * scale.surface_examples / 16
    points = scale.surface_points**2 + 3 * scale.edge_points
    tasks = len(scale.tasks_of(*TASKS))
    parts = [(f"loss and gradient norm on {tasks} planes of {points:,} points", tasks * points * passes)]
    if barriers:
        runs = tasks * len(scale.plane_heads) * scale.plane_orders // 2
        parts.append((f"edges of about {runs} more planes", runs * 3 * scale.edge_points * passes))
    return parts
