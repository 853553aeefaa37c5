r"""The summary of a study as CSV, Markdown, LaTeX and JSON; :mod:`seedproof.report.terminal` has the terminal's.

CSV and JSON are for programs and hold every column in full precision. Markdown and LaTeX are for papers and READMEs:
rounded, one block per task and model, with a caption that defines every number and with each run's value below it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from typing import Any, cast

import pandas as pd

from seedproof.analysis.answer import Answer, answers, difference_table
from seedproof.analysis.summary import COLUMNS
from seedproof.report import wording
from seedproof.report.answers import difference_notes, difference_rows, headings, title
from seedproof.report.latex import to_latex
from seedproof.report.terminal import to_terminal
from seedproof.store import table_text

__all__ = ["to_csv", "to_json", "to_latex", "to_markdown", "to_terminal"]

_HEADINGS = ("recipe", "failed", "mean", "SD", "median", "max")
_SEQUENCES = ("seeds", "values", "outcomes", "kinds", "covering")


def to_csv(summary: pd.DataFrame) -> str:
    """One row per cell, every column, numbers in the shortest form that reads back as the same number.

    ``seeds``, ``values`` and ``outcomes`` are one column each, separated by spaces. A statistic that does not exist is
    ``nan``; a column that has no word (the metric of a cell without a finished run) is empty.
    """
    wording.settings_of(summary)
    frame = summary[list(COLUMNS)].copy()
    for name in _SEQUENCES:
        frame[name] = [" ".join(str(item) for item in items) for items in frame[name]]
    for name in frame.select_dtypes("number").columns:
        frame[name] = [repr(value) for value in frame[name].tolist()]
    return table_text(frame)


def to_json(summary: pd.DataFrame, baseline: str | None = None) -> str:
    """Strict JSON: an object with the settings, the caption, and one object per cell.

    JSON has no NaN. A statistic that does not exist is null, and the cell's ``undefined`` says why, for each of them.
    ``answers`` has the sentence of each task and model, ``differences`` the numbers behind it.
    The runs are objects with ``seed``, ``outcome`` and ``score``; the score of a diverged run is null.
    """
    found = answers(summary, baseline)
    differences = cast("list[dict[str, Any]]", difference_table(found).to_dict("records"))
    said = ({"task": one.task, "model": one.model, "baseline": one.baseline, "sentence": str(one)} for one in found)
    content = {
        "format": 1,
        **wording.settings_of(summary),
        "answers": list(said),
        "differences": [
            {name: None if _is_nan(value) else value for name, value in row.items()} for row in differences
        ],
        "caption": wording.caption(summary),
        "cells": [_json_cell(row) for row in wording.records(summary)],
    }
    return json.dumps(content, indent=2, allow_nan=False, ensure_ascii=False, default=lambda value: value.item()) + "\n"


def to_markdown(summary: pd.DataFrame, notes: Sequence[str] = (), baseline: str | None = None) -> str:
    """The answers; then a table per task and model with two rows per recipe (all runs, succeeded runs), one of differences to
    the baseline, and every run's value.

    Args:
        summary: of :func:`seedproof.analysis.summarize`.
        notes: on the tasks, as :meth:`seedproof.Results.notes` gives them; under the tables.
        baseline: as for :func:`seedproof.analysis.answers`.
    """
    wording.settings_of(summary)
    found = answers(summary, baseline)
    return f"{answers_to_markdown(found)}\n\n{tables_to_markdown(summary, found, notes)}"


def answers_to_markdown(found: Sequence[Answer]) -> str:
    """The sentence of each task and model."""
    return "\n".join(f"- **{_markdown(title(one))}**: {_markdown(one.sentence)}" for one in found)


def tables_to_markdown(summary: pd.DataFrame, found: Sequence[Answer], notes: Sequence[str] = ()) -> str:
    """:func:`to_markdown` without the sentences."""
    blocks = []
    for rows, answer in zip(wording.panels(summary), found, strict=True):
        lines = [f"**{_markdown(wording.title(rows))}**", "", _pipes(_HEADINGS), _pipes(("---", *["---:"] * 5))]
        for row in wording.records(rows):
            lines += [_pipes([_markdown(cells[0]), *cells[1:]]) for cells in two_rows(row)]
        lines += _differences(answer)
        lines += ["", "Every run, in the order of the seeds (× failed):", ""]
        for row in wording.records(rows):
            listed = " ".join(wording.every_run(row, "×")) or "no run has finished"
            lines.append(f"- {_markdown(row['recipe'])}: {listed}{wording.endings(row)}")
        remarks = [*wording.advice(rows), *wording.notes(rows), *difference_notes(answer)]
        lines += ["", *(f"Note: {_markdown(note)}.\n" for note in remarks)]
        blocks.append("\n".join(lines).rstrip("\n"))
    remarks = [f"Note: {_markdown(note)}." for note in notes]
    return "\n\n".join([*blocks, _markdown(wording.caption(summary)), *remarks]) + "\n"


def _differences(answer: Answer) -> list[str]:
    rows = difference_rows(answer)
    if not rows:
        return []
    lines = ["", _pipes(map(_markdown, headings(answer))), _pipes(("---", *["---:"] * 3))]
    return lines + [_pipes([_markdown(cells[0]), *cells[1:]]) for cells in rows]


def two_rows(row: dict[str, Any]) -> list[list[str]]:
    """The cells of a recipe's two rows under ``_HEADINGS``: over all finished runs, and given success."""
    first = [row["recipe"], wording.failed(row)]
    second = [wording.given_success(row), ""]
    for cells, prefix in ((first, ""), (second, "succeeded_")):
        cells += [wording.with_interval(row, prefix + name) for name in ("mean", "sd")]
        cells += [wording.statistic(row, f"{prefix}{name}") for name in ("median", "maximum")]
    return [first, second]


def _json_cell(row: dict[str, Any]) -> dict[str, Any]:
    cell = {name: row[name] for name in COLUMNS if name not in _SEQUENCES}
    missing = [name for name, value in cell.items() if _is_nan(value) and name != "positive_class"]
    undefined = {name: wording.why_missing(row, name) for name in missing}
    columns = (row[name] for name in ("seeds", "outcomes", "kinds", "values", "covering"))
    runs = [
        {
            "seed": seed,
            "outcome": outcome,
            "kind": kind,
            "score": None if _is_nan(value) else value,
            "covers_majority": near,
        }
        for seed, outcome, kind, value, near in zip(*columns, strict=True)
    ]
    return {name: None if name in undefined else value for name, value in cell.items()} | {
        "undefined": undefined,
        "finished_runs": runs,
    }


def _is_nan(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _pipes(cells: Any) -> str:
    return f"| {' | '.join(cells)} |"


def _markdown(text: str) -> str:
    """Escape what Markdown would read as markup: a bar ends a cell, stars and underscores make emphasis."""
    return re.sub(r"([\\|*_`<\[\]])", r"\\\1", " ".join(text.split()))
