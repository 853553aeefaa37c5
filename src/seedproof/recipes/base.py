"""A recipe: how to fine-tune, completely, as a frozen value.

The values are those of Mosbach, Andriushchenko and Klakow 2021 (arXiv 2006.04884, section 2 and the released code). A
field that is None is filled by :func:`seedproof.recipes.resolve` with the default of the model's family. What training
does beyond values are the recipe's methods (:mod:`seedproof.methods`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from seedproof import methods
from seedproof.display import table
from seedproof.errors import UserError, unknown
from seedproof.fields import Count, FieldType, Fraction, Name, NotNegative, Positive, Range, field_types
from seedproof.methods import Method
from seedproof.recipes.naming import with_method
from seedproof.renamed import FORMER, as_stored, of_today, taken, takes_former_names

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
    """What stored recipes say that they are; one with a method that is stored :attr:`~Method.inline` has its name."""
    ADDED: ClassVar[Mapping[str, Any]] = MappingProxyType(
        {
            "select_metric": FIRST,
            "warmup_end": "whole",
            "inputs": "tokenizer",
            "dropout_scope": "configuration",
            "new_head": False,
            "no_decay": "layer_norms",
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
    methods: tuple[Method, ...] = ()
    """What training does beyond these values, in the order in which they start (:func:`seedproof.methods.in_order`)."""

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
    warmup_ratio: Fraction = 0.1
    """Fraction of the steps over which the learning rate rises linearly from 0."""
    warmup_end: Literal["whole", "exact"] | None = None
    """Whether the warm-up ends at a whole step, rounded down (Google's code, Transformers), or exactly at its fraction of the
    steps (BertAdam). None: ``exact`` with the schedule ``linear-drop``."""
    schedule: Literal["linear", "linear-drop", "constant"] = "linear"
    """After the warm-up: linear from the peak to 0; or the line lr * (1 - t / T), to which the rate drops when the
    warm-up ends (from lr to .9 lr at 10 %; Google's code, BertAdam); or constant."""
    dropout: Fraction | None = None
    """All dropout probabilities of the model."""
    dropout_scope: Literal["configuration", "modules"] | None = None
    """Where ``dropout`` is set: in the entries of the configuration that were known when stores began, or in every module
    that drops, whatever its name. None: ``modules`` where the two differ."""
    max_length: Annotated[int, Range(2)] = 128
    """Tokens of a text or pair; longer ones are cut."""
    initializer_range: NotNegative = 0.02
    """Standard deviation of the new head's initial weights."""
    beta1: Fraction | None = None
    """Decay of Adam's first moment, the moving average of gradients."""
    beta2: Fraction | None = None
    """Decay of Adam's second moment, the moving average of squared gradients."""
    eps: Positive = 1e-6
    """Added to the root of the second moment, so that nothing is divided by 0."""
    weight_decay: NotNegative | None = None
    """Decoupled; not on what ``no_decay`` says."""
    no_decay: Literal["layer_norms", "norms"] | None = None
    """What never decays beside biases: norms of every kind (RMSNorm, MobileBERT's) and biases that are tables of positions; or
    LayerNorms alone, as before. None: ``norms`` where the two differ."""
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
        """The settings that differ from the defaults, which are those of ``devlin``, and the methods."""
        fields = {
            name: getattr(self, name) for name in self.field_types() if getattr(self, name) != getattr(type(self), name)
        }
        return fields | ({"methods": " + ".join(map(str, self.methods))} if self.methods else {})

    new_head: bool | None = None
    """Draw the head from the head seed even where one of the right size came with the checkpoint."""

    def __post_init__(self) -> None:
        for name, kind in self.field_types().items():
            object.__setattr__(self, name, kind.check(name, getattr(self, name)))
        object.__setattr__(self, "methods", methods.in_order(self.methods))

    def __add__(self, method: Method) -> Self:
        """The recipe with one more method: ``sp.recipe("mosbach") + sp.method("llrd")``.

        Raises:
            UserError: the recipe has the method already, or one that decides the same.
        """
        if not isinstance(method, Method):
            return NotImplemented
        return dataclasses.replace(self, methods=(*self.methods, method), name=with_method(self.name, method))

    @classmethod
    def field_types(cls) -> dict[str, FieldType]:
        """What each field that can be set may hold, by name, in the order of declaration."""
        kind: type = cls
        return field_types(kind)

    def setting_types(self) -> dict[str, FieldType]:
        """What each setting may hold, by name: the fields, then those of the methods (``llrd.decay``)."""
        of_methods = {each.key(name): kind for each in self.methods for name, kind in each.field_types().items()}
        return {**self.field_types(), **of_methods}

    def values(self) -> dict[str, Any]:
        """Every setting, by name as in :meth:`setting_types`."""
        of_methods = {each.key(name): getattr(each, name) for each in self.methods for name in each.field_types()}
        return {**{name: getattr(self, name) for name in self.field_types()}, **of_methods}

    def added(self) -> dict[str, Any]:
        """:attr:`ADDED`, with the fields that came later to its methods."""
        of_methods = {each.key(name): value for each in self.methods for name, value in each.ADDED.items()}
        return {**self.ADDED, **of_methods}

    def setting(self, name: str) -> str:
        """The full name of a setting: one that only one of the methods has may be written without the method.

        Raises:
            UserError: no setting has this name (the nearest is named), or several methods have it.
        """
        known = self.setting_types()
        if name in known:
            return name
        owners = [each for each in self.methods if name in each.field_types()]
        if len(owners) == 1:
            return owners[0].key(name)
        if owners:
            full = " or ".join(each.key(name) for each in owners)
            raise UserError(f"several methods of recipe {self.name!r} have a setting {name!r}; write {full}")
        _refuse_foreign(name, self)
        raise unknown("setting", name, known, where=f"recipe {self.name!r}")

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
            UserError: Unknown setting (the nearest one is named) or bad value.
        """
        full = {self.setting(key): value for key, value in taken(settings).items()}
        marked = self.user_settings | frozenset(full)
        own = self.with_values(full)
        return dataclasses.replace(own, name=self.name if name is None else name, user_settings=marked)

    def with_values(self, values: Mapping[str, Any]) -> Self:
        """A copy with these values by the full names of settings.

        Raises:
            UserError: a bad value.
        """
        fields = {key: value for key, value in values.items() if key in self.field_types()}
        changed = tuple(
            each.with_settings(
                {name: values[each.key(name)] for name in each.field_types() if each.key(name) in values}
            )
            for each in self.methods
        )
        return dataclasses.replace(self, **fields, methods=changed)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without the fields of :attr:`ADDED` that mean "as before"; this is what an id hashes.

        Fields that have been renamed since have their former names here (:data:`seedproof.renamed.FIELDS`).

        Read back by :func:`seedproof.recipes.from_json`.
        """
        values = {key: getattr(self, key) for key in self.field_types()}
        stored = {key: value for key, value in values.items() if key not in self.ADDED or value != self.ADDED[key]}
        first, others = self.methods[:1], self.methods[1:]
        if not (first and first[0].inline):
            first, others = (), self.methods
        kind = first[0].name if first else self.method
        inline = first[0].stored_settings() if first else {}
        listed = {"methods": [each.to_json() for each in others]} if others else {}
        return {"method": kind, "name": self.name, **as_stored(stored), **inline, **listed}


Recipe.__init__ = takes_former_names(FORMER)(Recipe.__init__)  # type: ignore[method-assign]


def _refuse_foreign(setting: str, recipe: Recipe) -> None:
    """Name the method that has a setting which this recipe has not."""
    known = methods.METHODS.values()
    owners = [each for each in known if setting in (*each.field_types(), *map(each.key, each.field_types()))]
    if owners:
        names = " and ".join(each.name for each in owners)
        raise UserError(
            f"unknown setting {setting!r} in recipe {recipe.name!r}: it belongs to the method {names}; leave it out, or give it "
            f"to such a recipe alone, e.g. --recipe '{recipe.name} + {owners[0].name}({setting.rpartition('.')[2]}=...)'"
        )
