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
from seedproof.recipes.resolve import DEFAULT_LEARNING_RATE
from seedproof.tasks import MINIATURE

if TYPE_CHECKING:
    import pandas as pd

REAL = "real"
"""The scale whose model the user gives (:mod:`seedproof.paper.real`)."""

SHORT_EPOCHS = 3.0
"""Epochs of the default recipe, at every scale."""


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
        models = [str(Path(folder).resolve()) if Path(folder).is_dir() else folder for folder in own]
        tasks = self.tasks if len(self.tasks) < len(PAPER.tasks) else ()
        pairs = [("--model", model) for model in models] + [("--task", role) for role in tasks]
        return [word for pair in pairs for word in pair]

    @property
    def is_miniature(self) -> bool:
        """Whether its tasks are in the miniature language."""
        return all(task.name.startswith("miniature/") for task in self.tasks.values())

    def table(self) -> pd.DataFrame:
        """Every quantity beside the paper's value: columns ``quantity``, ``paper``, ``here``."""
        import pandas as pd

        return pd.DataFrame(
            [(name, str(paper), str(here)) for name, paper, here in _rows(self)], columns=["quantity", "paper", "here"]
        )


def get_scale(name: str, model: str | None = None) -> Scale:
    """``mini``, ``paper``, or ``real`` with a model's folder or its name on the hub.

    Raises:
        UserError: another name, or no model where one is needed; no such model.
    """
    if name == REAL:
        from seedproof.paper.real import real_scale

        if model is None:
            raise UserError("--scale real is about a model of your own; give its folder with --model DIR")
        return real_scale(model)
    if name not in SCALES:
        raise unknown("scale", name, [*SCALES, REAL])
    return SCALES[name]


LACKING = "none"


def _rows(scale: Scale) -> list[tuple[str, object, object]]:
    paper = PAPER
    rows: list[tuple[str, object, object]] = []
    for role, label in (("bert", "BERT"), ("roberta", "RoBERTa"), ("albert", "ALBERT"), ("shallow", "shallow control")):
        here = _model(scale.model(role)) if role in scale.models else LACKING
        rows.append((f"model, {label}", _model(paper.model(role)), here))
    for role, known in paper.tasks.items():
        here = _task(scale.task(role)) if role in scale.tasks else LACKING
        rows.append((f"task, {known.title} (train + dev)", _task(known), here))
    rows.append(("learning rates", "1e-5, 2e-5, 3e-5", _rates(scale)))
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
    return "1e-5, 2e-5, 3e-5" if set(rates.values()) == {2e-5} else "; ".join(parts)


def _steps(scale: Scale, task: str) -> int:
    return round(SHORT_EPOCHS * -(-scale.task(task).train // 16))


def _subset(scale: Scale, task: str) -> str:
    return f"{scale.subsets[task]:,} of {scale.task(task).train:,}"


def _number(value: float) -> str:
    return f"{value:g}"


def _listed(values: tuple[float, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)


PAPER = Scale(
    name="paper",
    # 6 x parameters x tokens operations a step, full length of 128, at 20e12 a second.
    machine="one GPU at an assumed 20 TFLOP/s in fp32 (no measurement)",
    rate=20e12,
    models=MappingProxyType(
        {
            "bert": KnownModel(
                name="bert-large-uncased", family="bert", layers=24, parameters=335_141_888, seconds_per_step=0.19
            ),
            "roberta": KnownModel(
                name="roberta-large", family="roberta", layers=24, parameters=355_359_744, seconds_per_step=0.19
            ),
            "albert": KnownModel(
                name="albert-large-v2", family="albert", layers=24, parameters=17_683_968, seconds_per_step=0.19
            ),
            "shallow": KnownModel(
                name="bert-base-uncased", family="bert", layers=12, parameters=109_482_240, seconds_per_step=0.055
            ),
        }
    ),
    tasks=MappingProxyType(
        {
            "rte": KnownTask(name="glue/rte", title="RTE", train=2_490, dev=277),
            "mrpc": KnownTask(name="glue/mrpc", title="MRPC", train=3_668, dev=408),
            "cola": KnownTask(name="glue/cola", title="CoLA", train=8_551, dev=1_043),
            "qnli": KnownTask(name="glue/qnli", title="QNLI", train=104_743, dev=5_463),
        }
    ),
    seeds=25,
    grid_seeds=25,
    long_epochs=20.0,
    grid_epochs=(3.0, 10.0, 20.0),
    subsets=MappingProxyType({"cola": 1_000, "mrpc": 1_000, "qnli": 1_000}),
    plane_heads=(0, 1),
    plane_orders=4,
    text_sequences=3_500,
)
"""The paper's own models, data and numbers."""

MINI = Scale(
    name="mini",
    machine="one core of a CPU server",
    models=MappingProxyType(
        {
            "bert": KnownModel(
                name="miniature/bert", family="bert", layers=24, parameters=1_220_224, seconds_per_step=0.09
            ),
            "roberta": KnownModel(
                name="miniature/roberta", family="roberta", layers=24, parameters=1_220_224, seconds_per_step=0.09
            ),
            "albert": KnownModel(
                name="miniature/albert", family="albert", layers=24, parameters=226_000, seconds_per_step=0.14
            ),
            "shallow": KnownModel(
                name="miniature/bert-shallow", family="bert", layers=6, parameters=325_000, seconds_per_step=0.025
            ),
        }
    ),
    tasks=MappingProxyType(
        {
            "rte": KnownTask(name="miniature/entailment", title="RTE", train=1_000, dev=500),
            "mrpc": KnownTask(name="miniature/paraphrase", title="MRPC", train=1_000, dev=500),
            "cola": KnownTask(name="miniature/acceptability", title="CoLA", train=1_000, dev=500),
            "qnli": KnownTask(name="miniature/answer", title="QNLI", train=1_000, dev=500),
        }
    ),
    seeds=25,
    grid_seeds=5,
    long_epochs=20.0,
    grid_epochs=(3.0, 10.0, 20.0),
    subsets=MappingProxyType({"cola": 250, "mrpc": 250, "qnli": 250}),
    subset_seeds=(0, 1),
    plane_heads=(0, 1, 2, 3, 4, 5),
    plane_orders=4,
    text_sequences=600,
    edge_points=31,
    # ALBERT-style runs failed twice as often in bf16 (75 against 36 % on entailment at dropout .1; docs/decisions).
    numerics=MappingProxyType({"albert": {"precision": "fp32"}}),
)
"""The embedded miniatures; sizes are held against the real ones by a test."""

SCALES: Mapping[str, Scale] = MappingProxyType({"mini": MINI, "paper": PAPER})
