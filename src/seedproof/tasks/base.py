"""What a task is: texts with labels in splits, the metrics it is judged by, and what follows from these alone.

A task is a value. Loaders (:mod:`seedproof.tasks.glue`, :mod:`seedproof.tasks.tables`) build one from files; it can
also be built by hand from lists::

    Task(name="mine", train=Split(["good", "bad"], None, [1, 0]), dev=..., classes=("no", "yes"), metrics=("accuracy",))

Two tasks with the same texts, labels, classes and metrics have the same fingerprint, wherever they came from and
whichever of the metrics judges.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seedproof.display import some, table
from seedproof.errors import UserError
from seedproof.spec import TaskReference, canonical_json
from seedproof.tasks import multi_label
from seedproof.tasks.confusion import class_scores, confusion
from seedproof.tasks.judges import Metric
from seedproof.tasks.metrics import METRICS, find_metric
from seedproof.tasks.parsing import Parsing
from seedproof.tasks.split import Kind, Split, check_extra_names, check_split, check_varied

if TYPE_CHECKING:
    from seedproof.tasks.data_report import DataReport

PROBLEM_TYPES: Mapping[Kind, str] = MappingProxyType(
    {
        "classification": "single_label_classification",
        "multi-label": "multi_label_classification",
        "regression": "regression",
    }
)
"""Transformers' words for the kinds of tasks."""

FINGERPRINT_VERSION = 1
"""Part of every fingerprint: raised when the way of hashing changes."""


