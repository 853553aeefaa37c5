"""What a task is: texts with labels in splits, the metrics it is judged by, and what follows from these alone.

A task is a value. Loaders (:mod:`seedproof.tasks.glue`, :mod:`seedproof.tasks.tables`) build one from files; it can
also be built by hand from lists::

    Task(name="mine", train=Split(["good", "bad"], None, [1, 0]), dev=..., classes=("no", "yes"), metrics=("accuracy",))

Two tasks with the same texts, labels, classes and metrics have the same fingerprint, wherever they came from.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from seedproof.display import some, table
from seedproof.errors import UserError, unknown
from seedproof.spec import TaskReference, canonical_json
from seedproof.tasks.metrics import METRICS, REGRESSION_METRICS
from seedproof.tasks.parsing import Parsing

if TYPE_CHECKING:
    from seedproof.tasks.data_report import DataReport

FINGERPRINT_VERSION = 1
"""Part of every fingerprint: raised when the way of hashing changes."""


@dataclass(frozen=True, eq=False)
class Split:
    """Examples of one split, in their order. Lists are taken too and stored as tuples and as a read-only array.

    Raises:
        UserError: lengths differ, a text is not a string or not valid Unicode, labels are not numbers.
    """

    texts: tuple[str, ...]
    """First (or only) text of each example."""
    pairs: tuple[str, ...] | None
    """Second text of each example, or None where examples are single texts."""
    labels: NDArray[Any]
    """Class indices, int64 (n,), or regression targets, float64 (n,)."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", _checked_texts(self.texts, "texts"))
        if self.pairs is not None:
            object.__setattr__(self, "pairs", _checked_texts(self.pairs, "pairs"))
            _check_lengths("pairs", len(self.pairs), len(self.texts))
        labels = np.asarray(self.labels)
        if labels.ndim != 1 or (labels.size and labels.dtype.kind not in "biuf"):
            raise UserError(f"labels must be a list of numbers, found {labels.dtype} of shape {labels.shape}")
        _check_lengths("labels", len(labels), len(self.texts))
        labels = labels.astype(np.float64 if labels.dtype.kind == "f" else np.int64)
        labels.setflags(write=False)
        object.__setattr__(self, "labels", labels)

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        return f"Split({len(self)} {'texts' if self.pairs is None else 'pairs'})"


