"""Examples of one split of a task, checked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seedproof.errors import UserError

Kind = Literal["classification", "regression", "multi-label"]
"""What the labels of a task are: one class of an example, a number, or any of several labels."""


@dataclass(frozen=True, eq=False)
class Split:
    """Examples of one split, in their order. Lists are taken too and stored as tuples and as a read-only array.

    Raises:
        UserError: lengths differ, a text, id or group is not a string or not valid Unicode, labels are not numbers.
    """

    texts: tuple[str, ...]
    """First (or only) text of each example."""
    pairs: tuple[str, ...] | None
    """Second text of each example, or None where examples are single texts."""
    labels: NDArray[Any]
    """Class indices, int64 (n,); regression targets, float64 (n,); or int64 (n, labels), 1 where an example has a label."""
    ids: tuple[str, ...] | None = None
    """What the user calls each example. Neither these nor the groups are part of a task's fingerprint."""
    groups: tuple[str, ...] | None = None
    """What each example belongs to (a document, a person): a group stands on one side of a split."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "texts", _checked_texts(self.texts, "texts"))
        if self.pairs is not None:
            object.__setattr__(self, "pairs", _checked_texts(self.pairs, "pairs"))
            _check_lengths("pairs", len(self.pairs), len(self.texts))
        for name in ("ids", "groups"):
            if (values := getattr(self, name)) is not None:
                object.__setattr__(self, name, _checked_texts(values, name))
                _check_lengths(name, len(getattr(self, name)), len(self.texts))
        labels = np.asarray(self.labels)
        has_shape = labels.ndim == 1 or (labels.ndim == 2 and labels.shape[1] > 1)
        if not has_shape or (labels.size and labels.dtype.kind not in "biuf"):
            raise UserError(
                "labels must be a list of numbers, or for multi-label of lists of 0 and 1, found "
                f"{labels.dtype} of shape {labels.shape}"
            )
        _check_lengths("labels", len(labels), len(self.texts))
        labels = labels.astype(np.float64 if labels.dtype.kind == "f" else np.int64)
        labels.setflags(write=False)
        object.__setattr__(self, "labels", labels)

    def __len__(self) -> int:
        return len(self.texts)

    def __repr__(self) -> str:
        return f"Split({len(self)} {'texts' if self.pairs is None else 'pairs'})"

    def take(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> Self:
        """The examples with these numbers, in this order, or those that a mask (n,) has."""
        kept = np.flatnonzero(chosen) if chosen.dtype == np.bool_ else chosen

        def part(values: tuple[str, ...] | None) -> tuple[str, ...] | None:
            return None if values is None else tuple(values[index] for index in kept)

        texts = part(self.texts)
        assert texts is not None
        return type(self)(texts, part(self.pairs), self.labels[kept], part(self.ids), part(self.groups))


def check_varied(labels: NDArray[Any], classes: tuple[str, ...], where: str) -> None:
    """Refuse labels that are all equal: nothing can be learned from them, and no run could beat the majority.

    Raises:
        UserError: names ``where`` and the one label.
    """
    if labels.ndim == 2:
        if (labels == labels[0]).all():
            present = [name for name, has in zip(classes, labels[0], strict=True) if has]
            raise UserError(
                f"{where}: all {len(labels)} examples have the same labels ({', '.join(present) or 'none'}); at least one "
                "label must differ"
            )
        return
    if np.ptp(labels) == 0:
        value = f"the single class {classes[labels[0]]!r}" if classes else f"the single target {labels[0]}"
        raise UserError(f"{where}: all {len(labels)} examples have {value}; at least two different labels are needed")


def check_split(split: Split, classes: tuple[str, ...], train: Split, where: str) -> None:
    """Refuse a split without examples, or whose labels are not those of its task.

    Args:
        split: of a task.
        classes: of the task; none for a regression.
        train: the training set of the task, whose examples are of the same kind.
        where: what the split is called in messages.

    Raises:
        UserError: names ``where``, and the first label that is wrong.
    """
    if not len(split):
        raise UserError(f"{where} is empty: give it at least one example")
    if (split.pairs is not None) != (train.pairs is not None):
        raise UserError(f"{where}: either all splits have pairs of texts or none has")
    if split.labels.ndim != train.labels.ndim:
        raise UserError(f"{where}: either all splits have several labels an example or none has")
    if not classes:
        if split.labels.dtype.kind != "f":
            raise UserError(f"{where}: regression targets must be floats; give classes for class indices")
        if not np.isfinite(split.labels).all():
            index = int(np.argmin(np.isfinite(split.labels)))
            raise UserError(f"{where}: target {split.labels[index]} of example {index} is not finite")
        return
    if split.labels.dtype.kind != "i":
        raise UserError(f"{where}: labels must be integer class indices, found floats; pass classes=() for regression")
    if split.labels.ndim == 2:
        _check_multi_label(split.labels, classes, where)
        return
    wrong = np.flatnonzero((split.labels < 0) | (split.labels >= len(classes)))
    if wrong.size:
        value, index = split.labels[wrong[0]], wrong[0]
        raise UserError(f"{where}: label {value} of example {index} is not one of 0 to {len(classes) - 1}")


def _check_multi_label(labels: NDArray[Any], classes: tuple[str, ...], where: str) -> None:
    if labels.shape[1] != len(classes) or len(classes) < 2:
        raise UserError(
            f"{where}: {labels.shape[1]} labels an example for {len(classes)} names; multi-label needs as many names as "
            "labels, and at least two"
        )
    wrong = np.argwhere((labels != 0) & (labels != 1))
    if wrong.size:
        example, label = wrong[0]
        raise UserError(
            f"{where}: label {classes[label]!r} of example {example} is {labels[example, label]}, and must be 0 or 1"
        )


def check_extra_names(task: str, names: Iterable[str]) -> None:
    """Refuse names of extra splits that are taken, or could not be names of files.

    Raises:
        UserError: names the task and the split.
    """
    for name in names:
        if name in ("train", "dev") or not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise UserError(f"task {task!r}: {name!r} cannot name an extra split; use lower-case letters")


def label_entropy(labels: ArrayLike) -> float:
    """Entropy in nats of the fractions of the labels: the lowest loss that ignores the text.

    Of multi-label labels it is the mean over the labels of each one's entropy, as their loss is the mean over them.

    >>> round(label_entropy([0, 1, 1, 0]), 4)  # ln 2
    0.6931

    Args:
        labels: class indices (examples,), or 0 and 1 (examples, labels).
    """
    values = np.asarray(labels)
    if values.ndim == 2:
        present = values.mean(axis=0)
        sides = np.stack([present, 1 - present])
        return float(-(sides * np.log(np.where(sides > 0, sides, 1.0))).sum(axis=0).mean())
    _, counts = np.unique(values, return_counts=True)
    fractions = counts / counts.sum()
    return float(-(fractions * np.log(fractions)).sum())


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
