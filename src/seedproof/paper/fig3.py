"""Figure 3: the size of the training set. All examples, few for as many epochs, few for as many steps.

A subset serves all seeds, as in the paper, which has one; a scale may have several. For another task or model, or a subset
for each seed, make the tasks with :func:`seedproof.subsample` and give them to a study; the recipe for equal steps is
``devlin(max_steps=...)``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.paper.blocks import DEVLIN, Block, block
from seedproof.paper.boxes import boxes, draw_boxes, failures
from seedproof.paper.figure import Content, Figure, Found, cell_keys, incomplete
from seedproof.paper.scale import Scale
from seedproof.paper.sizes import PAPER
from seedproof.recipes import recipe

if TYPE_CHECKING:
    import pandas as pd

FULL, FEW, LONG = "all examples", "few examples, same epochs", "few examples, same steps"


def _parts(scale: Scale) -> dict[str, list[Block]]:
    """The three boxes, each over the tasks."""
    parts: dict[str, list[Block]] = {FULL: [], FEW: [], LONG: []}
    for task, examples in scale.subsets.items():
        for subset in scale.subset_seeds:
            full, few = block(task, "bert", DEVLIN, scale.seeds), {"examples": examples, "subset": subset}
            parts[FULL].append(full)  # once for each subset, which is matched with it
            parts[FEW].append(block(task, "bert", DEVLIN, scale.seeds, **few))
            as_many = recipe("devlin", max_steps=full.steps(scale))
            parts[LONG].append(block(task, "bert", as_many, scale.seeds, **few))
    return parts


def _content(found: Found) -> Content:
    import pandas as pd

    from seedproof.analysis.claims.evidence import Evidence

    parts, scale = _parts(found.scale), found.scale
    if not parts[FULL]:  # of a choice of tasks: those without a subset are not in the paper's figure
        none, drawn = found.none, ", ".join(PAPER.task(role).title for role in PAPER.subsets)
        note = (
            f"nothing to draw: of {', '.join(scale.tasks)} there are no smaller training sets; the paper draws {drawn}"
        )
        return Content(tables={"boxes": boxes(none), "failures": failures(none)}, notes=[note])
    runs = {name: found.of(*blocks) for name, blocks in parts.items()}
    shown = pd.concat([_named(scale, blocks, name, found) for name, blocks in parts.items()], ignore_index=True)
    notes = incomplete(shown) + [
        f"{scale.task(each.task).title}: {each.examples:,} of {scale.task(each.task).train:,} examples, drawn with seed "
        f"{each.subset}, the same for all seeds; {short.steps(scale)} steps, or {each.steps(scale)} as with all"
        for short, each in zip(parts[FEW], parts[LONG], strict=True)
    ]
    evidence = Evidence(
        runs=pd.concat(runs.values(), ignore_index=True),
        roles={
            "full data": cell_keys(scale, *parts[FULL]),
            "few examples, same epochs": cell_keys(scale, *parts[FEW]),
            "few examples, same steps": cell_keys(scale, *parts[LONG]),
        },
    )
    return Content(tables={"boxes": boxes(shown), "failures": failures(shown)}, notes=notes, evidence=evidence)


def _named(scale: Scale, blocks: list[Block], name: str, found: Found) -> pd.DataFrame:
    """The runs of a box under its name, tasks under that of the whole task, so that the boxes stand side by side."""
    import pandas as pd

    parts = [found.of(each).assign(task=scale.task(each.task).name, recipe=name) for each in blocks]
    whole = pd.concat(parts, ignore_index=True).drop_duplicates("run", ignore_index=True)
    # Runs of two subsets have one seed each: told apart, or a seed would seem to have run twice.
    several = whole.groupby(["task", "seed"], sort=False).cumcount()
    return whole.assign(
        seed=[f"{seed}/{subset}" if subset else seed for seed, subset in zip(whole["seed"], several, strict=True)]
    )


def _draw(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    return draw_boxes(tables["boxes"], folder / "fig3.svg")


FIGURE = Figure(
    name="fig3",
    finding="With 1,000 examples and 3 epochs runs fail often; with as many steps as the full data takes, none fails on MRPC and "
    "QNLI and one on CoLA: too few steps, not too few examples.",
    blocks=lambda scale: [each for blocks in _parts(scale).values() for each in blocks],
    content=_content,
    draw=_draw,
)
