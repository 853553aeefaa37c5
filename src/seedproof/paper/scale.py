"""How large a reproduction is: the paper's own size, that of the embedded miniatures, or that of a model of one's own.

A figure says what it needs in roles ("rte", "bert"); a scale says what stands for them here, with how many seeds, epochs
and examples. What differs from the paper is a row of :meth:`Scale.table`, which is printed and kept with the results. A scale
may lack a role; what needs it is left out.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from seedproof.errors import UserError, unknown
from seedproof.models.source import find_model
from seedproof.recipes.card import settings_of_card
from seedproof.tasks import MINIATURE

if TYPE_CHECKING:
    import pandas as pd

SHORT_EPOCHS = 3.0
"""Epochs of the default recipe, at every scale."""
TASKS_OF_PAPER = 4
"""A scale with fewer tasks than the paper is one of the user's own choice, which its command says again."""


def from_anywhere(model: str) -> str:
    """A model's folder as it is called from any other folder; a name on the hub as it is."""
    return str(Path(model).resolve()) if Path(model).is_dir() else model


@dataclass(frozen=True, kw_only=True)
class KnownModel:
    """What can be said of a pre-trained model without having it."""

    name: str
    family: str
    layers: int
    parameters: int
    """Parameters of the encoder with its pooler; the head comes on top and does not matter here."""
    seconds_per_step: float
    """Seconds of a step on 16 examples; see the scale's ``machine``. A batch of an evaluation is taken as a third."""
    folder: str | None = None
    """Where its files are, if the scale says so."""

    @property
    def card(self) -> Mapping[str, Any]:
        """Settings in the model's card; the models of the paper have none."""
        known = self.name if self.name.startswith(MINIATURE) else self.folder
        return {} if known is None else settings_of_card(find_model(known))


@dataclass(frozen=True, kw_only=True)
class KnownTask:
    """What can be said of a task without its data."""

    name: str
    title: str
    """What the paper calls it."""
    train: int
    dev: int


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What stands for the paper's models, tasks and numbers. A test may replace any value."""

    name: str
    machine: str
    """What the estimates of time are for."""
    models: Mapping[str, KnownModel]
    """``bert``, ``roberta``, ``albert`` and the shallow control ``shallow``."""
    tasks: Mapping[str, KnownTask]
    """``rte``, ``mrpc``, ``cola`` and ``qnli``."""
    seeds: int
    """Seeds of every cell of Table 1 and Figures 1, 3 and 5: 0 to n - 1."""
    grid_seeds: int
    """Seeds of every cell of Figures 8b and 9."""
    long_epochs: float
    """Epochs in place of the paper's 20, of the recipe that it proposes."""
    grid_epochs: tuple[float, ...]
    """Epochs of Figures 8b and 9."""
    subsets: Mapping[str, int]
    """Examples of the small training set, by task (Figure 3)."""
    plane_heads: tuple[int, ...]
    """Head seeds whose runs a plane is looked for in, in this order (Figures 7 and 13)."""
    plane_orders: int
    """Order and dropout seeds for each: 0 to n - 1."""
    text_sequences: int
    """Sequences of the text for forgetting, about."""
    rates: tuple[float, ...] = (0.5, 1.0, 1.5)
    """The paper's 1e-5, 2e-5 and 3e-5 over its default 2e-5: factors of the model's own learning rate."""
    subset_seeds: tuple[int, ...] = (0,)
    """Seeds that each draw a small training set; the paper has one subset."""
    surface_points: int = 40
    """Points a side, from -1.5 to 1.5."""
    surface_examples: int = 128
    edge_points: int = 41
    forgetting_runs: int = 12
    """Failed and successful runs to measure, at most; the figure draws the first three of each."""
    rate: float | None = None
    """Operations a second of its machine, by which the seconds of a step were counted; None: they were measured."""
    long_seeds: int | None = None
    """Seeds of the recipe that the paper proposes in Table 1 and Figures 1 and 8a; None: as many as of the others."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of every recipe; they win."""
    numerics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Fields of :class:`seedproof.spec.Numerics` by the role of a model, where they are not those of the reproduction."""

    def model(self, role: str) -> KnownModel:
        """The model that plays a role."""
        return self.models[role]

    def task(self, role: str) -> KnownTask:
        """The task that plays a role."""
        return self.tasks[role]

    def models_of(self, *roles: str) -> tuple[str, ...]:
        """Those of the roles that a model plays at this scale, in their order."""
        return tuple(role for role in roles if role in self.models)

    def tasks_of(self, *roles: str) -> tuple[str, ...]:
        """Those of the roles that a task plays at this scale, in their order."""
        return tuple(role for role in roles if role in self.tasks)

    def only(self, *roles: str) -> Scale:
        """This scale with these tasks alone; all of them where none is named.

        Raises:
            UserError: a role that no task plays here, or RTE, which most figures are about, is not among them.
        """
        for role in roles:
            if role not in self.tasks:
                raise unknown("task", role, self.tasks, where=f"--scale {self.name}")
        if roles and "rte" not in roles:
            raise UserError(
                f"--task {' --task '.join(roles)} leaves out RTE, which most figures are about; add --task rte"
            )
        kept = {role: known for role, known in self.tasks.items() if not roles or role in roles}
        subsets = {role: size for role, size in self.subsets.items() if role in kept}
        return dataclasses.replace(self, tasks=MappingProxyType(kept), subsets=MappingProxyType(subsets))

    def options(self) -> list[str]:
        """What makes this scale of the one of its name, as options of the command."""
        own = [known.folder for known in self.models.values() if known.folder is not None]
        models = [from_anywhere(folder) for folder in own]
        tasks = self.tasks if len(self.tasks) < TASKS_OF_PAPER else ()
        pairs = [("--model", model) for model in models] + [("--task", role) for role in tasks]
        return [word for pair in pairs for word in pair]

    @property
    def is_miniature(self) -> bool:
        """Whether its tasks are in the miniature language."""
        return all(task.name.startswith("miniature/") for task in self.tasks.values())

    def table(self) -> pd.DataFrame:
        """Every quantity beside the paper's value: columns ``quantity``, ``paper``, ``here``."""
        from seedproof.paper.scaling import scaling_table

        return scaling_table(self)
