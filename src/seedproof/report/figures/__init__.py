"""Figures from tables: one module per kind, each written as SVG, PNG or PDF with its numbers as CSV beside it.

Functions are found when they are used, so that nothing here costs the start of a drawing library.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seedproof.report.figures.curves import draw_curves as draw_curves
    from seedproof.report.figures.forgetting import draw_forgetting as draw_forgetting
    from seedproof.report.figures.generalization import draw_generalization as draw_generalization
    from seedproof.report.figures.gradients import draw_gradient_norms as draw_gradient_norms
    from seedproof.report.figures.step_sizes import draw_step_sizes as draw_step_sizes
    from seedproof.report.figures.surface import draw_surface as draw_surface

_HOMES = {
    "draw_curves": "curves",
    "draw_forgetting": "forgetting",
    "draw_generalization": "generalization",
    "draw_gradient_norms": "gradients",
    "draw_step_sizes": "step_sizes",
    "draw_surface": "surface",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
