"""A user's own table as a task: ``load_table("reviews.csv", text="review", label="stars")``.

The label column decides what the task is. Numbers of which at least one has a decimal point make a regression; anything
else makes a classification, with the classes found in the training file. ``kind`` overrides that. Without a development
file a fifth of the rows is held out, stratified by label, with a seed that is stated in the task's notes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seedproof.errors import UserError, unknown
from seedproof.tasks.base import Split, Task, check_varied
from seedproof.tasks.labels import Kind, class_indices, classes_of, infer_kind, labels_of, targets_of, texts_of
from seedproof.tasks.reading import Table, read_table

HELD_OUT = 0.2
"""Share of the rows that becomes the development set where the user gives none."""


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
) -> Task:
    """Load a CSV, TSV, JSONL or Parquet file.

    Args:
        path: training examples. CSV and TSV need a header and follow the standard quoting, UTF-8.
        text: column of the (first) text.
        label: column of the label.
        text_pair: column of the second text, for pairs.
        dev: development examples with the same columns; None holds out 20 % of ``path``.
        kind: ``"classification"`` or ``"regression"``; None lets the label column decide (see the module's text).
        split_seed: draws the rows that are held out.
        name: of the task; None takes the file's name without extension (its folder's, if that is ``train``).

    Returns:
        The task. Its classes are sorted by name, by value if all are numbers. It is judged by accuracy first, then F1
        (of the second class) and Matthews with two classes; by Pearson first, then Spearman, in a regression.

    Raises:
        UserError: a file, column or row that cannot be used; the message names it.
    """
    path = Path(path)
    if kind not in (None, "classification", "regression"):
        raise unknown("kind", kind, ("classification", "regression"))
    train_table = read_table(path)
    text, label = _columns(train_table, text, label, text_pair)
    dev_table = read_table(Path(dev)) if dev is not None else None
    if dev is not None and Path(dev).resolve() == path.resolve():
        raise UserError(f"{dev} is the training file itself: give other examples, or none to hold out 20 %")
    kind = kind or infer_kind(labels_of(train_table, label))
    classes = classes_of(labels_of(train_table, label)) if kind == "classification" else ()
    train = _split(train_table, text, text_pair, label, classes)
    check_varied(train.labels, classes, f"{path}, column {label!r}")
    notes: tuple[str, ...] = ()
    if dev_table is None:
        total = len(train)
        train, development = _hold_out(train, path, split_seed, stratified=bool(classes))
        notes = (
            f"development set: {len(development)} of the {total} rows, held out by label with split_seed={split_seed}",
        )
    else:
        development = _split(dev_table, text, text_pair, label, classes)
        check_varied(development.labels, classes, f"{dev}, column {label!r}")
    metrics: tuple[str, ...] = ("pearson", "spearman")
    if classes:
        metrics = ("accuracy", "f1", "matthews") if len(classes) == 2 else ("accuracy",)
    return Task(name=name or _name(path), train=train, dev=development, classes=classes, metrics=metrics, notes=notes)


def hold_out(labels: NDArray[np.int64] | NDArray[np.float64], seed: int, *, stratified: bool) -> NDArray[np.bool_]:
    """Choose a fifth of the examples, spread over the labels.

    With classes (``stratified``), a fifth of each class is drawn, rounded to the nearest whole number, so a class of
    one or two examples stays in training. Otherwise the examples are ordered by target and one is drawn of every five.

    Returns:
        A mask (n,), true where an example is held out. It depends on the labels and the seed only.
    """
    generator = np.random.Generator(np.random.PCG64(seed))
    mask = np.zeros(len(labels), dtype=np.bool_)
    if stratified:
        for label in np.unique(labels):
            members = np.flatnonzero(labels == label)
            mask[generator.permutation(members)[: int(len(members) * HELD_OUT + 0.5)]] = True
        return mask
    order = np.argsort(labels, kind="stable")
    block = round(1 / HELD_OUT)
    starts = np.arange(len(labels) // block) * block
    mask[order[starts + generator.integers(block, size=len(starts))]] = True
    return mask


def _columns(table: Table, text: str | None, label: str | None, text_pair: str | None) -> tuple[str, str]:
    """Check that the columns are named, exist and differ."""
    for option, value in (("text", text), ("label", label)):
        if value is None:
            raise UserError(
                f"{table.path}: say which column holds the {option} (its columns: {', '.join(table.columns)})"
            )
    names = [value for value in (text, text_pair, label) if value is not None]
    for value in names:
        table.column(value)
    if len(set(names)) != len(names):
        raise UserError(f"{table.path}: text, text pair and label must be different columns, found {', '.join(names)}")
    return str(text), str(label)


def _split(table: Table, text: str, text_pair: str | None, label: str, classes: tuple[str, ...]) -> Split:
    labels = class_indices(table, label, classes) if classes else targets_of(table, label)
    pairs = texts_of(table, text_pair) if text_pair is not None else None
    return Split(texts_of(table, text), pairs, labels)


def _hold_out(split: Split, path: Path, seed: int, *, stratified: bool) -> tuple[Split, Split]:
    if seed < 0:
        raise UserError(f"split_seed must not be negative, found {seed}")
    mask = hold_out(split.labels, seed, stratified=stratified)
    development = _subset(split, mask) if mask.any() else None
    if development is None or np.ptp(development.labels) == 0:
        raise UserError(
            f"{path} has too few rows ({len(split)}) to hold out 20 % with different labels; give a development file"
        )
    return _subset(split, ~mask), development


def _subset(split: Split, mask: NDArray[np.bool_]) -> Split:
    indices = np.flatnonzero(mask)
    pairs = None if split.pairs is None else tuple(split.pairs[index] for index in indices)
    return Split(tuple(split.texts[index] for index in indices), pairs, split.labels[mask])


def _name(path: Path) -> str:
    return path.resolve().parent.name or path.stem if path.stem == "train" else path.stem
