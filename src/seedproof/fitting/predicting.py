"""Answers of a model that ``fit`` has written: texts to probabilities, and a table to a table of predictions."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit, softmax

from seedproof.errors import UserError, unknown
from seedproof.fitting.about import About
from seedproof.fitting.rows import read_parts
from seedproof.machine import has_gpu
from seedproof.models.checkpoint import load_weights
from seedproof.models.loading import load_configuration, load_tokenizer
from seedproof.models.source import find_model
from seedproof.store.files import check_target, replacing
from seedproof.study.numerics import check_words
from seedproof.tasks.cells import check_unicode, texts_of
from seedproof.tasks.parsing import check_quoting

if TYPE_CHECKING:
    from jaxtyping import Float64

    from seedproof.tasks.columns import Table

BATCH = 32
WRITERS = (".csv", ".tsv", ".jsonl")
"""Kinds of files that predictions are written into."""
PROBABILITY = "probability_"
"""Begins the name of the column of each class's probability."""


def probabilities(outputs: NDArray[Any], problem_type: str) -> NDArray[np.float64]:
    """Probabilities from logits (examples, classes): of classes, of each label by itself, or the values of a regression."""
    values = outputs.astype(np.float64)
    if problem_type == "regression":
        return values
    found: NDArray[np.float64] = (
        expit(values) if problem_type == "multi_label_classification" else softmax(values, axis=1)
    )
    return found


