r"""The summary of a study as LaTeX: a table per task and model that fits a paper of one or two columns.

It needs the package booktabs (``\usepackage{booktabs}``). The caption names task, model and numbers of runs, and defines
every number; the label is made of the names. Of a path both have the last part: where a model lay is not for a paper. What
limits the numbers stands under the table.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import Any, Literal

import pandas as pd

from seedproof.printable import file_name
from seedproof.report import wording
from seedproof.report.notes import WARNING

Width = Literal[1, 2]
"""Columns of the page that a table is as wide as."""

_ESCAPED = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    "≈": r"$\approx$",
    "|": r"\textbar{}",  # in the font that articles have, a bar is a dash
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "[": "{[}",  # after the end of a row it would begin an optional argument
} | {character: "\\" + character for character in "&%$#_{}"}


def to_latex(summary: pd.DataFrame, notes: Sequence[str] = (), *, columns: Width = 1) -> str:
    r"""Table environments, everything but their own commands escaped.

    Args:
        summary: of :func:`seedproof.analysis.summarize`.
        notes: on the tasks, as :meth:`seedproof.Results.notes` gives them; under the task's tables.
        columns: 1: ``table``, as wide as a column, intervals under their numbers, without median and maximum. 2: ``table*``,
            as wide as the page.

    Raises:
        UserError: the summary has no row.
    """
    explained = wording.caption(summary)
    tasks = set(summary["task"])
    # Notes begin with the name of a task as it is, so only the table's own words are shortened.
    short = summary.assign(**{name: summary[name].map(_short_names(summary[name])) for name in ("task", "model")})
    tables = []
    for rows in wording.panels(summary):
        others = tasks - {rows["task"].iloc[0]}
        own = [
            note for note in notes if not note.removeprefix(WARNING).startswith(tuple(f"{other}: " for other in others))
        ]
        tables.append(_table(short.loc[rows.index], explained, own, columns))
    return "\n".join(tables)


def _short_names(names: Iterable[str]) -> dict[str, str]:
    """The last part of each name that is a path, if no other name has it; every other name as it is."""
    last = {name: PurePath(name).name if _is_path(name) else name for name in dict.fromkeys(names)}
    counts = Counter(last.values())
    return {name: part if counts[part] == 1 else name for name, part in last.items()}


def _is_path(name: str) -> bool:
    """Names like ``glue/rte`` and ``google/bert`` have one slash, and it is not at the beginning."""
    return name.startswith(("/", ".", "~")) or name.count("/") > 1


def _table(rows: pd.DataFrame, explained: str, notes: Sequence[str], columns: Width) -> str:
    task, model = str(rows["task"].iloc[0]), str(rows["model"].iloc[0])
    environment = "table" if columns == 1 else "table*"
    records = wording.records(rows)
    body = _narrow(records) if columns == 1 else _wide(records)
    counts = ", ".join(f"{row['recipe']} n = {row['finished']}" for row in records)
    sentences = [f"{wording.title(rows)}. Finished runs: {counts}.", explained]
    remarks = [rf"{_breakable(remark)}.\par" for remark in (*wording.notes(rows), *notes)]
    values = [
        rf"{_breakable(row['recipe'])}: {_minus(listed)}{wording.endings(row)}.\par"
        for row in records
        if (listed := " ".join(wording.every_run(row, r"$^{\times}$", r"$^{\approx}$")) or "no run has finished")
    ]
    lines = [
        rf"\begin{{{environment}}}",
        r"\centering\footnotesize\setlength{\tabcolsep}{3pt}",
        *body,
        rf"\caption{{{' '.join(map(_breakable, sentences))}}}",
        rf"\label{{tab:{file_name(task).lower()}-{file_name(model).lower()}}}",
        r"\par\medskip\raggedright\scriptsize",
        r"Every run, in the order of the seeds ($^{\times}$ failed).\par",
        *values,
        *remarks,
        rf"\end{{{environment}}}",
    ]
    return "\n".join(lines) + "\n"


def _wide(records: list[dict[str, Any]]) -> list[str]:
    """A row over all runs and one given success, intervals behind their numbers."""
    lines = [r"\begin{tabular*}{\textwidth}{@{\extracolsep{\fill}}p{.22\textwidth}rrrrr@{}}"]
    lines += [r"\toprule", r"recipe & failed & mean & SD & median & max \\", r"\midrule"]
    for row in records:
        for name, failed, prefix in _two(row):
            numbers = [_latex(wording.with_interval(row, prefix + kind)) for kind in ("mean", "sd")]
            numbers += [_latex(wording.statistic(row, prefix + kind)) for kind in ("median", "maximum")]
            lines.append(" & ".join([rf"\raggedright {name}", _latex(failed), *numbers]) + r" \\")
    return [*lines, r"\bottomrule", r"\end{tabular*}"]


def _narrow(records: list[dict[str, Any]]) -> list[str]:
    """The recipe on a line of its own, intervals under their numbers."""
    lines = [r"\begin{tabular*}{\columnwidth}{@{\extracolsep{\fill}}lrrr@{}}", r"\toprule"]
    lines += [r" & failed & mean & SD \\"]
    for row in records:
        lines += [
            r"\midrule",
            rf"\multicolumn{{4}}{{@{{}}p{{.97\columnwidth}}@{{}}}}{{\raggedright {_breakable(row['recipe'])}}} \\",
        ]
        for name, failed, prefix in _two(row, is_narrow=True):
            pairs = [
                wording.with_interval(row, prefix + kind, joint="\n").partition("\n")[::2] for kind in ("mean", "sd")
            ]
            count, _, interval = failed.partition(" [")
            upper = [name, _latex(count), *(_latex(number) for number, _ in pairs)]
            under = ["", f"[{interval}" if interval else "", *(bounds for _, bounds in pairs)]
            lines.append(" & ".join(upper) + r" \\")
            if any(under):
                lines.append(" & ".join(rf"\scriptsize {_latex(cell)}" if cell else "" for cell in under) + r" \\")
    return [*lines, r"\bottomrule", r"\end{tabular*}"]


def _two(row: dict[str, Any], *, is_narrow: bool = False) -> list[tuple[str, str, str]]:
    """Name, failures and prefix of the statistics of a recipe's two rows."""
    every = f"all {row['finished']} runs" if row["finished"] else "none finished"
    first = every if is_narrow else _breakable(row["recipe"])
    second = f"{row['succeeded']} succeeded" if is_narrow else wording.given_success(row)
    return [(first, wording.failed(row), ""), (_latex(second), "", "succeeded_")]


def _latex(text: str) -> str:
    """Escape the characters that LaTeX gives a meaning to, each once, and set the sign of a negative number."""
    return _minus("".join(_ESCAPED.get(character, character) for character in text))


def _breakable(text: str) -> str:
    """Escaped, with places to break a long name: behind the marks in paths and settings."""
    return re.sub(r"(/|\(|=|\\_)(?=\w)", r"\1\\allowbreak{}", _latex(text))


def _minus(text: str) -> str:
    return re.sub(r"(?<![\w-])-(?=\d)", "$-$", text)
