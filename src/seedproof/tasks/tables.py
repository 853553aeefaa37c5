"""A user's own table as a task: ``load_table("reviews.csv", text="review", label="stars")``.

The label column decides what the task is (:func:`seedproof.tasks.labels.understand`): numbers with fractions, or whole
numbers of many values, make a regression; anything else makes a classification, with the classes found in the training
file. ``kind`` overrides that. Without a development file a fifth of the rows is held out, stratified by label, copies of
a text in one part. What was decided, and why, stands in the task's ``data_report`` and notes.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedproof.errors import UserError, unknown
from seedproof.tasks.base import Task
from seedproof.tasks.columns import Table, listed
from seedproof.tasks.holding_out import hold_out, numbered
from seedproof.tasks.labels import Kind, Labels, class_indices, labels_of, targets_of, texts_of, understand
from seedproof.tasks.metrics import default_metric, rare_class
from seedproof.tasks.parsing import Parsing, check_quoting
from seedproof.tasks.reading import read_table, stem
from seedproof.tasks.split import Split, check_varied

JUDGED_BY = "judged by "
"""Begins the note that says which metric was chosen, and why."""


def load_table(
    path: str | Path,
    *,
    text: str | None,
    label: str | None,
    text_pair: str | None = None,
    dev: str | Path | None = None,
    kind: Kind | None = None,
    split_seed: int = 0,
    name: str | None = None,
    metric: str | None = None,
    quoting: str | None = None,
    parsing: Parsing | None = None,
) -> Task:
    """Load a CSV, TSV, JSON Lines, JSON or Parquet file.

    Args:
        path: training examples; CSV and TSV need a header. See :func:`seedproof.tasks.reading.read_table`.
        text: column of the (first) text.
        label: column of the label.
        text_pair: column of the second text, for pairs.
        dev: development examples with the same columns; None holds out 20 % of ``path``.
        kind: ``"classification"`` or ``"regression"``; None lets the label column decide (see the module's text).
        split_seed: draws the rows that are held out.
        name: of the task; None takes the file's name without extension (its folder's, if that is ``train``).
        metric: that judges it, see :data:`seedproof.tasks.METRICS`; None: accuracy, or Matthews correlation where a class
            is rare; Pearson's correlation in a regression.
        quoting: of a CSV or TSV: ``"none"`` where a double quote is a character like any other; None is ``"standard"``.
        parsing: the rules; None takes today's. A study that is extended gives those of its stored task.

    Returns:
        The task. Its classes are sorted by name, by value if all are numbers. Beside what judges it, it records accuracy,
        and with two classes F1 (of the second) and Matthews; in a regression Pearson and Spearman.

    Raises:
        UserError: a file, column or row that cannot be used; the message names it.
    """
    path, rules, quotes = Path(path), parsing or Parsing(), check_quoting(quoting)
    if kind not in (None, "classification", "regression"):
        raise unknown("kind", kind, ("classification", "regression"))
    if dev is not None and Path(dev).resolve() == path.resolve():
        raise UserError(f"{dev} is the training file itself: give other examples, or none to hold out 20 %")
    if text is None or label is None:
        raise _unnamed(read_table(path, quoting=quotes), "text" if text is None else "label")
    columns = _distinct(path, [text] if text_pair is None else [text, text_pair], label)
    table = read_table(path, columns, quoting=quotes)
    meaning = understand(labels_of(table, label), kind, rules)
    train = _split(table, columns, meaning)
    check_varied(train.labels, meaning.classes, f"{path}, column {label!r}")
    notes = list(table.notes)
    if dev is None:
        train, development, held_out = _hold_out(train, path, split_seed, meaning, rules)
        notes.append(held_out)
    else:
        dev_table = read_table(Path(dev), columns, quoting=quotes)
        development = _split(dev_table, columns, meaning)
        check_varied(development.labels, meaning.classes, f"{dev}, column {label!r}")
        notes += dev_table.notes
    metrics: tuple[str, ...] = ("pearson", "spearman")
    if meaning.classes:
        metrics = ("accuracy", "f1", "matthews") if len(meaning.classes) == 2 else ("accuracy",)
    if metric is None and (rare := rare_class(development.labels, meaning.classes)):
        notes.append(_why_matthews(development.labels, *rare))
    again = partial(
        load_table,
        path,
        text=text,
        label=label,
        text_pair=text_pair,
        dev=dev,
        kind=kind,
        split_seed=split_seed,
        name=name,
        quoting=quoting,
        metric=metric,
    )
    return Task(
        name=name or table_name(path),
        train=train,
        dev=development,
        classes=meaning.classes,
        metrics=metrics,
        notes=tuple(notes),
        reason=meaning.reason,
        parsing=rules,
        parse=lambda rules: again(parsing=rules),
        metric=metric or default_metric(development.labels, meaning.classes, metrics),
    )


def table_name(path: Path) -> str:
    """Name of the task in a file, where none is given."""
    return path.resolve().parent.name or stem(path) if stem(path) == "train" else stem(path)


def _unnamed(table: Table, option: str) -> UserError:
    names = listed(list(table.columns))
    return UserError(f"{table.path}: say which column holds the {option}, --{option} COLUMN (its columns: {names})")


def _distinct(path: Path, texts: list[str], label: str) -> list[str]:
    """The columns of the texts and the label, in that order, which must differ."""
    names = [*texts, label]
    if len(set(names)) != len(names):
        raise UserError(f"{path}: text, text pair and label must be different columns, found {', '.join(names)}")
    return names


def _split(table: Table, columns: list[str], meaning: Labels) -> Split:
    *texts, label = columns
    labels = (
        class_indices(table, label, meaning.classes, whole=meaning.whole)
        if meaning.classes
        else targets_of(table, label)
    )
    parts = [texts_of(table, column) for column in texts]
    return Split(parts[0], parts[1] if len(parts) > 1 else None, labels)


def _hold_out(split: Split, path: Path, seed: int, meaning: Labels, rules: Parsing) -> tuple[Split, Split, str]:
    """Training set, development set, and how they were divided."""
    if seed < 0:
        raise UserError(f"split_seed must not be negative, found {seed}")
    rows = np.arange(len(split))
    texts = numbered(split) if rules.copies == "together" else rows
    for numbers in (texts, rows):  # each row for itself where there are too few different texts
        mask = hold_out(split.labels, seed, stratified=bool(meaning.classes), copies=numbers)
        if mask.any() and np.ptp(split.labels[mask]) > 0:
            break
    else:
        classes = f" of {len(meaning.classes)} classes" if len(meaning.classes) > 2 else ""
        raise UserError(
            f"{path} has too few rows ({len(split)}{classes}) to hold out 20 % with different labels; give a "
            f"development file, or another column as the label if this one is none"
        )
    note = f"development set: {mask.sum()} of the {len(split)} rows, held out by label with split_seed={seed}"
    different = int(texts.max()) + 1
    if different < len(split):
        kept = (
            "all copies of a text are in one part"
            if numbers is texts
            else "too few to have all copies of one in one part"
        )
        note += f"; the rows have {different} different texts, {kept}"
    return _subset(split, ~mask), _subset(split, mask), note


def _subset(split: Split, mask: NDArray[np.bool_]) -> Split:
    indices = np.flatnonzero(mask)
    pairs = None if split.pairs is None else tuple(split.pairs[index] for index in indices)
    return Split(tuple(split.texts[index] for index in indices), pairs, split.labels[mask])


def _why_matthews(labels: NDArray[Any], rare: str, fraction: float) -> str:
    constant = np.bincount(labels).max() / len(labels)
    return (
        f"{JUDGED_BY}Matthews correlation, because the class {rare!r} is rare ({fraction:.1%} of the development set): a "
        f"prediction that never changes has an accuracy of {constant:.3f}, but always a Matthews correlation of 0; give "
        "--metric accuracy to judge by accuracy"
    )