@dataclass(frozen=True, eq=False)
class Task:
    """A data set with its splits and metrics.

    Raises:
        UserError: an empty split, labels out of range or not finite, a training or development set with one label
            only, texts paired in one split and not in another, an unknown metric or one that does not fit the labels.
    """

    name: str
    """Name for people; not part of the fingerprint."""
    train: Split
    dev: Split
    classes: tuple[str, ...]
    """Names of the classes, or of the labels where an example may have several, in the order of their indices; () means
    regression."""
    metrics: tuple[str, ...]
    """Names out of :data:`seedproof.tasks.metrics.METRICS`; all of them are recorded."""
    extra: Mapping[str, Split] = field(default_factory=dict)
    """Further splits that are only evaluated, such as MNLI's ``mismatched``."""
    notes: tuple[str, ...] = ()
    """What a reader of the numbers should know about how the data was read, what is doubtful behind ``warning: ``; not part
    of the fingerprint."""
    reason: str = ""
    """Why it is of its kind, in words that follow "because"; empty where nothing was decided. Not in the fingerprint."""
    parsing: Parsing | None = None
    """Rules by which a table became this task; not part of the fingerprint. None where there was nothing to choose, and
    for tasks that were stored before rules were."""
    parse: Callable[[Parsing], Task] | None = field(default=None, repr=False)
    """Reads the same files by other rules, so that a study is extended by those of its stored task."""
    metric: str = ""
    """The one that stability is judged by, also ``f1:NAME`` for a class; "": the first of ``metrics``. Not part of the
    fingerprint: the same data may be judged by another metric."""

    def __post_init__(self) -> None:
        for name in ("classes", "metrics", "notes"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise UserError(f"task {self.name!r}: {name} must be a list of names, found the string {value!r}")
            object.__setattr__(self, name, tuple(value))
        object.__setattr__(self, "extra", dict(self.extra))
        if self.train.labels.ndim == 2 and not self.classes:
            raise UserError(f"task {self.name!r}: give the names of its labels as classes")
        self._check_metrics()
        if len(set(self.classes)) != len(self.classes):
            raise UserError(f"task {self.name!r}: classes must differ, found {', '.join(self.classes)}")
        check_extra_names(self.name, self.extra)
        for name, split in {"train": self.train, **self.evaluation_splits}.items():
            check_split(split, self.classes, self.train, f"task {self.name!r}, split {name!r}")
        check_varied(self.train.labels, self.classes, f"task {self.name!r}, training set")
        check_varied(self.dev.labels, self.classes, f"task {self.name!r}, development set")

    def __repr__(self) -> str:
        sizes = ", ".join(
            f"{name} {len(split)}" for name, split in {"train": self.train, **self.evaluation_splits}.items()
        )
        return f"Task({self.name!r}, {self.kind}, {sizes}, {some(self.metrics)})"

    def _repr_html_(self) -> str:
        sizes = {
            f"{name} examples": len(split) for name, split in {"train": self.train, **self.evaluation_splits}.items()
        }
        majority = ", ".join(f"{name} {value:.3f}" for name, value in self.majority.items())
        rows = {"kind": self.kind, "classes": some(self.classes) or "none", **sizes, "majority score": majority}
        first = self.train.texts[0] if self.train.pairs is None else f"{self.train.texts[0]} | {self.train.pairs[0]}"
        return table(
            self.name,
            {**rows, "first example": first[:300], **({"notes": "; ".join(self.notes)} if self.notes else {})},
        )

    @property
    def kind(self) -> Kind:
        """What the labels are: a class each, a number (there are no classes), or several labels of one example."""
        return "regression" if not self.classes else "multi-label" if self.train.labels.ndim == 2 else "classification"

    @property
    def problem_type(self) -> str:
        """The kind as Transformers' configurations call it, which decides a model's loss."""
        return PROBLEM_TYPES[self.kind]

    @property
    def num_labels(self) -> int:
        """Outputs of the model's head: one per class or label, 1 for regression."""
        return len(self.classes) or 1

    @property
    def evaluation_splits(self) -> dict[str, Split]:
        """``dev`` first, then the extra splits."""
        return {"dev": self.dev, **self.extra}

    @property
    def judge(self) -> Metric:
        """The metric that stability is judged by."""
        return self.find_metric(self.metric)

    def find_metric(self, name: str) -> Metric:
        """The metric ``name`` for this task's labels.

        Raises:
            UserError: there is none of that name, or it does not fit.
        """
        return find_metric(name, self.classes, kind=self.kind, where=f"task {self.name!r}")

    @property
    def majority(self) -> dict[str, float]:
        """Best score by metric on the development set of a prediction that never changes.

        Correlations and Matthews are 0 by definition, so that a run of STS-B or CoLA fails at <= 0.
        """
        return dict(self._majority)

    @cached_property
    def _majority(self) -> dict[str, float]:
        return {metric.name: metric.majority(self.dev.labels) for metric in self._recorded}

    @cached_property
    def _recorded(self) -> list[Metric]:
        """Every metric that is recorded: those of the fingerprint, and the one that judges."""
        return [self.find_metric(name) for name in dict.fromkeys((*self.metrics, self.metric))]

    @cached_property
    def data_report(self) -> DataReport:
        """Classes with their counts, classes that look alike, and examples that stand in both parts."""
        from seedproof.tasks.data_report import report_on

        return report_on(self)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over texts, labels, classes and metrics of all splits, in hexadecimal."""
        splits = {"train": self.train, **self.evaluation_splits}
        layout = [
            # The width of labels came when there were several of one example.
            [name, len(split), split.pairs is not None, split.labels.dtype.kind, *split.labels.shape[1:]]
            for name, split in splits.items()
        ]
        head = {
            "version": FINGERPRINT_VERSION,
            "classes": list(self.classes),
            "metrics": list(self.metrics),
            "splits": layout,
        }
        digest = hashlib.sha256(canonical_json(head).encode())
        for split in splits.values():
            for texts in (split.texts, split.pairs or ()):
                # The lengths make the joined bytes unambiguous: ("ab", "c") differs from ("a", "bc").
                lengths = (len(text) if text.isascii() else len(text.encode()) for text in texts)
                digest.update(np.fromiter(lengths, dtype="<i8", count=len(texts)).tobytes())
                for text in texts:
                    digest.update(text.encode())
            digest.update(split.labels.astype(split.labels.dtype.newbyteorder("<")).tobytes())
        return digest.hexdigest()

    def score(self, outputs: Mapping[str, NDArray[Any]]) -> dict[str, float]:
        """Judge a model's outputs.

        Args:
            outputs: per evaluation split (``dev``, or any of ``extra``) the logits (n, classes), or (n, 1) for
                regression.

        Returns:
            ``{metric: value}``, and ``{"<metric>_<split>": value}`` for the extra splits. Where any output of a split
            is not finite, every metric of that split is NaN.

        Raises:
            ValueError: an unknown split, or outputs of another shape.
        """
        splits = self.evaluation_splits
        if not set(outputs) <= set(splits):
            raise ValueError(f"outputs for {sorted(set(outputs) - set(splits))}, but the splits are {list(splits)}")
        scores: dict[str, float] = {}
        for name, split in splits.items():
            if name not in outputs:
                continue
            suffix = "" if name == "dev" else f"_{name}"
            values = self._checked(np.asarray(outputs[name]), len(split))
            scores |= {metric.name + suffix: metric.score(values, split.labels) for metric in self._recorded}
        return scores

    def reference(self) -> TaskReference:
        """Reference by which a run spec names it."""
        return TaskReference(
            name=self.name, fingerprint=self.fingerprint, train_examples=len(self.train), dev_examples=len(self.dev)
        )

    def write(self, folder: Path | str) -> None:
        """Write into a folder that :meth:`read` gives back exactly; see :mod:`seedproof.tasks.folder`."""
        from seedproof.tasks.folder import write_task

        write_task(self, Path(folder))

    @classmethod
    def read(cls, folder: Path | str) -> Task:
        """Read what :meth:`write` wrote and check its fingerprint.

        Raises:
            UserError: the folder holds no task, or its files were changed.
        """
        from seedproof.tasks.folder import read_task

        return read_task(Path(folder))

    def class_scores(self, outputs: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, dict[str, float]]]:
        """Precision, recall, F1 and support by split and class; nothing for regression or outputs that are not finite."""
        return {
            name: self._class_scores(values, split.labels)
            for name, split in self.evaluation_splits.items()
            if self.classes and name in outputs and np.isfinite(values := np.asarray(outputs[name])).all()
        }

    def _class_scores(self, outputs: NDArray[Any], labels: NDArray[Any]) -> dict[str, dict[str, float]]:
        predicted = self.predictions(outputs)
        if self.kind == "multi-label":
            return multi_label.label_scores(multi_label.counts(predicted, labels), self.classes)
        return class_scores(confusion(predicted, labels, len(self.classes)), self.classes)

    def predictions(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """What logits predict: the likeliest class (n,), 0 or 1 for each label (n, labels), or the number itself (n,)."""
        if self.kind == "multi-label":
            return multi_label.predicted(outputs)
        predicted: NDArray[Any] = np.argmax(outputs, axis=1) if self.classes else outputs[:, 0]
        return predicted

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """The probability of each class or label, (n, num_labels), from logits; a regression's outputs as they are."""
        values = outputs.astype(np.float64)
        if self.kind == "multi-label":
            return np.exp(-np.logaddexp(0.0, -values))
        return np.exp(values - np.logaddexp.reduce(values, axis=1, keepdims=True)) if self.classes else values

    def _checked(self, outputs: NDArray[Any], examples: int) -> NDArray[Any]:
        if outputs.shape != (examples, self.num_labels):
            raise ValueError(f"outputs have shape {outputs.shape}, expected {(examples, self.num_labels)}")
        return outputs

    def _check_metrics(self) -> None:
        if not self.metrics:
            raise UserError(f"task {self.name!r}: name at least one metric (one of: {', '.join(METRICS)})")
        for name in self.metrics:
            self.find_metric(name)
        object.__setattr__(self, "metric", self.find_metric(self.metric or self.metrics[0]).name)