class Predictor:
    """A model's folder, open: its own model, and the further ones whose probabilities are averaged with it.

    Args:
        folder: written by ``seedproof fit``.
        batch_size: texts at a time.
        device: ``cpu`` or ``cuda``; None takes a GPU where there is one.

    Raises:
        UserError: the folder is not such a folder, or cannot be opened; an unknown device, or one that is not here.
    """

    def __init__(self, folder: str | os.PathLike[str], *, batch_size: int = BATCH, device: str | None = None) -> None:
        from transformers import AutoModelForSequenceClassification

        self.folder = Path(folder)
        self.about = About.read(self.folder)
        if batch_size < 1:
            raise UserError(f"--batch-size {batch_size} is not valid; give at least 1")
        self._batch_size = batch_size
        check_words(device=device)
        if device == "cuda" and not has_gpu():
            raise UserError("--device cuda is not valid: there is no GPU here; leave it out")
        self._device = torch.device(device or ("cuda" if has_gpu() else "cpu"))
        sources = [find_model(str(self.folder / name)) for name in ("", *self.about.members)]
        opened = [load_weights(AutoModelForSequenceClassification, load_configuration(each), each) for each in sources]
        self._models = [model.to(self._device).eval() for model, _ in opened]
        self._tokenizer = load_tokenizer(sources[0])
        names = self._models[0].config.id2label
        self.classes = tuple(names[index] for index in range(len(names)))
        """Names of the outputs, in their order."""

    def outputs(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Iterator[NDArray[np.float32]]:
        """The logits of each model in turn, (texts, outputs), texts of like length side by side."""
        order = np.argsort([len(text) for text in texts], kind="stable")
        for model in self._models:
            found: NDArray[np.float32] = np.empty((len(texts), model.config.num_labels), np.float32)
            for start in range(0, len(texts), self._batch_size):
                part = order[start : start + self._batch_size]
                batch = self._tokenizer(
                    [texts[index] for index in part],
                    None if pairs is None else [pairs[index] for index in part],
                    truncation=True,
                    max_length=self.about.max_length,
                    padding=True,
                    return_tensors="pt",
                )
                with torch.inference_mode():
                    found[part] = model(**batch.to(self._device)).logits.float().cpu().numpy()
            yield found

    def probabilities(
        self, texts: Sequence[str], pairs: Sequence[str] | None = None
    ) -> Float64[np.ndarray, "texts outputs"]:
        """Probabilities (texts, classes), the mean over the models; of a regression the values (texts, 1).

        Raises:
            UserError: the model takes pairs and was given single texts, or the other way round.
        """
        if (pairs is not None) != self.about.is_pair:
            takes, given = ("pairs of texts", "no second text") if self.about.is_pair else ("single texts", "pairs")
            raise UserError(f"the model in {self.folder} takes {takes}, and there are {given}")
        parts = [probabilities(outputs, self.about.problem_type) for outputs in self.outputs(texts, pairs)]
        mean: NDArray[np.float64] = np.mean(parts, axis=0)
        return mean

    def answers(self, values: NDArray[np.float64]) -> list[Any]:
        """What probabilities say: the class, the labels above one half between separators, or the number."""
        if self.about.problem_type == "regression":
            return [float(value) for value in values[:, 0]]
        if self.about.problem_type == "multi_label_classification":
            named = [[self.classes[index] for index in np.flatnonzero(row > 0.5)] for row in values]
            return [self.about.label_separator.join(names) for names in named]
        return [self.classes[index] for index in values.argmax(axis=1)]


def predict(
    folder: str | os.PathLike[str],
    rows: str | os.PathLike[str],
    *,
    out: str | os.PathLike[str],
    text: str | None = None,
    text_pair: str | None = None,
    id: str | None = None,
    quoting: str | None = None,
    batch_size: int = BATCH,
    device: str | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> Path:
    """Answer every row of a table with a model that ``fit`` has written; memory does not grow with the table.

    Args:
        folder: of the model.
        rows: a CSV, TSV, JSON Lines, JSON or Parquet file.
        out: a CSV, TSV or JSONL file; it appears when all of it is written.
        text: column of the text; None: that of the table the model was trained on, as the following.
        text_pair: column of the second text.
        id: column that is kept beside each prediction; without any, the number of the row in its file is.
        quoting: ``"none"`` where a double quote in a CSV or TSV is a character like any other; None: as in training.
        batch_size: texts at a time.
        device: ``cpu`` or ``cuda``; None takes a GPU where there is one.
        progress: told how many rows are answered.

    Returns:
        The file: the id (or ``row``), ``prediction``, and for classes ``probability_<class>`` each.

    Raises:
        UserError: the folder is no such model, a file or the device cannot be used, the id has the name of a column that is
            written, or a row has no text.
    """
    target = check_target(out, "the predictions ")
    check_quoting(quoting)
    if target.suffix.lower() not in WRITERS:
        raise unknown("kind of file", target.suffix, WRITERS, where=str(target))
    if target.exists() and Path(rows).exists() and target.samefile(rows):
        raise UserError(f"--out {target} is the table itself; give another file")
    predictor = Predictor(folder, batch_size=batch_size, device=device)
    quotes = check_quoting(quoting or predictor.about.quoting)
    columns = _columns(predictor, text, text_pair, id)
    wanted = [name for name in columns if name is not None]
    if len(set(wanted)) < len(wanted):
        raise UserError(f"text, text pair and id must be different columns, found {', '.join(wanted)}")
    done = 0
    with replacing(target) as file, _writer(target, file, _header(predictor, columns[2])) as write:
        for table in read_parts(Path(rows), wanted, quoting=quotes):
            for values in _answered(predictor, table, *columns):
                write(values)
            done += len(table)
            progress(done)
    return target


def _columns(
    predictor: Predictor, text: str | None, pair: str | None, id_: str | None
) -> tuple[str, str | None, str | None]:
    """Columns of text, second text and id: those asked for, else those of the fit."""
    about = predictor.about
    chosen = text or about.text
    if chosen is None:
        raise UserError(f"say which column holds the text, --text COLUMN: the model in {predictor.folder} names none")
    second = pair or about.text_pair
    if second is not None and not about.is_pair:
        raise UserError(f"the model in {predictor.folder} takes single texts; leave out --text-pair {second}")
    if second is None and about.is_pair:
        raise UserError(
            f"the model in {predictor.folder} takes pairs of texts; name the second one, --text-pair COLUMN"
        )
    return chosen, second, id_ or about.id


def _header(predictor: Predictor, id_: str | None) -> list[str]:
    """Names of the columns that are written; the id's is none of the others'."""
    is_regression = predictor.about.problem_type == "regression"
    others = ["prediction", *([] if is_regression else [PROBABILITY + name for name in predictor.classes])]
    if id_ in others:
        raise UserError(
            f"--id {id_} is the name of a column of predictions, which would take its place; rename that column of the table, or "
            "give another --id"
        )
    return [id_ or "row", *others]


def _answered(predictor: Predictor, table: Table, text: str, pair: str | None, id_: str | None) -> Iterator[list[Any]]:
    values = predictor.probabilities(texts_of(table, text), None if pair is None else texts_of(table, pair))
    ids = table.rows if id_ is None else _ids(table, id_)
    shown = np.zeros((len(values), 0)) if predictor.about.problem_type == "regression" else values
    for name, answer, row in zip(ids, predictor.answers(values), shown.tolist(), strict=True):
        yield [name, answer, *row]


def _ids(table: Table, column: str) -> Sequence[Any]:
    """Whatever a column calls the rows, if it can be written."""
    values = table.column(column)
    for index, value in enumerate(values):
        check_unicode(table, index, column, value)
    return values


@contextlib.contextmanager
def _writer(target: Path, file: IO[bytes], header: list[str]) -> Iterator[Callable[[list[Any]], None]]:
    """A function that writes one row; the header of a CSV or TSV is written at once."""
    text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
    try:
        if target.suffix.lower() == ".jsonl":
            yield lambda row: print(
                json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False, default=str), file=text
            )
        else:
            writer = csv.writer(text, delimiter="\t" if target.suffix.lower() == ".tsv" else ",", lineterminator="\n")
            writer.writerow(header)
            yield writer.writerow
    finally:
        text.flush()
        text.detach()  # the file is its opener's
