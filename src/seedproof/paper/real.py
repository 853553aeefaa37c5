"""The paper's questions asked of a pre-trained model of one's own, on the paper's tasks: ``--scale real --model DIR``.

One model plays BERT. What is about other families or the shallow control is left out. The rates are factors of the
learning rate that the model's card sets, else of 2e-5; which rate to set there is the question before: at which do runs
without bias correction fail? Search it on seeds that are not reported, 1000 and up (benchmarks/real/run.sh).
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import MappingProxyType
from typing import Any

from seedproof.models.source import find_model
from seedproof.paper.scale import KnownModel, Scale, from_anywhere
from seedproof.paper.sizes import PAPER, REAL

TOKENS = 16 * 128
"""Tokens of a batch, at full length."""
CORE_RATE = 1e11
"""Operations a second that a core of a CPU server is taken to reach."""


def real_scale(model: str) -> Scale:
    """The paper's scale with one model, and with as many runs as a 12-layer one can do in a few nights of a CPU.

    Args:
        model: its folder, or its name on the hub.

    Raises:
        UserError: there is no such model.
    """
    return dataclasses.replace(
        PAPER,
        name=REAL,
        machine="one core of a CPU server at an assumed 100 GFLOP/s (no measurement)",
        rate=CORE_RATE,
        models=MappingProxyType({"bert": _known(model)}),
        seeds=10,
        long_seeds=5,
        grid_seeds=5,
        rates=(1.0,),
        grid_epochs=(3.0, 20.0),
        plane_heads=(0,),
    )


def _known(model: str) -> KnownModel:
    from seedproof.models.facts import skeleton

    if Path(model).name in ("", ".."):  # of "." and "..", which have no name of their own
        model = from_anywhere(model)
    source = find_model(model)
    built: Any = skeleton(source)
    parameters = sum(parameter.numel() for parameter in built.parameters())
    return KnownModel(
        name=Path(model).name,
        folder=model,
        family=source.family,
        layers=int(built.config.num_hidden_layers),
        parameters=parameters,
        seconds_per_step=6 * parameters * TOKENS / CORE_RATE,
    )
