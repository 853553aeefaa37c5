"""A method: what training does beyond the values of a recipe, as a frozen value that builds a live object for each run.

A method says what it does in two ways. Its *effects* are constants that both engines read and apply: rates and decay by
parameter, clipping, an average of the weights, matrices to mix. Its *hooks* are code that the plain engine calls during
a step, inside the step's seed; a method that has some trains in the plain engine.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from seedproof import extensions
from seedproof.errors import UserError, unknown
from seedproof.fields import FieldType, field_types
from seedproof.spec import written_settings

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import torch
    from torch import Tensor, nn

    from seedproof.models.source import ModelSource
    from seedproof.recipes import Recipe
    from seedproof.spec import Seeds
    from seedproof.training.engine import RunData
    from seedproof.training.plan import Plan

LOSS = "the loss of a batch"
EVALUATION = "the weights at evaluation"

Forward = Callable[[Mapping[str, "Tensor"]], Any]
"""One forward pass over a batch, dropout on: Transformers' output, with ``loss`` () and ``logits`` (batch, labels)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Mixture:
    """How one matrix is mixed with constants in every forward pass of training, column by column (Mixout)."""

    target: Tensor
    """Shape of the matrix (out, in)."""
    p: float
    """Probability that a column is the target's."""
    legacy_gradient: bool = False
    """Leave 1 / (1 - p) out of the gradient."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Effects:
    """What every engine applies during training, by names of parameters of the stock model; the defaults do nothing."""

    rate_factors: Mapping[str, float] = field(default_factory=dict)
    """Factors on the learning rate of each step; a parameter that is missing has 1. Factors of several methods multiply."""
    decay_targets: Mapping[str, Tensor] = field(default_factory=dict)
    """Weights toward which a parameter that decays does so, instead of toward 0."""
    tensor_clip: float | None = None
    """Greatest L2 norm of each tensor's gradient, applied before the recipe's own clipping."""
    average: float | None = None
    """Decay b of an exponential moving average of the weights after every step, which is what is evaluated and kept. It is
    corrected for its start: a_t <- a_(t-1) + :func:`average_rate` (w_t - a_(t-1)), with the start weights before step 1."""
    loss_weights: Tensor | None = None
    """Weights of the classes in the loss that is trained, float32 (classes,); of several labels an example, of those that
    have a label (:mod:`seedproof.training.losses`). The loss that is recorded has none."""
    mixtures: Mapping[str, Mixture] = field(default_factory=dict)
    """Matrices to mix, by the name of their module. The model's modules do it in the plain engine (``start`` converts
    them); a fleet reads it here."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Composed:
    """A parameter of the stock model that training makes of others, or keeps as it is: so probes see it under its name."""

    value: Callable[[], Tensor]
    """Its value now, without a gradient."""
    parts: tuple[nn.Parameter, ...] = ()
    """The trained parameters that it is made of; the norm of their gradients together is seen as its own. None: it stands
    still."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Start:
    """What a method is given when its run begins, or goes on."""

    model: nn.Module
    """Model with the weights that training starts from, in fp32, dropout set. It may be changed in place; the names of the stock
    model's state must stay (or be there again after ``finish``, and in ``composed`` until then), so that saved weights open in
    stock Transformers."""
    recipe: Recipe
    """Resolved."""
    plan: Plan
    seeds: Seeds
    data: RunData
    generator: torch.Generator
    """Generator on the CPU, seeded by the head seed and the method's name, for what is drawn at the start: the same in every
    engine."""


def average_rate(decay: float, step: int) -> float:
    """Step of the corrected moving average of decay b toward the weights after step t: (1 - b) / (1 - b^t).

    It is 1 at the first step, so that nothing of the start is left: the average is sum_i b^(t-i) w_i / sum_i b^(t-i)
    (Kingma and Ba 2015, arXiv 1412.6980, section 7.2).
    """
    return (1.0 - decay) / (1.0 - decay**step)


class Treatment:
    """What a method does to one run: its effects, and hooks in the order in which the plain engine calls them.

    ``step`` counts from 1. What is drawn from the default generators in any hook is drawn inside the step's seed. A
    subclass overrides what it needs.
    """

    effects: Effects = Effects()
    composed: Mapping[str, Composed] = MappingProxyType({})
    """Parameters of the stock model that are not parameters of the changed one, by their stock names."""

    def before_step(self, step: int) -> None:
        """Called before the forward pass of a step."""

    def loss(self, batch: Mapping[str, Tensor], step: int, forward: Forward) -> Tensor:
        """The loss of a batch (with its ``labels``), (); of a method that owns :data:`LOSS` alone.

        It is what is trained. What is recorded is the model's own loss in the passes that ``forward`` made, their mean.
        """
        raise NotImplementedError

    def after_gradient(self, step: int) -> None:
        """Called when the gradients are there, before they are recorded and clipped."""

    def after_step(self, step: int) -> None:
        """Called after the optimizer's step."""

    def before_evaluation(self) -> None:
        """Called before the model is evaluated, during training and at its end."""

    def after_evaluation(self) -> None:
        """Called after it: what was changed for the evaluation is changed back."""

    def finish(self) -> None:
        """Called when training has ended, also where the loss was not finite: what the model then holds is the result."""

    def write(self, folder: Path) -> None:
        """Called after ``finish`` when the run's weights are kept: write what belongs beside them into their folder."""

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """What the next step depends on beyond model and optimizer: arrays and JSON values, for checkpoints."""
        return {}, {}

    def load_state(self, arrays: Mapping[str, np.ndarray], values: Mapping[str, Any]) -> None:
        """Go back to what :meth:`state` gave."""


