"""The data that a Trainer was given, as a task: texts, labels, classes, and what its model's outputs mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import nn

from seedproof.connect.randomness import untouched_randomness
from seedproof.connect.splits import evaluation_sets
from seedproof.errors import UserError
from seedproof.tasks import Split, Task
from seedproof.tasks.metrics import default_metric
from seedproof.tasks.tables import METRICS_OF

if TYPE_CHECKING:
    from jaxtyping import Float

Outputs = Callable[["Float[np.ndarray, 'examples heads']"], "Float[np.ndarray, 'examples outputs']"]

_LABELS = ("labels", "label", "label_ids")
_ABOUT_TOKENS = ("attention_mask", "token_type_ids", "position_ids")
"""Columns that say nothing more of an example than its tokens do."""
_MOST_TEXTS = 2
"""Columns of text that can be a text and its pair."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ObservedData:
    """The data of a Trainer."""

    task: Task
    evaluation: Mapping[str, Any]
    """The Trainer's own data set of each evaluation split of the task, ``dev`` first."""
    names: Mapping[str, str]
    """The split of each development set that the Trainer has by a name; empty where it has one set."""
    outputs: Outputs
    """Makes the logits of the task, float (examples, classes or 1), of what the model's head gives."""
    longest: int | None
    """Tokens of the longest example; None where the data sets hold texts."""


def observed_data(trainer: Any, *, name: str | None = None, metric: str | None = None) -> ObservedData:
    """Read the data sets of a Trainer.

    The texts of its task are the data sets' one or two columns of text; else what the tokens say, decoded; else numbers of
    examples. Several development sets are the task's ``dev`` and its extra splits (:func:`seedproof.connect.splits.split_names`).

    Args:
        trainer: of Transformers or sentence-transformers, with ``train_dataset`` and ``eval_dataset``.
        name: of the task; None: that of the data set, or ``data``.
        metric: which judges; None: as for a table, Matthews correlation where a class is rare.

    Raises:
        UserError: there is no development set, a data set cannot be gone through twice or has no labels, or its labels are no
            classes and no numbers.
    """
    heads = _heads(trainer.model)
    evaluation = evaluation_sets(trainer.eval_dataset)
    parts = {"train": trainer.train_dataset, **evaluation.sets}
    with untouched_randomness():
        columns = {part: _Columns(dataset, trainer, part) for part, dataset in parts.items()}
    classes, outputs = _meaning(trainer, columns["train"], heads)
    splits = {part: each.split(is_regression=not classes) for part, each in columns.items()}
    first, dev, *extra = splits
    metrics = _metrics(classes, several=splits[first].labels.ndim > 1)
    task = Task(
        name=name or columns["train"].name,
        train=splits[first],
        dev=splits[dev],
        extra={part: splits[part] for part in extra},
        classes=classes,
        metrics=metrics,
        metric=metric or default_metric(splits[dev].labels, classes, metrics),
        notes=(f"read from the data sets of a Trainer; its texts are {columns['train'].texts_are}",),
        reason=f"its Trainer's model has {'an output for each class' if classes else 'one output'}",
    )
    lengths = [each.longest for each in columns.values()]
    longest = None if None in lengths else max(length for length in lengths if length is not None)
    return ObservedData(task=task, evaluation=evaluation.sets, names=evaluation.names, outputs=outputs, longest=longest)


def _metrics(classes: tuple[str, ...], *, several: bool) -> tuple[str, ...]:
    """The metrics of a task with ``several`` labels an example, with classes, or with numbers: those of a table like it."""
    if several or not classes:
        return METRICS_OF["multi-label" if several else "regression"]
    return (*METRICS_OF["classification"], *(("f1", "matthews") if len(classes) == 2 else ()))


def _heads(model: Any) -> int:
    """Outputs of a model's head.

    Raises:
        UserError: it has none.
    """
    heads = getattr(model, "num_labels", None)
    if not isinstance(model, nn.Sequential):  # those of sentence-transformers show the configuration of their encoder
        heads = heads or getattr(getattr(model, "config", None), "num_labels", None)
    if heads is None:
        raise UserError(
            f"the Trainer's model, {type(model).__name__}, has no head for classes or numbers, so no run of it can fail as those "
            "do that are recorded (bi-encoders learn from pairs of sentences; SetFit fits its head without a Trainer)"
        )
    return int(heads)


def _meaning(trainer: Any, train: _Columns, heads: int) -> tuple[tuple[str, ...], Outputs]:
    """The classes of a Trainer's labels, none for a regression, and what its model's outputs mean."""
    config = getattr(trainer.model, "config", None)
    if heads > 1:
        return _class_names(config, train, heads), lambda logits: logits
    if type(getattr(trainer, "loss", None)).__name__ != "BinaryCrossEntropyLoss":
        return (), lambda logits: logits
    # One output of a cross-encoder is the logit of the second class, or of a score from 0 to 1.
    if set(np.unique(train.labels).tolist()) <= {0, 1}:
        return _class_names(None, train, 2), lambda logits: np.concatenate([np.zeros_like(logits), logits], axis=1)
    return (), lambda logits: 1 / (1 + np.exp(-logits))