@dataclass(frozen=True, eq=False)
class Task:
    """A data set with its splits and metrics.

    Raises:
        UserError: an empty split, labels out of range or not finite, a training or development set with one label
            only, texts paired in one split and not in another, an unknown metric or one that does not fit the labels.
    """

    name: str
    """For people; not part of the fingerprint."""
    train: Split
    dev: Split
    classes: tuple[str, ...]
    """Names of the classes in the order of their indices; () means regression."""
    metrics: tuple[str, ...]
    """Names out of :data:`seedproof.tasks.metrics.METRICS`; stability is judged by the first."""
    extra: Mapping[str, Split] = field(default_factory=dict)
    """Further splits that are only evaluated, such as MNLI's ``mismatched``."""
    notes: tuple[str, ...] = ()
    """What a reader of the numbers should know about how the data was read, what is doubtful behind ``warning: ``; not part
    of the fingerprint."""
    parsing: Parsing | None = None
    """Rules by which a table became this task; not part of the fingerprint. None where there was nothing to choose, and
    for tasks that were stored before rules were."""
    parse: Callable[[Parsing], Task] | None = field(default=None, repr=False)
    """Reads the same files by other rules, so that a study is extended by those of its stored task."""

    def __post_init__(self) -> None:
        for name in ("classes", "metrics", "notes"):
            value = getattr(self, name)
            if isinstance(value, str):
                raise UserError(f"task {self.name!r}: {name} must be a list of names, found the string {value!r}")
            object.__setattr__(self, name, tuple(value))
        object.__setattr__(self, "extra", dict(self.extra))
        self._check_metrics()
        if len(set(self.classes)) != len(self.classes):
            raise UserError(f"task {self.name!r}: classes must differ, found {', '.join(self.classes)}")
        for name in self.extra:
            if name in ("train", "dev") or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise UserError(f"task {self.name!r}: {name!r} cannot name an extra split; use lower-case letters")
        for name, split in {"train": self.train, **self.evaluation_splits}.items():
            self._check_split(name, split)
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
    def kind(self) -> Literal["classification", "regression"]:
        """Which of the two it is: regression has no classes."""
        return "classification" if self.classes else "regression"

    @property
    def num_labels(self) -> int:
        """Outputs of the model's head: one per class, 1 for regression."""
        return len(self.classes) or 1

    @property
    def evaluation_splits(self) -> dict[str, Split]:
        """``dev`` first, then the extra splits."""
        return {"dev": self.dev, **self.extra}

    @property
    def majority(self) -> dict[str, float]:
        """Per metric, the best score on the development set of a prediction that never changes.

        Correlations and Matthews are 0 by definition, so that a run of STS-B or CoLA fails at <= 0.
        """
        return dict(self._majority)

    @cached_property
    def _majority(self) -> dict[str, float]:
        if self.kind == "regression":
            return dict.fromkeys(self.metrics, 0.0)
        constants = [np.full(len(self.dev), index) for index in range(len(self.classes))]
        return {name: max(METRICS[name](constant, self.dev.labels) for constant in constants) for name in self.metrics}

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
            [name, len(split), split.pairs is not None, split.labels.dtype.kind] for name, split in splits.items()
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
                encoded = [text.encode() for text in texts]
                # The lengths make the joined bytes unambiguous: ("ab", "c") differs from ("a", "bc").
                digest.update(np.array([len(text) for text in encoded], dtype="<i8").tobytes())
                digest.update(b"".join(encoded))
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
            predictions = self._predictions(np.asarray(outputs[name]), len(split))
            for metric in self.metrics:
                value = float("nan") if predictions is None else METRICS[metric](predictions, split.labels)
                scores[metric + suffix] = value
        return scores

    def reference(self) -> TaskReference:
        """As a run spec names it."""
        return TaskReference(
            name=self.name,
            fingerprint=self.fingerprint,
            train_examples=len(self.train),
            dev_examples=len(self.dev),
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

    def _predictions(self, outputs: NDArray[Any], examples: int) -> NDArray[Any] | None:
        """Class indices or targets (n,) from outputs (n, num_labels); None where one is not finite."""
        if outputs.shape != (examples, self.num_labels):
            raise ValueError(f"outputs have shape {outputs.shape}, expected {(examples, self.num_labels)}")
        if not np.isfinite(outputs).all():
            return None
        return np.argmax(outputs, axis=1) if self.classes else outputs[:, 0]

    def _check_metrics(self) -> None:
        if not self.metrics:
            raise UserError(f"task {self.name!r}: name at least one metric (one of: {', '.join(METRICS)})")
        for metric in self.metrics:
            if metric not in METRICS:
                raise unknown("metric", metric, METRICS, where=f"task {self.name!r}")
            if (metric in REGRESSION_METRICS) != (self.kind == "regression"):
                raise UserError(f"task {self.name!r}: metric {metric!r} does not fit {self.kind}")
        if {"f1", "accuracy_f1"} & set(self.metrics) and len(self.classes) != 2:
            raise UserError(f"task {self.name!r}: F1 is defined for two classes, found {len(self.classes)}")

    def _check_split(self, name: str, split: Split) -> None:
        place = f"task {self.name!r}, split {name!r}"
        if not len(split):
            raise UserError(f"{place} is empty: give it at least one example")
        if (split.pairs is None) != (self.train.pairs is None):
            raise UserError(f"{place}: either all splits have pairs of texts or none has")
        if self.kind == "regression":
            if split.labels.dtype.kind != "f":
                raise UserError(f"{place}: regression targets must be floats; give classes for class indices")
            if not np.isfinite(split.labels).all():
                index = int(np.argmin(np.isfinite(split.labels)))
                raise UserError(f"{place}: target {split.labels[index]} of example {index} is not finite")
            return
        if split.labels.dtype.kind != "i":
            raise UserError(
                f"{place}: labels must be integer class indices, found floats; pass classes=() for regression"
            )
        wrong = np.flatnonzero((split.labels < 0) | (split.labels >= len(self.classes)))
        if wrong.size:
            value, index = split.labels[wrong[0]], wrong[0]
            raise UserError(f"{place}: label {value} of example {index} is not one of 0 to {len(self.classes) - 1}")


def check_varied(labels: NDArray[Any], classes: tuple[str, ...], place: str) -> None:
    """Refuse labels that are all equal: nothing can be learned from them, and no run could beat the majority.

    Raises:
        UserError: names ``place`` and the one label.
    """
    if np.ptp(labels) == 0:
        value = f"the single class {classes[labels[0]]!r}" if classes else f"the single target {labels[0]}"
        raise UserError(f"{place}: all {len(labels)} examples have {value}; at least two different labels are needed")


def _check_lengths(what: str, found: int, expected: int) -> None:
    if found != expected:
        raise UserError(f"a split needs as many {what} as texts, found {found} and {expected}")


def _checked_texts(texts: Iterable[Any], what: str) -> tuple[str, ...]:
    """Check that every text is a string that can be written as UTF-8."""
    if isinstance(texts, str):
        raise UserError(f"{what} must be a list of strings, found one string {texts[:40]!r}")
    checked = tuple(texts)
    for index, text in enumerate(checked):
        if not isinstance(text, str):
            raise UserError(f"{what}: example {index} is {text!r} ({type(text).__name__}), not a string")
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError as error:
                raise UserError(
                    f"{what}: example {index} has a lone surrogate at character {error.start}; such text is not Unicode"
                ) from None
    return checked
