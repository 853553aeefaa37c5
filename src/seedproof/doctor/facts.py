"""What the sources have said about one way of training: its settings, data, model, script and runs, each with its place."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from seedproof.doctor.base import Known, Place, Unknown

if TYPE_CHECKING:
    from seedproof.doctor.sources.script import Script
    from seedproof.models.source import ModelSource
    from seedproof.tasks import Task

_TRAINING = "a study, a recipe, a TrainingArguments JSON, a script or its arguments"
NEEDS: Mapping[str, str] = {
    "learning_rate": _TRAINING,
    "epochs": _TRAINING,
    "batch_size": _TRAINING,
    "warmup": _TRAINING,
    "eps": _TRAINING,
    "bias_correction": _TRAINING,
    "max_grad_norm": _TRAINING,
    "nan_filter": _TRAINING,
    "orders": _TRAINING,
    "seeds": "--seeds, a study, or a script that loops over them",
    "weights_dtype": "the script that loads the model (the place of its from_pretrained), or a study",
    "max_length": "a study, a recipe, or a script that tokenizes with max_length=",
    "metric": "--metric, --task, or metric_for_best_model of the arguments",
    "segments": "a study, a recipe, or a script that tokenizes",
    "data": "--task (a task's name or your table)",
    "model": "--model (a folder or a name)",
    "script": "the Python script that makes the model and the Trainer",
    "runs": "a finished run (trainer_state.json or its folder) or a study's folder",
}
"""Facts by name, and what gives each."""
_THINGS = ("data", "model", "script", "runs")
"""Those that are no settings."""


@dataclass(frozen=True, kw_only=True)
class Run:
    """A finished run."""

    name: str
    evaluations: tuple[tuple[int, Mapping[str, float]], ...] = ()
    """Scores on the development set by step, each by the name of its metric (:data:`seedproof.tasks.METRICS`)."""
    losses: tuple[tuple[int, float, float | None], ...] = ()
    """Logged steps with their training loss and the gradient's norm, where it was logged."""
    predicted: str | None = None
    """The class that was predicted for every development example; "" where several were, None where that was not kept."""
    score: tuple[str, float, float] | None = None
    """What a study's run has: the metric that judged it, the score at its end, and the majority score."""
    place: Place


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Everything that is known of one way of training."""

    engine: Literal["trainer", "seedproof"] = "trainer"
    """What trains."""
    name: str = ""
    """What tells it from others: the cell of a study; empty where it is the only one."""
    settings: Mapping[str, Known] = field(default_factory=dict)
    """Settings by the names of :data:`NEEDS`, and ``max_steps``, ``beta1``, ``beta2``, ``data_seed`` (all of them),
    ``train_examples``, ``steps``, ``methods``, ``adapter``, ``id2label``, ``numbering`` (names of the classes in the order of
    their numbers; None: that of the data) and ``head``."""
    unread: Mapping[str, str] = field(default_factory=dict)
    """Why a setting, ``data`` or ``model`` that some source does say could not be read."""
    data: Task | None = None
    model: ModelSource | None = None
    script: Script | None = None
    runs: tuple[Run, ...] = ()
    difference: float = 0.05
    """Difference between two scores that the user looks for."""

    def joined(self, other: Self) -> Self:
        """Both together; what ``other`` says wins."""
        settings = {**self.settings, **other.settings}
        unread = {
            name: why
            for name, why in {**self.unread, **other.unread}.items()
            if name not in other.settings and (name in other.unread or name not in settings)
        }
        seeds = [*self.get("seeds", ()), *other.get("seeds", ())]
        if "seeds" in self.settings and "seeds" in other.settings:
            settings["seeds"] = Known(tuple(dict.fromkeys(seeds)), other.settings["seeds"].place)
        return dataclasses.replace(
            self,
            settings={name: value for name, value in settings.items() if name not in unread},
            unread=unread,
            data=other.data or self.data,
            model=other.model or self.model,
            script=other.script or self.script,
            runs=(*self.runs, *other.runs),
        )

    def get(self, name: str, default: Any = None) -> Any:
        """A setting's value, or ``default`` where no source says it."""
        return self.settings[name].value if name in self.settings else default

    def value(self, name: str) -> Any:
        """A setting's value.

        Raises:
            Unknown: no source says it, or what says it could not be read.
        """
        self.require(name)
        return self.settings[name].value

    def place(self, name: str) -> Place:
        """Where a setting is said."""
        return self.settings[name].place

    def require(self, name: str) -> None:
        """Make sure that a fact of :data:`NEEDS` is known.

        Raises:
            Unknown: it is not.
        """
        is_known = bool(getattr(self, name)) if name in _THINGS else name in self.settings
        if not is_known:
            raise Unknown(
                self.unread.get(name) or f"nothing given says {_WORDS.get(name, name)}; it takes {NEEDS[name]}"
            )

    @property
    def task(self) -> Task:
        """The data; raises Unknown without."""
        self.require("data")
        assert self.data is not None
        return self.data

    @property
    def source(self) -> ModelSource:
        """The model; raises Unknown without."""
        self.require("model")
        assert self.model is not None
        return self.model

    @property
    def code(self) -> Script:
        """The script; raises Unknown without."""
        self.require("script")
        assert self.script is not None
        return self.script

    @property
    def examples(self) -> int:
        """Training examples."""
        if "train_examples" in self.settings:
            return int(self.settings["train_examples"].value)
        return len(self.task.train)

    @cached_property
    def steps(self) -> int:
        """Optimizer steps of a run.

        Raises:
            Unknown: neither they nor what they follow from is known.
        """
        for name in ("steps", "max_steps"):
            if name in self.settings:
                return int(self.settings[name].value)
        if "max_steps" in self.unread:
            raise Unknown(self.unread["max_steps"])
        epochs, size = float(self.value("epochs")), int(self.value("batch_size"))
        steps = epochs * math.ceil(self.examples / size)
        return max(1, math.ceil(steps) if self.engine == "trainer" else round(steps))

    @cached_property
    def passes(self) -> float:
        """Passes over the training data in all steps of a run."""
        if "max_steps" in self.settings:
            return self.steps * float(self.value("batch_size")) / self.examples
        return float(self.value("epochs"))


_WORDS = {
    "data": "what the data is",
    "model": "what the model is",
    "script": "how the model is made",
    "runs": "how a run ended",
    "weights_dtype": "in which precision the weights are kept",
    "segments": "whether segment ids are given",
    "orders": "how the training examples are ordered",
    "nan_filter": "whether losses that are not finite are logged",
    "bias_correction": "whether Adam corrects the bias of its moments",
    "max_grad_norm": "where gradients are clipped",
    "seeds": "which seeds are run",
    "eps": "Adam's epsilon",
    "learning_rate": "the learning rate",
    "batch_size": "the batch size",
    "max_length": "at how many tokens texts are cut",
    "metric": "by which metric runs are judged",
    "warmup": "how long the warm-up is",
    "epochs": "how many epochs a run has",
}
