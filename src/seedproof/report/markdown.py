"""A report as Markdown for a repository: one page, with its figures as SVG and its tables as CSV in a folder beside it."""

from __future__ import annotations

import math
import re
import shutil
import tempfile
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from seedproof.analysis.runs import came_to_end
from seedproof.analysis.stored import stored_runs
from seedproof.errors import UserError
from seedproof.printable import counted, file_name
from seedproof.report import wording
from seedproof.report.html import study_figures, study_page
from seedproof.report.html.page import FigureEntry, Page
from seedproof.report.html.stored import stored_figures, stored_ledger, stored_request
from seedproof.report.html.study import study_runs
from seedproof.report.html.study_facts import study_sections
from seedproof.report.limits import Limits
from seedproof.report.notes import task_notes
from seedproof.report.tables import answers_to_markdown, tables_to_markdown
from seedproof.store import Store, read_table, write_atomically, write_table
from seedproof.store.checked import STOPPED

MOST_ROWS, MOST_COLUMNS = 24, 10
"""Tables that are longer or wider are linked as CSV, not shown; of those that have them all, these columns are."""
_BRIEF = (
    ("task", "model", "recipe", "finished", "failed", "mean", "sd", "median", "maximum"),
    ("task", "first", "second", "sd_first", "sd_second", "levene_p", "brown_forsythe_p"),
)

_TIME = (
    "Minutes in which a worker process trained any of the runs, added over workers, and minutes in which any worker did. "
    "Measuring and drawing come on top."
)

_TABLES = (
    ("superseded", "Claims in whose place others came", ""),
    ("scaling", "What differs from the paper", ""),
    ("time", "Time", _TIME),
)
"""Tables that a reproduction has left in its folder, with a title and a text."""

_DEFAULT = Limits()
VERDICTS = {"holds": "holds", "does not hold": "**does not hold**", "not decided": "not decided"}


def write_markdown(store: Store, target: Path, limits: Limits = _DEFAULT, *, baseline: str | None = None) -> Path:
    """Write the page ``target`` and the folder of its name beside it, which holds figures and tables.

    Args:
        store: of the study.
        target: ends in ``.md``.
        limits: how much is drawn.
        baseline: the recipe that others are compared with; as for :func:`seedproof.analysis.answers`.

    Raises:
        UserError: the study has no runs, no task was run with ``baseline``, or the place cannot be written to.
    """
    if target.suffix != ".md":
        raise UserError(f"cannot write {target}: give the name of a Markdown file, ending in .md")
    folder = target.with_suffix("")
    with tempfile.TemporaryDirectory() as scratch:
        page, entries = _contents(store, Path(scratch), limits, baseline)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            text = "\n".join(_page(page, store, entries, folder))
            write_atomically(target, (re.sub(r"\n{3,}", "\n\n", text).strip() + "\n").encode())
        except OSError as error:
            raise UserError(f"cannot write {target}: {error.strerror or error}; choose another place") from error
    return target


def _contents(store: Store, scratch: Path, limits: Limits, baseline: str | None) -> tuple[Page, Sequence[FigureEntry]]:
    """What the page shows, and its figures: those that a reproduction has left, or else drawn into ``scratch``."""
    figures = stored_figures(store.path)
    if figures and not store.cells():  # a reproduction of what needs no runs, as Figure 6
        return Page(title=store.name, sections=study_sections(store, stored_runs(store))), figures
    page = study_page(store, None, baseline=baseline)
    return page, figures or study_figures(store, study_runs(store), scratch, ".svg", limits=limits)


def _page(page: Page, store: Store, entries: Sequence[FigureEntry], folder: Path) -> list[str]:
    runs = stored_runs(store).drop_duplicates("run")
    finished = len(came_to_end(runs))
    failed, stopped = (int((runs["outcome"] == outcome).sum()) for outcome in ("failed", STOPPED))
    request = stored_request(store.path)
    head = [
        f"# {_cell(page.title)}" if request is None else f"# Reproduction at --scale {request[1]}",
        "",
        f"{counted(len(runs), 'run')}, {finished} finished, {failed} of them failed"
        f"{f', {stopped} stopped early' if stopped else ''}.",
        "",
    ]
    is_reproduction = stored_ledger(store.path) is not None or stored_figures(store.path)
    body = _reproduction(page, store, entries, folder) if is_reproduction else _study(page, store, entries, folder)
    return head + body


def _study(page: Page, store: Store, entries: Sequence[FigureEntry], folder: Path) -> list[str]:
    """The answer, the box plot, the tables; then every other figure, and how it was made."""
    lines = ["## Answer", "", answers_to_markdown(page.answers), ""]
    for entry in sorted(entries, key=lambda entry: entry.name != "scores"):
        lines += _figure(entry, folder)
        if entry.name == "scores":
            lines += [*_summary(page, store), "## Figures", ""]
    return [*lines, "## How it was made", "", *_made(page)]


def _summary(page: Page, store: Store) -> list[str]:
    assert page.summary is not None
    return ["## Summary", "", tables_to_markdown(page.summary, page.answers, task_notes(store, decisions=True))]