def _class_names(config: Any, train: _Columns, count: int) -> tuple[str, ...]:
    named = getattr(train.feature, "names", None) or ()
    if len(named) == count:
        return tuple(map(str, named))
    labels = getattr(config, "id2label", None) or {index: str(index) for index in range(count)}
    names = tuple(str(labels[index]) for index in range(count))
    return names if len(set(names)) == count else tuple(map(str, range(count)))


class _Columns:
    """The columns of a data set: of the ``datasets`` library, or any with a length whose items are dictionaries.

    Raises:
        UserError: it has no length, no examples or no labels.
    """

    def __init__(self, dataset: Any, trainer: Any, part: str) -> None:
        self._tokenizer = trainer.processing_class
        self._part = f"the Trainer's {'train_dataset' if part == 'train' else f'eval_dataset ({part})'}"
        if isinstance(dataset, Mapping) or not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
            raise UserError(
                f"{self._part} is {type(dataset).__name__}, whose examples cannot be listed one by one; give a data set with a "
                "length, not a stream or several sets"
            )
        if not len(dataset):
            raise UserError(f"{self._part} is empty: give it at least one example")
        self.name = _name_of(dataset)
        self._columns = _columns_of(dataset)
        known = (*_LABELS, *getattr(trainer.data_collator, "valid_label_columns", ()), *(trainer.label_names or ()))
        label = next((each for each in known if each in self._columns), None)
        if label is None:
            raise UserError(
                f"{self._part} has no labels: none of {', '.join(dict.fromkeys(known))} is among its columns"
            )
        self.feature = getattr(dataset, "features", {}).get(label) if hasattr(dataset, "features") else None
        self.labels = self._checked(self._columns[label])

    def _checked(self, labels: Sequence[Any]) -> np.ndarray:
        found = np.asarray([each.item() if hasattr(each, "item") and not np.ndim(each) else each for each in labels])
        is_several = found.ndim == 2 and bool(np.isin(found, (0, 1)).all())
        if found.dtype.kind not in "biuf" or not (found.ndim == 1 or is_several):
            raise UserError(
                f"{self._part} has labels like {labels[0]!r}; one class or one number for each example can be recorded, or as "
                "many 0 and 1 as the model has outputs"
            )
        return found

    def split(self, *, is_regression: bool) -> Split:
        """Its examples as texts and labels.

        Raises:
            UserError: classes are wanted and a label is no whole number.
        """
        if self.labels.ndim > 1:
            return Split(*self._texts(), self.labels.astype(np.int64))
        whole = self.labels.astype(np.int64)
        if not is_regression and not np.array_equal(whole, self.labels):
            wrong = int(np.argmax(whole != self.labels))
            raise UserError(
                f"{self._part}: the label {self.labels[wrong]:g} of example {wrong} is no class, but the model has classes"
            )
        return Split(*self._texts(), self.labels.astype(np.float64) if is_regression else whole)

    @property
    def _written(self) -> list[str]:
        """Names of the columns of text."""
        return [name for name, values in self._columns.items() if isinstance(values[0], str)]

    @property
    def _decodes(self) -> bool:
        return "input_ids" in self._columns and hasattr(self._tokenizer, "batch_decode")

    @property
    def texts_are(self) -> str:
        """What its texts are, in words."""
        if self._written and (len(self._written) <= _MOST_TEXTS or not self._decodes):
            return f"its columns {' and '.join(self._written[:_MOST_TEXTS])}"
        return "decoded from tokens" if self._decodes else "not known, and stand as numbers"

    def _texts(self) -> tuple[tuple[str, ...], tuple[str, ...] | None]:
        if self.texts_are.startswith("its"):
            texts = [tuple(map(str, self._columns[name])) for name in self._written[:_MOST_TEXTS]]
            return texts[0], (texts[1] if len(texts) > 1 else None)
        if self._decodes:
            ids = [
                [int(token) for token in row if token != self._tokenizer.pad_token_id]
                for row in self._columns["input_ids"]
            ]
            return tuple(self._tokenizer.batch_decode(ids)), None
        return tuple(f"example {index}" for index in range(len(self.labels))), None

    @property
    def longest(self) -> int | None:
        """Tokens of its longest example."""
        return max(map(len, self._columns["input_ids"])) if "input_ids" in self._columns else None


def _columns_of(dataset: Any) -> dict[str, Sequence[Any]]:
    if hasattr(dataset, "column_names") and hasattr(dataset, "with_format"):
        plain = dataset.with_format(None)  # without a transform, which may draw at random
        return {name: list(plain[name]) for name in plain.column_names if name not in _ABOUT_TOKENS}
    items: Iterable[Any] = (dataset[index] for index in range(len(dataset)))
    rows = [dict(item) for item in items]
    return {name: [row[name] for row in rows] for name in rows[0]}


def _name_of(dataset: Any) -> str:
    info = getattr(dataset, "info", None)
    parts = [getattr(info, "dataset_name", None), getattr(info, "config_name", None)]
    return "/".join(str(part) for part in parts if part and part != "default") or "data"
