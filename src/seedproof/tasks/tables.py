"""A user's own table as a task: ``load_table("reviews.csv", text="review", label="stars")``.

The label column decides what the task is (:func:`seedproof.tasks.labels.understand`): numbers with fractions, or whole
numbers of many values, make a regression; anything else makes a classification, with the classes found in the training
file. ``kind`` overrides that. Several columns of labels, or one that lists them, make a multi-label task. Without a
development file a fifth of the rows is held out, stratified by label, copies of a text, and groups, in one part. What was
decided, and why, stands in the task's ``data_report`` and notes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import get_args

from seedproof.errors import UserError, unknown
from seedproof.tasks.base import Task
from seedproof.tasks.examples import examples_of, meaning_of, refuse_shared
from seedproof.tasks.holding_out import divide
from seedproof.tasks.labels import like_ids
from seedproof.tasks.metrics import default_metric, rare_class
from seedproof.tasks.parsing import Parsing, check_quoting
from seedproof.tasks.rarity import scarce, why_matthews
from seedproof.tasks.reading import read_table, stem
from seedproof.tasks.roles import Columns, unnamed
from seedproof.tasks.split import Kind

METRICS_OF: dict[Kind, tuple[str, ...]] = {
    "classification": ("accuracy",),
    "multi-label": ("micro_f1", "macro_f1", "accuracy"),
    "regression": ("pearson", "spearman"),
}
"""What is recorded of each kind of table, the first one judges; with two classes F1 and Matthews correlation, too."""


def load_table(
    path: str | Path,
    *,
    text: str | None,
    label: str | Sequence[str] | None,
    text_pair: str | None = None,
    dev: str | Path | None = None,
    kind: Kind | None = None,
    split_seed: int = 0,
    name: str | None = None,
    metric: str | None = None,
    quoting: str | None = None,
    parsing: Parsing | None = None,
    label_separator: str | None = None,
    group: str | None = None,
    id: str | None = None,
) -> Task:
    """Load a CSV, TSV, JSON Lines, JSON or Parquet file.

    Args:
        path: training examples; CSV and TSV need a header. See :func:`seedproof.tasks.reading.read_table`.
        text: column of the (first) text.
        label: column of the label; several columns, with yes or no in each, make a multi-label task.
        text_pair: column of the second text, for pairs.
        dev: development examples with the same columns; None holds out 20 % of ``path``.
        kind: ``"classification"``, ``"regression"`` or ``"multi-label"``; None lets the label column decide.
        split_seed: draws the rows that are held out.
        name: of the task; None takes the file's name without extension (its folder's, if that is ``train``).
        metric: that judges it, see :data:`seedproof.tasks.METRICS`; None: accuracy, or Matthews correlation where a class
            is rare; micro F1 of several labels; Pearson's correlation in a regression.
        quoting: of a CSV or TSV: ``"none"`` where a double quote is a character like any other; None is ``"standard"``.
        parsing: the rules; None takes today's. A study that is extended gives those of its stored task.
        label_separator: between the labels of one text in the one column of labels, which makes a multi-label task. A file
            with types needs none: its cells are lists.
        group: column of what an example belongs to (a document, a person); no group is in both parts.
        id: column of what an example is called; no two of a file are called alike.

    Returns:
        The task. Its classes are sorted by name, by value if all are numbers. Beside what judges it, it records accuracy,
        and with two classes F1 (of the second) and Matthews; of several labels micro and macro F1; in a regression Pearson
        and Spearman.

    Raises:
        UserError: a file, column or row that cannot be used, or a metric that says nothing on the development set; the message
            names it.
    """
    path, rules, quotes = Path(path), parsing or Parsing(), check_quoting(quoting)
    if kind is not None and kind not in get_args(Kind):
        raise unknown("kind", kind, get_args(Kind))
    if dev is not None and Path(dev).resolve() == path.resolve():
        raise UserError(f"{dev} is the training file itself: give other examples, or none to hold out 20 %")
    labels = (label,) if isinstance(label, str) else tuple(label or ())
    if text is None or not labels:
        raise unnamed(path, "text" if text is None else "label", quotes)
    columns = Columns(text, text_pair, labels, group, id, label_separator)
    columns.check(path, kind)
    table = read_table(path, columns.names, quoting=quotes)
    meaning = meaning_of(table, columns, kind, rules)
    train = examples_of(table, columns, meaning)
    notes = [*table.notes, *(like_ids(labels[0], train.labels, meaning) if kind is None else [])]
    if dev is None:
        division = divide(
            train, meaning.kind, split_seed, together=rules.copies == "together", where=columns.where_divided(path)
        )
        train, development = train.take(~division.held), train.take(division.held)
        notes.append(division.note)
    else:
        dev_table = read_table(Path(dev), columns.names, quoting=quotes)
        development = examples_of(dev_table, columns, meaning)
        refuse_shared(table, dev_table, train, development, columns)
        notes += dev_table.notes
    metrics = METRICS_OF[meaning.kind] + (("f1", "matthews") if meaning.has_two else ())
    notes += scarce(train, development, meaning)
    if metric is None and (rare := rare_class(development.labels, meaning.classes)):
        notes.append(why_matthews(development.labels, *rare))
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
        label_separator=label_separator,
        group=group,
        id=id,
    )
    task = Task(
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
    task.judge.check_defined(development.labels, f"task {task.name!r}")
    return task


def table_name(path: Path) -> str:
    """Name of the task in a file, where none is given."""
    return path.resolve().parent.name or stem(path) if stem(path) == "train" else stem(path)
