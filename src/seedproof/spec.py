"""What a run is: a frozen value, canonical as JSON, whose hash is the run's id.

This is the ground floor: values only, nothing of ours is imported. Two specs with equal content have equal ids on every
machine, so names of tasks, models and recipes and paths stay out of the hash: the fingerprints of the data and of the
weights stand for them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self

SPEC_VERSION = 1
"""Part of every id: raised when the meaning of a spec changes, so that old and new runs are never mixed up."""

ID_LENGTH = 16
"""Hexadecimal digits of a run id: 64 bits, a collision among a million runs has a probability of about 3e-8."""


MOST_SEEDS = 100_000
"""Seeds of one study: more are a slip of the keyboard, and would fill memory before anything runs."""


def canonical_json(value: Any) -> str:
    """Write ``value`` as JSON in the one form that is hashed: sorted keys, no spaces, shortest float that round-trips.

    Raises:
        ValueError: ``value`` holds a number that is not finite.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def content_hash(value: Any) -> str:
    """SHA-256 of the canonical JSON of ``value``, in hexadecimal."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def written_settings(settings: Mapping[str, Any]) -> str:
    """Settings as a name shows them: ``epochs=10, learning_rate=3e-05``.

    >>> written_settings({"epochs": 10.0, "learning_rate": 3e-5, "clip": None})
    'epochs=10, learning_rate=3e-05, clip=default'
    """
    return ", ".join(f"{name}={_short(value)}" for name, value in settings.items())


def _short(value: object) -> str:
    """A value as labels show it: 10 (also for 10.0), 3e-05, best; ``default`` where the model's family decides."""
    whole = isinstance(value, float) and value.is_integer() and abs(value) < 1e6
    if isinstance(value, str) and "," in value:
        return f'"{value}"'  # it can be read again
    return "default" if value is None else f"{value:.0f}" if whole else str(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """The three sources of randomness in a fine-tuning run (paper, section 3): one number usually gives all three."""

    head: int
    """Draws the parameters that the checkpoint does not have (the classification head)."""
    order: int
    """Draws the order of the training examples in each epoch."""
    dropout: int
    """Draws the dropout masks (and Mixout's) of each step."""

    @classmethod
    def from_number(cls, number: int) -> Self:
        """Couple all three to one number, as the paper's code does."""
        return cls(head=number, order=number, dropout=number)

    @property
    def label(self) -> str:
        """``"7"`` when all three agree, else ``"head/order/dropout"``, e.g. ``"1/7/7"``."""
        coupled = self.head == self.order == self.dropout
        return str(self.head) if coupled else f"{self.head}/{self.order}/{self.dropout}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Numerics:
    """How the arithmetic is done: part of a run's id, because each of these changes bits."""

    ADDED: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    """Fields that came after stores existed, with the value that means "as before", which is also their default here: they
    are stored and hashed only while they hold another one, so that a new field changes no id."""

    engine: Literal["plain", "fleet", "trainer"] = "plain"
    """``fleet`` trains many runs in one step: the same algorithm, but not bit-identical to ``plain``; the last bits also
    depend on which runs share the fleet. ``trainer``: a Trainer of Transformers that another program started and that was
    watched (:mod:`seedproof.connect`); what such a spec says was observed, not planned."""
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    """``bf16`` and ``fp16`` are autocast over fp32 master weights; only a Trainer has ``fp16``."""
    device: str = "cpu"
    """The type of device, ``cpu`` or ``cuda`` (a Trainer has others too); which of several GPUs does not matter."""
    threads: int = 1
    """Threads inside one run on a CPU: sums are split differently with another count."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values, without the fields of :attr:`ADDED` that mean "as before"."""
        values = dataclasses.asdict(self)
        return {key: value for key, value in values.items() if key not in self.ADDED or value != self.ADDED[key]}


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskReference:
    """A task as a run spec names it."""

    name: str
    """Name for people; not part of the id."""
    fingerprint: str
    """Hash of the content: texts, labels, metrics."""
    train_examples: int
    dev_examples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReference:
    """A pre-trained model as a run spec names it."""

    name: str
    """A hub name, ``miniature/...`` or a folder; for people; not part of the id."""
    fingerprint: str
    """Hash of configuration, weights and tokenizer."""
    family: str
    """``model_type`` of the configuration: bert, roberta, albert, ..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """Everything that determines the numbers of one run."""

    task: TaskReference
    model: ModelReference
    recipe: Mapping[str, Any]
    """The resolved recipe as plain JSON values (see ``seedproof.recipes``); its ``name`` is not part of the id."""
    seeds: Seeds
    numerics: Numerics

    @property
    def id(self) -> str:
        """The run's id: the same content gives the same id on every machine."""
        recipe = {key: value for key, value in self.recipe.items() if key != "name"}
        content = {
            "version": SPEC_VERSION,
            "task": self.task.fingerprint,
            "model": self.model.fingerprint,
            "recipe": recipe,
            "seeds": dataclasses.asdict(self.seeds),
            "numerics": self.numerics.to_json(),
        }
        return content_hash(content)[:ID_LENGTH]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        value = dataclasses.asdict(self)
        return {"version": SPEC_VERSION, **value, "recipe": dict(self.recipe), "numerics": self.numerics.to_json()}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read back what :meth:`to_json` wrote."""
        return cls(
            task=TaskReference(**value["task"]),
            model=ModelReference(**value["model"]),
            recipe=dict(value["recipe"]),
            seeds=Seeds(**value["seeds"]),
            numerics=Numerics(**value["numerics"]),
        )