def _reproduction(page: Page, store: Store, entries: Sequence[FigureEntry], folder: Path) -> list[str]:
    """The claims lead."""
    lines = _made(page)
    if (ledger := stored_ledger(store.path)) is not None:
        lines += ["## Claims", "", *_ledger(ledger), ""]
        lines += _file(ledger, folder / "ledger.csv", "every number of the claims")
        if (evidence := store.path / "evidence").is_dir():
            shutil.copytree(evidence, folder / "evidence", dirs_exist_ok=True)
            link = _link(folder, "evidence/runs.csv")
            lines += [f"[what they were decided on]({link}), `ledger(read_evidence(FOLDER))` decides again", ""]
    for name, title, text in _TABLES:
        if (store.path / f"{name}.csv").exists():
            table = read_table(store.path / f"{name}.csv")
            lines += [f"## {title}", "", text, "", *_table(table), ""]
    lines += ["## Figures", ""]
    for entry in entries:
        lines += _figure(entry, folder)
    return lines if stored_figures(store.path) else lines + _summary(page, store)


def _made(page: Page) -> list[str]:
    """The commands, and the versions and hardware without the machine's name, which says nothing to a reader."""
    sections = {section.title: section for section in page.sections}
    lines = [f"    {line}" for line in sections["Commands"].code.splitlines()]
    table = sections["Versions and hardware"].table
    assert table is not None
    return [*lines, "", *_table(table.drop(columns="host", errors="ignore")), ""]


def _ledger(ledger: pd.DataFrame) -> list[str]:
    counts = ledger["verdict"].value_counts()
    total = ", ".join(f"{counts.get(verdict, 0)} {verdict}" for verdict in VERDICTS)
    lines = [f"Of {len(ledger)} claims: {total}.", ""]
    lines += ["| claim | verdict | effect [95 %] | p, corrected | n |", "| --- | --- | ---: | ---: | ---: |"]
    for row in ledger.to_dict("records"):
        numbers = f"{_number(row['effect'])} [{_number(row['effect_low'])}, {_number(row['effect_high'])}]"
        effect = "–" if pd.isna(row["effect"]) else f"{_cell(row['effect_name'])} {numbers}"
        wanted = "" if pd.isna(row["n_needed"]) else f" ({wording.would_decide(row)})"
        cells = [
            f"{_cell(row['sentence'])} *{_cell(row['paper'])}.* {_cell(row['why'])}",
            VERDICTS[row["verdict"]],
            effect,
            _decisive_p(row),
            f"{_number(row['n'])}{wanted}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _decisive_p(row: dict[Hashable, Any]) -> str:
    """The corrected p-value behind the verdict: "does not hold" is decided by that against the claim."""
    against = row.get("p_against_corrected")  # a ledger of an earlier version has none
    if row["verdict"] == "does not hold" and not pd.isna(against):
        return f"{_number(against)} (against)"
    return _number(row["p_corrected"])


def _figure(entry: FigureEntry, folder: Path) -> list[str]:
    heading = f"{entry.name}: {entry.title}" if entry.name else entry.title
    lines = [f"### {_cell(heading)}", ""] + ([_cell(entry.finding), ""] if entry.finding else [])
    for image in entry.images:
        shutil.copyfile(image, folder / image.name)
        lines += [f"![{_cell(entry.title)}]({_link(folder, image.name)})", ""]
    if entry.note:
        lines += [f"> {_cell(entry.note)}", ""]
    if entry.command:
        lines += [f"    {entry.command}", ""]
    for name, table in entry.tables.items():
        if name == "scaling" or table.empty:
            continue
        shown = _shown(table)
        if len(shown) <= MOST_ROWS and len(shown.columns) <= MOST_COLUMNS:
            lines += [*_table(shown), ""]
        # A table that lies beside a drawing has the drawing's name.
        parts = [file_name(part) for part in [entry.name or "figure", *name.replace(".svg", "").split(".")]]
        lines += _file(table, folder / f"{'.'.join(parts)}.csv", name)
    return lines


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of a table that are worth their place on a page; every one is in its file."""
    wide = len(table.columns) > MOST_COLUMNS
    brief = next((list(names) for names in _BRIEF if wide and set(names) <= set(table.columns)), None)
    return table if brief is None else table[brief]


def _table(table: pd.DataFrame) -> list[str]:
    lines = [f"| {' | '.join(_cell(str(name)) for name in table.columns)} |", f"|{' --- |' * len(table.columns)}"]
    lines += [f"| {' | '.join(_cell(_number(value)) for value in row)} |" for row in table.itertuples(index=False)]
    return lines


def _file(table: pd.DataFrame, path: Path, name: str) -> list[str]:
    write_table(path, table)
    return [f"[{_cell(name)} ({len(table)} rows)]({_link(path.parent, path.name)})", ""]


def _link(folder: Path, name: str) -> str:
    """A file in the page's folder as a link: with a space or a bracket in it a link would end there."""
    return quote(f"{folder.name}/{name}")


def _number(value: object) -> str:
    """A number with three significant digits, an undefined one as a dash; words as they are."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, float) and not value.is_integer():
        return f"{value:.3g}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _cell(text: str) -> str:
    """Text from data or names, so that Markdown takes it as text; an underscore inside of a word is one anyway."""
    escaped = re.sub(r"([\\|`*~<>\[\]]|(?<!\w)_|_(?!\w))", r"\\\1", " ".join(str(text).split()))
    return escaped.replace("\\<", "&lt;").replace("\\>", "&gt;")
