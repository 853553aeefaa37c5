"""Figure 5: learning rate x bias correction for three model families on RTE, and the control at a quarter of the rate."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.paper.blocks import QUARTER, Block, block, short_name, varied
from seedproof.paper.boxes import boxes, draw_boxes, failures
from seedproof.paper.figure import Content, Figure, Found, cell_keys, incomplete
from seedproof.paper.scale import Scale
from seedproof.recipes import recipe

if TYPE_CHECKING:
    import pandas as pd

    from seedproof.analysis.claims.evidence import Evidence, Role

FAMILIES = ("bert", "roberta", "albert")


def _rates(scale: Scale, model: str, correction: bool) -> list[Block]:
    return [block("rte", model, varied(factor, correction=correction), scale.seeds) for factor in scale.rates]


def _quarter(scale: Scale, model: str) -> Block:
    return block("rte", model, QUARTER, scale.seeds)


def _blocks(scale: Scale) -> list[Block]:
    blocks: list[Block] = []
    for model in scale.models_of(*FAMILIES):
        blocks.append(_quarter(scale, model))
        for plain, corrected in zip(_rates(scale, model, False), _rates(scale, model, True), strict=True):
            blocks += [plain, corrected]
    return blocks


def _content(found: Found) -> Content:
    blocks = _blocks(found.scale)
    runs, names = found.of(*blocks), {each.recipe.name: short_name(each.recipe) for each in blocks}
    notes = [*incomplete(runs), f"{names[QUARTER]} is a control that the paper does not have"]
    tables = {"boxes": boxes(runs, names), "failures": failures(runs, names)}
    return Content(tables=tables, notes=notes, evidence=_evidence(found, runs))


def _evidence(found: Found, runs: pd.DataFrame) -> Evidence:
    from seedproof.analysis.claims.evidence import CellKey, Evidence

    scale = found.scale
    roles: dict[Role, tuple[CellKey, ...]] = {}
    for model in FAMILIES:
        for word, correction in (("uncorrected", False), ("corrected", True)):
            blocks = _rates(scale, model, correction) if model in scale.models else []
            roles[f"{model} {word}"] = cell_keys(scale, *blocks)  # type: ignore[index]
    families = scale.models_of(*FAMILIES)
    plain, corrected = recipe("devlin"), varied(correction=True)
    for role, wanted in (("default rate uncorrected", plain), ("default rate corrected", corrected)):
        roles[role] = cell_keys(scale, *[block("rte", model, wanted, scale.seeds) for model in families])  # type: ignore[index]
    roles["quarter rate uncorrected"] = cell_keys(scale, *[_quarter(scale, model) for model in families])
    own = frozenset(runs["run"])  # the grid of Figure 8 may have other seeds of some of these cells
    return Evidence(runs=runs, roles=roles, only=dict.fromkeys(roles, own))


def _draw(tables: Mapping[str, pd.DataFrame], folder: Path) -> list[Path]:
    return draw_boxes(tables["boxes"], folder / "fig5.svg")


FIGURE = Figure(
    name="fig5",
    finding="Bias correction helps BERT and ALBERT much and RoBERTa little; the spread is also tiny where all runs fail.",
    blocks=_blocks,
    content=_content,
    draw=_draw,
)
