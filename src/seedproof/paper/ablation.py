"""The grid behind Figures 8b and 9: learning rate x epochs x bias correction on RTE (450 runs in the paper)."""

from __future__ import annotations

from seedproof.paper.blocks import Block, block, short_name, varied
from seedproof.paper.scale import Scale


def grid(scale: Scale) -> list[Block]:
    """Every cell, by epochs, then learning rate, then without and with correction."""
    return [
        block("rte", "bert", varied(factor, epochs=epochs, correction=correction), scale.grid_seeds)
        for epochs in scale.grid_epochs
        for factor in scale.rates
        for correction in (False, True)
    ]


def names(scale: Scale) -> dict[str, str]:
    """What each recipe of the grid is called under its box."""
    return {each.recipe.name: short_name(each.recipe, epochs=True) for each in grid(scale)}