@dataclass(frozen=True, kw_only=True)
class Method:
    """A method with its settings: fields with ranges, as in a recipe (:mod:`seedproof.fields`).

    A subclass is a dataclass too (``@dataclass(frozen=True, kw_only=True)``), with a default for every field.

    Raises:
        UserError: a setting has the wrong type or is outside its range.
    """

    name: ClassVar[str]
    """Name as people write it: ``llrd``. A class of the user's own is written ``module:Class``, whatever this is."""
    description: ClassVar[str] = ""
    """One line for lists, with its source."""
    version: ClassVar[int] = 1
    """Raised when what it computes changes: another version is another run, and does not read an older one's state."""
    owns: ClassVar[frozenset[str]] = frozenset()
    """What only one method of a recipe may decide: :data:`LOSS`, :data:`EVALUATION`, or a text of its own."""
    in_fleet: ClassVar[bool] = False
    """Whether the fleet engine can train with it: it has effects, and changes the model at its start, but has no hooks."""
    order_matters: ClassVar[bool] = True
    """Whether it does something else before another method than behind it, as one that reads or writes the start weights
    does. Where the order does not matter it is no part of a run's id."""
    ADDED: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """Fields that came after stores existed, with the value that means "as before"; as :attr:`Recipe.ADDED`."""
    inline: ClassVar[bool] = False
    """Whether its settings are named and stored among the recipe's own, as they were before there were methods."""

    def __post_init__(self) -> None:
        kind = type(self)
        if inspect.get_annotations(kind) and "__dataclass_fields__" not in vars(kind):
            raise UserError(
                f"the method {kind.__qualname__} is no dataclass; write @dataclass(frozen=True) above its class"
            )
        for name, allowed in self.field_types().items():
            object.__setattr__(self, name, allowed.check(f"{self.reference()}: {name}", getattr(self, name)))

    def __str__(self) -> str:
        settings = {name: getattr(self, name) for name in self.field_types()}
        changed = {name: value for name, value in settings.items() if value != getattr(type(self), name, None)}
        return f"{self.reference()}({written_settings(changed)})" if changed else self.reference()

    @classmethod
    def field_types(cls) -> dict[str, FieldType]:
        """What each setting may hold, by name, in the order of declaration."""
        kind: type = cls
        return field_types(kind)

    @classmethod
    def reference(cls) -> str:
        """What people write and stores keep: the name of one of ours, ``module:Class`` of the user's own."""
        return cls.name if cls.__module__.startswith("seedproof.") else extensions.name_of(cls)

    @classmethod
    def key(cls, setting: str) -> str:
        """What a setting is called in a recipe: ``llrd.decay``."""
        return setting if cls.inline else f"{cls.reference()}.{setting}"

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """A copy with these settings.

        Raises:
            UserError: an unknown setting (the nearest is named) or a bad value.
        """
        for name in settings:
            if name not in self.field_types():
                raise unknown("setting", name, self.field_types(), where=f"the method {self.reference()!r}")
        return dataclasses.replace(self, **settings)

    def stored_settings(self) -> dict[str, Any]:
        """The settings as plain JSON values, without those of :attr:`ADDED` that mean "as before"."""
        values = {name: getattr(self, name) for name in self.field_types()}
        return {name: value for name, value in values.items() if name not in self.ADDED or value != self.ADDED[name]}

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, which an id hashes; read back by :func:`seedproof.methods.from_json`."""
        version = {"version": self.version} if self.version != 1 else {}
        return {"name": self.reference(), **version, **self.stored_settings()}

    def check(self, recipe: Recipe) -> None:
        """Refuse a resolved recipe with which the method makes no sense.

        Raises:
            UserError: with the value and the fix.
        """

    def check_model(self, model: nn.Module) -> None:
        """Refuse a model with which the method makes no sense; one without weights (on the meta device) will do.

        Raises:
            UserError: with what the model has and the fix.
        """

    def redraws(self, model: nn.Module) -> frozenset[str]:  # noqa: ARG002
        """Names of the parameters whose start weights the method draws anew, so that no pre-trained ones are left."""
        return frozenset()

    def right_values(self, source: ModelSource) -> Mapping[str, Any]:  # noqa: ARG002
        """The values of :attr:`ADDED` that are right for a model where what was done before them is not.

        Raises:
            UserError: the method cannot be applied to this model.
        """
        return {}

    def right_beside(self, methods: Sequence[Method]) -> Mapping[str, Any]:  # noqa: ARG002
        """The values of :attr:`ADDED` that are right in a recipe with these methods, in their order and this one among them,
        where what was done before them is not."""
        return {}

    @property
    def starts_last(self) -> bool:
        """Whether it starts behind the methods that draw weights anew, wherever it is written."""
        return False

    def notes(self, model: nn.Module) -> list[str]:  # noqa: ARG002
        """What is to be known, before anything runs, of what the method does to a model: sentences that go on its name."""
        return []

    def start(self, start: Start) -> Treatment:
        """Begin with a run: change its model where the method does, and give its effects and hooks."""
        raise NotImplementedError
