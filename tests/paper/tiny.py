"""A scale for tests: the shallow miniature in every role, a few seeds, a few steps."""

from __future__ import annotations

import dataclasses
from typing import Any

from seedproof.paper.scale import Scale
from seedproof.paper.sizes import MINI


def tiny_scale(**changes: Any) -> Scale:
    """Mini with the six-layer model for all, two seeds and three steps a run."""
    models = dict.fromkeys(MINI.models, MINI.model("shallow"))
    settings = {"max_steps": 3, "dropout": 0.1}  # with it some of the runs fail at once
    small: dict[str, Any] = {
        "name": "tiny",
        "models": models,
        "seeds": 2,
        "grid_seeds": 1,
        "plane_heads": (0,),
        "plane_orders": 1,
        "settings": settings,
        "surface_points": 2,
        "surface_examples": 4,
        "edge_points": 3,
    }
    return dataclasses.replace(MINI, **small | changes)
