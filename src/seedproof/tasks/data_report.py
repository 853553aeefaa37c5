"""What a user should see of a task's data before anything is trained on it: classes with counts, and what is doubtful.

It is made from the task alone, so it is the same for a user's own table, GLUE, and a task made in memory.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from seedproof.tasks.classes import shown
from seedproof.tasks.holding_out import keys
from seedproof.tasks.targets import number_of

if TYPE_CHECKING:
    from seedproof.tasks.base import Task

LISTED = 12
"""Classes that are listed with their counts; of more, the largest and the smallest ones."""


@dataclass(frozen=True)
class DataReport:
    """Facts about a task's data, and the same in words."""

    counts: Mapping[str, Mapping[str, int]]
    """Examples per split (``train``, ``dev`` and any extra) and class or label; none in a regression."""
    alike: tuple[tuple[str, ...], ...]
    """Groups of classes whose names differ only by blanks, case, Unicode form or the way a number is written."""
    copies: Mapping[str, int]
    """Examples per evaluation split whose text (or pair) is in the training set, too; blanks do not count."""
    decisions: tuple[str, ...] = field(repr=False)
    """What the labels are, a line of text each."""
    warnings: tuple[str, ...] = field(repr=False)
    """What is doubtful, a line of text each."""


def report_on(task: Task) -> DataReport:
    """Look at the data of a task; about two seconds for 400,000 pairs."""
    splits = {"train": task.train, **task.evaluation_splits}
    counted = {name: _counted(split.labels, len(task.classes)) for name, split in splits.items() if task.classes}
    counts = {name: dict(zip(task.classes, map(int, numbers), strict=True)) for name, numbers in counted.items()}
    known = set(keys(task.train))
    copies = {name: sum(key in known for key in keys(split)) for name, split in task.evaluation_splits.items()}
    alike = alike_classes(task.classes)
    decisions = [f"{task.kind}, because {task.reason}"] if task.reason else []
    warnings = (*_alike(alike, counts), *_contradictions(task), *_copies(task, copies))
    return DataReport(counts, alike, copies, (*decisions, _labels(task, counts)), warnings)


def _counted(labels: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """Examples of each class, or that have each label, (classes,)."""
    return labels.sum(axis=0) if labels.ndim == 2 else np.bincount(labels, minlength=classes)


def alike_classes(classes: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Groups of names that differ only in how they are written.

    >>> alike_classes(("neg", "pos", "Pos", "pos "))
    (('pos', 'Pos', 'pos '),)
    """
    groups: dict[object, list[str]] = {}
    for name in classes:
        groups.setdefault(_canonical(name), []).append(name)
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)


def _without_blanks(name: str) -> str:
    """The name with single blanks inside, none at its ends, and without characters that have no form (zero width)."""
    return " ".join("".join(character for character in name if unicodedata.category(character) != "Cf").split())


_FORMS: dict[str, Callable[[str], str]] = {
    "blanks": _without_blanks,
    "case": str.casefold,
    "Unicode form": lambda name: unicodedata.normalize("NFKC", name),
    "the way the number is written": lambda name: name if (number := number_of(name)) is None else str(number),
}


def _canonical(name: str) -> str:
    for form in (*_FORMS.values(), _FORMS["Unicode form"]):
        name = form(name)
    return name


def _alike(groups: tuple[tuple[str, ...], ...], counts: Mapping[str, Mapping[str, int]]) -> list[str]:
    lines = []
    for group in groups:
        changed = {what: len({form(name) for name in group}) for what, form in _FORMS.items()}
        reasons = [what for what, number in changed.items() if number < len(group)]
        write = ascii if reasons == ["Unicode form"] else repr
        names = ", ".join(f"{write(name)} ({sum(split[name] for split in counts.values())})" for name in group)
        lines.append(
            f"the classes {names} differ only by {' and '.join(reasons) or 'blanks, case or Unicode form'}; if they are "
            f"one class, write them alike"
        )
    return lines


def _contradictions(task: Task) -> list[str]:
    """Warning that a text of the training set has several labels: no model can learn both."""
    if not task.classes:
        return []  # the same text may be rated more than once
    first: dict[bytes, tuple[int, int]] = {}
    _, labels = np.unique(task.train.labels, axis=0, return_inverse=True)
    wrong: dict[bytes, int] = {}
    for index, (key, label) in enumerate(zip(keys(task.train), labels.tolist(), strict=True)):
        if first.setdefault(key, (label, index))[0] != label:
            wrong.setdefault(key, first[key][1])
    if not wrong:
        return []
    parts = [task.train.texts] if task.train.pairs is None else [task.train.texts, task.train.pairs]
    example = min(" | ".join(" ".join(part[index].split()) for part in parts) for index in wrong.values())
    what = "set of labels" if task.kind == "multi-label" else "label"
    return [f"{len(wrong)} texts of the training set have more than one {what}, such as {example[:60]!r}"]


def _copies(task: Task, copies: Mapping[str, int]) -> list[str]:
    return [
        f"{count} of the {len(task.evaluation_splits[name])} {'development' if name == 'dev' else name} examples stand "
        f"in the training set, too (the same text), so their score shows what was memorised"
        for name, count in copies.items()
        if count
    ]


def _labels(task: Task, counts: Mapping[str, Mapping[str, int]]) -> str:
    sizes = f"{len(task.train)} training and {len(task.dev)} development examples"
    if not task.classes:
        targets = task.train.labels
        return f"{sizes}, with targets from {targets.min():g} to {targets.max():g} (mean {targets.mean():.3g})"
    train, dev = counts["train"], counts["dev"]
    names = list(task.classes)
    if len(names) > LISTED:
        ordered = sorted(names, key=lambda name: -train[name])
        names = [*ordered[: LISTED - 2], *ordered[-2:]]
    listed = [f"{shown(name)} {train[name]} + {dev[name]}" for name in names]
    if len(names) < len(task.classes):
        listed.insert(-2, "...")
    if task.kind == "multi-label":
        without = sum(int((~split.labels.any(axis=1)).sum()) for split in (task.train, task.dev))
        density = task.train.labels.sum(axis=1).mean()
        return (
            f"{sizes} with any of {len(task.classes)} labels ({density:.2f} an example, {without} examples have none): "
            f"{', '.join(listed)}"
        )
    return f"{sizes} of {len(task.classes)} classes: {', '.join(listed)}"
