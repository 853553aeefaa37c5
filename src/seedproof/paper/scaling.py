"""What of a scale differs from the paper: every quantity beside the paper's value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedproof.paper.scale import SHORT_EPOCHS, KnownModel, KnownTask, Scale
from seedproof.paper.sizes import PAPER
from seedproof.recipes.resolve import DEFAULT_LEARNING_RATE

if TYPE_CHECKING:
    import pandas as pd

LACKING = "none"
"""Stands where a scale has no model or task for a role."""


def scaling_table(scale: Scale) -> pd.DataFrame:
    """Every quantity of a scale beside the paper's value: columns ``quantity``, ``paper``, ``here``."""
    import pandas as pd

    values = [(name, str(paper), str(here)) for name, paper, here in _rows(scale)]
    return pd.DataFrame(values, columns=["quantity", "paper", "here"])


def _rows(scale: Scale) -> list[tuple[str, object, object]]:
    paper = PAPER
    rows: list[tuple[str, object, object]] = []
    for role, label in (("bert", "BERT"), ("roberta", "RoBERTa"), ("albert", "ALBERT"), ("shallow", "shallow control")):
        here = _model(scale.model(role)) if role in scale.models else LACKING
        rows.append((f"model, {label}", _model(paper.model(role)), here))
    for role, known in paper.tasks.items():
        here = _task(scale.task(role)) if role in scale.tasks else LACKING
        rows.append((f"task, {known.title} (train + dev)", _task(known), here))
    rows.append(("learning rates", _paper_rates(paper.rates), _rates(scale)))
    rows.append(("batch size", 16, 16))
    rows.append(("epochs, short recipe", _number(SHORT_EPOCHS), _number(SHORT_EPOCHS)))
    rows.append(("epochs, long recipe", _number(paper.long_epochs), _number(scale.long_epochs)))
    rows.append(("epochs, grid of Figures 8b and 9", _listed(paper.grid_epochs), _listed(scale.grid_epochs)))
    rows.append(("steps of the short recipe on RTE", _steps(paper, "rte"), _steps(scale, "rte")))
    for role, known in paper.tasks.items():
        if role in paper.subsets:
            here = _subset(scale, role) if role in scale.subsets else LACKING
            rows.append((f"small training set, {known.title}", _subset(paper, role), here))
    rows.append(("seeds, Table 1 and Figures 1, 3 and 5", paper.seeds, scale.seeds))
    if scale.long_seeds is not None:
        rows.append(("seeds, long recipe in Table 1 and Figures 1 and 8a", paper.seeds, scale.long_seeds))
    rows.append(("seeds a cell, grid of Figures 8b and 9", paper.grid_seeds, scale.grid_seeds))
    cells = len(paper.rates) * 2 * len(paper.grid_epochs) * paper.grid_seeds
    rows.append(("runs of the grid", cells, len(scale.rates) * 2 * len(scale.grid_epochs) * scale.grid_seeds))
    rows.append(("surface, points a side", "not known", scale.surface_points))
    rows.append(("surface, training examples", "not known", scale.surface_examples))
    rows.append(("gradient norms recorded every", "10 steps", "10 steps"))
    rows.append(
        ("text for forgetting", "WikiText-2, test", "held-out text" if scale.is_miniature else "WikiText-2, test")
    )
    rows += [(f"setting {name}", "-", value) for name, value in scale.settings.items()]
    rows += [
        (f"{name}, {scale.model(role).name}", "-", value)
        for role, fields in scale.numerics.items()
        for name, value in fields.items()
    ]
    return rows


def _model(model: KnownModel) -> str:
    return f"{model.name} ({model.layers} layers, {model.parameters / 1e6:.3g} M parameters)"


def _task(task: KnownTask) -> str:
    return f"{task.name} ({task.train:,} + {task.dev:,})"


def _rates(scale: Scale) -> str:
    rates = {known.name: known.card.get("learning_rate", DEFAULT_LEARNING_RATE) for known in scale.models.values()}
    parts = [f"{', '.join(f'{factor * rate:.2g}' for factor in scale.rates)} ({name})" for name, rate in rates.items()]
    return _paper_rates(scale.rates) if set(rates.values()) == {DEFAULT_LEARNING_RATE} else "; ".join(parts)


def _paper_rates(factors: tuple[float, ...]) -> str:
    """The rates that factors of the default one make, as the paper writes them: ``1e-5, 2e-5, 3e-5``."""
    return ", ".join(f"{factor * DEFAULT_LEARNING_RATE:.2g}".replace("e-0", "e-") for factor in factors)


def _steps(scale: Scale, task: str) -> int:
    return round(SHORT_EPOCHS * -(-scale.task(task).train // 16))


def _subset(scale: Scale, task: str) -> str:
    return f"{scale.subsets[task]:,} of {scale.task(task).train:,}"


def _number(value: float) -> str:
    return f"{value:g}"


def _listed(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)
