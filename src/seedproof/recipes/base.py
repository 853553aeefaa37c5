"""A recipe: how to fine-tune, completely, as a frozen value plus the hooks that every engine calls.

The values are those of Mosbach, Andriushchenko and Klakow 2021 (arXiv 2006.04884, section 2 and the released code). A
field that is None is filled by :func:`seedproof.recipes.resolve` with the default of the model's family. A method that
does more than change values is a subclass in its own file, with its fields and the hooks it overrides.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from seedproof.display import table
from seedproof.errors import UserError, unknown
from seedproof.fields import Count, FieldType, Name, NotNegative, Positive, Range, Share, field_types
from seedproof.renamed import FORMER, as_stored, of_today, taken, takes_former_names

if TYPE_CHECKING:
    from torch import Tensor, nn

FIRST = "first"
"""Stands for the first metric of a task in ``select_metric``."""
LABELS = ("name", "description", "user_settings")
"""Fields that say where a recipe comes from, not what it does."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How to fine-tune; the defaults are the paper's "Devlin" recipe.

    Raises:
        UserError: A value has the wrong type or is outside its range; the message names field, value and range.
    """

    method: ClassVar[str] = "fine-tuning"
    """Names the class in stored recipes; each subclass has its own."""
    ADDED: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "select_metric": FIRST,
            "warmup_end": "whole",
            "inputs": "tokenizer",
            "dropout_scope": "configuration",
            "new_head": False,
        }
    )
    """Fields that came after stores existed, by name, with the value that means "as before": a stored recipe that lacks the
    field has this value, and a recipe that holds it is stored without the field, so that its runs keep their ids. Such a
    field is None until :func:`seedproof.recipes.resolve` gives it the value that is right for the model."""

    name: str = "custom"
    """A label for people; not part of a run's id."""
    description: str = field(default="", compare=False)
    """One line for lists; not stored."""
    user_settings: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """Names of the fields that the user set over a named recipe; not stored."""

    learning_rate: Positive | None = None
    """Learning rate at the end of the warm-up. None: the default in the model's card, else 2e-5."""
    learning_rate_factor: Positive = 1.0
    """Multiplies whatever learning rate results."""
    epochs: Positive = 3.0
    """Passes over the training set; a fraction ends in the middle of one."""
    max_steps: Count | None = None
    """Number of steps, whatever ``epochs`` says."""
    extra_step: bool = False
    """One further step at learning rate 0 after ``max_steps``, as the released code takes."""
    batch_size: Count = 16
    """Examples in a step; the last step of an epoch takes what is left."""
    warmup_ratio: Share = 0.1
    """Fraction of the steps over which the learning rate rises linearly from 0."""
    warmup_end: Literal["whole", "exact"] | None = None
    """Whether the warm-up ends at a whole step, rounded down (Google's code, Transformers), or exactly at its fraction of the
    steps (BertAdam). None: ``exact`` with the schedule ``linear-drop``."""
    schedule: Literal["linear", "linear-drop", "constant"] = "linear"
    """After the warm-up: linear from the peak to 0; or the line lr * (1 - t / T), to which the rate drops when the
    warm-up ends (from lr to .9 lr at 10 %; Google's code, BertAdam); or constant."""
    dropout: Share | None = None
    """All dropout probabilities of the model."""
    dropout_scope: Literal["configuration", "modules"] | None = None
    """Where ``dropout`` is set: in the entries of the configuration that were known when stores began, or in every module
    that drops, whatever its name. None: ``modules`` where the two differ."""
    max_length: Annotated[int, Range(2)] = 128
    """Tokens of a text or pair; longer ones are cut."""
    initializer_range: NotNegative = 0.02
    """Standard deviation of the new head's initial weights."""
    beta1: Share | None = None
    """Decay of Adam's first moment, the moving average of gradients."""
    beta2: Share | None = None
    """Decay of Adam's second moment, the moving average of squared gradients."""
    eps: Positive = 1e-6
    """Added to the root of the second moment, so that nothing is divided by 0."""
    weight_decay: NotNegative | None = None
    """Decoupled; not on biases and LayerNorms."""
    bias_correction: bool = False
    """Divide Adam's moments by 1 - beta^t, which undoes their start at 0; without it the first steps are several times
    larger (paper, section 5)."""
    decay: Literal["updated", "old"] = "updated"
    """Which weights decay: those already updated by the step (Transformers 2.x), or the old ones (PyTorch, Google's code).
    See :class:`seedproof.AdamW`."""
    eps_place: Literal["before", "after"] = "before"
    """Where eps is added: before the second moment is corrected for its start (Transformers 2.x), or after (PyTorch); the same
    without correction. See :class:`seedproof.AdamW`."""
    clip: Literal["none", "global", "tensor"] | None = None
    """What is clipped at ``max_grad_norm``: nothing, the norm over all gradients, or each tensor's own."""
    max_grad_norm: Positive = 1.0
    """Largest norm of what ``clip`` names; larger gradients are scaled down to it."""
    select: Literal["last", "best"] = "last"
    """Which weights are the result: the last, or those with the best development score after any epoch or before the
    first step (the untrained model takes part)."""
    select_metric: Name | None = None
    """Development score by which ``select="best"`` chooses; by default the metric that judges the task (``first``: the first
    that the task records). It has no effect, and is not kept, where the last weights are the result."""
    segment_ids: bool = True
    """False: all zero, as in the released configurations for BERT and ALBERT."""
    inputs: Literal["tokenizer", "model"] | None = None
    """How texts become inputs: with segment ids wherever the ``model`` tells segments apart, padded on the side of its
    tokenizer; or with segment ids where the ``tokenizer`` gives them unasked, padded on the right, as before. None:
    ``model`` where the two differ."""

    def __init_subclass__(cls) -> None:
        cls.__repr__ = Recipe.__repr__  # type: ignore[method-assign]  # or each dataclass would write its own, of all fields

    if not TYPE_CHECKING:  # or a misspelt field would pass for a former name

        def __getattr__(self, name: str) -> Any:
            if name in FORMER:
                return getattr(self, of_today(name))
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)

    def __repr__(self) -> str:
        changed = "".join(f", {name}={value!r}" for name, value in self.changed().items())
        return f"{type(self).__name__}({self.name!r}{changed})"

    def _repr_html_(self) -> str:
        return table(f"{self.name}: {self.description}" if self.description else self.name, self.changed())

    def changed(self) -> dict[str, Any]:
        """The fields that differ from the class's defaults, which are those of ``devlin``."""
        return {
            name: getattr(self, name) for name in self.field_types() if getattr(self, name) != getattr(type(self), name)
        }

    new_head: bool | None = None
    """Draw the head from the head seed even where one of the right size came with the checkpoint."""

    def __post_init__(self) -> None:
        for name, kind in self.field_types().items():
            object.__setattr__(self, name, kind.check(name, getattr(self, name)))

    @classmethod
    def field_types(cls) -> dict[str, FieldType]:
        """What each field that can be set may hold, by name, in the order of declaration."""
        kind: type = cls
        return field_types(kind)

    @property
    def peak_learning_rate(self) -> float:
        """The highest learning rate of the schedule; of a resolved recipe only."""
        learning_rate: float = self.required("learning_rate")
        return learning_rate * self.learning_rate_factor

    def required(self, name: str) -> Any:
        """A field's value; raises UserError while it is None, that is, before the recipe is resolved for a model."""
        value = getattr(self, name)
        if value is None:
            raise UserError(f"{name} of recipe {self.name!r} depends on the model; use seedproof.recipes.resolve first")
        return value

    def with_settings(self, settings: Mapping[str, Any], *, name: str | None = None) -> Self:
        """A copy with the user's ``settings``, which are remembered as the user's.

        Raises:
            UserError: Unknown field (the nearest one is named) or bad value.
        """
        settings = taken(settings)
        for key in settings:
            if key not in self.field_types():
                _refuse_foreign(key, self)
                raise unknown("setting", key, self.field_types(), where=f"recipe {self.name!r}")
        marked = self.user_settings | frozenset(settings)
        return dataclasses.replace(self, **settings, name=self.name if name is None else name, user_settings=marked)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without the fields of :attr:`ADDED` that mean "as before"; this is what an id hashes.

        Fields that have been renamed since have their former names here (:data:`seedproof.renamed.FIELDS`).

        Read back by :func:`seedproof.recipes.from_json`.
        """
        values = {key: getattr(self, key) for key in self.field_types()}
        stored = {key: value for key, value in values.items() if key not in self.ADDED or value != self.ADDED[key]}
        return {"method": self.method, "name": self.name, **as_stored(stored)}

    # The hooks, in the order in which an engine calls them.

    def prepare_model(self, model: nn.Module) -> None:
        """Change ``model`` in place before training.

        The model holds the weights that training starts from, in fp32, and its dropout probabilities are set. What is
        changed must keep the names of the stock model's state, so that saved weights open in stock Transformers.
        Randomness in the forward pass comes from the default generators, which the engine seeds for every step.
        """

    def parameter_groups(self, model: nn.Module) -> list[dict[str, Any]]:
        """Groups for :class:`seedproof.AdamW`: weights that decay; biases and LayerNorm weights, which do not."""
        plain = {
            id(parameter)
            for module in model.modules()
            for name, parameter in module.named_parameters(recurse=False)
            if name.endswith("bias") or type(module).__name__.endswith("LayerNorm")
        }
        trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        groups = [
            {
                "params": [parameter for parameter in trained if id(parameter) not in plain],
                "weight_decay": self.required("weight_decay"),
            },
            {"params": [parameter for parameter in trained if id(parameter) in plain], "weight_decay": 0.0},
        ]
        return [group for group in groups if group["params"]]

    def loss(self, model: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
        """The loss of a batch (with its ``labels``), shape ()."""
        loss: Tensor = model(**batch).loss
        return loss

    def after_gradient(self, model: nn.Module) -> None:
        """Called when the gradients are there, before they are recorded and clipped."""

    def after_step(self, model: nn.Module) -> None:
        """Called after the optimizer's step."""


Recipe.__init__ = takes_former_names(FORMER)(Recipe.__init__)  # type: ignore[method-assign]


def _refuse_foreign(setting: str, recipe: Recipe) -> None:
    """Name the method that has a setting which this recipe has not."""
    from seedproof.recipes import METHODS

    owners = [kind.method for kind in METHODS.values() if setting in kind.field_types()]
    if owners:
        raise UserError(
            f"unknown setting {setting!r} in recipe {recipe.name!r}: it belongs to {' and '.join(owners)}; leave it out, or give "
            f"it to such a recipe alone, e.g. --recipe '{owners[0]}({setting}=...)'"
        )
