"""Making figures from what was found: their tables and drawings in a folder each, the ledger of claims, the report.

figures/<name>/    the drawings (SVG and PDF), every table as CSV, figure.json with finding and notes
superseded.csv     claims that were decided once, and why they are no more
scaling.csv        each quantity of the paper beside its value here; also in every figure's folder
ledger.csv         the claims
evidence/          the tables that they were decided on
report.html        all of it to look at
"""

from __future__ import annotations

import dataclasses
import json
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedproof.analysis.claims.superseded import superseded_table
from seedproof.analysis.times import training_times
from seedproof.errors import UserError
from seedproof.paper.figure import Content, Figure, Found
from seedproof.paper.folder import FINISHED
from seedproof.report.html.stored import DESCRIPTION
from seedproof.store import is_disk_full, table_text, write_atomically
from seedproof.store.seals import unseal, write_sealed

if TYPE_CHECKING:
    import pandas as pd

    from seedproof.report.html import FigureEntry

FIGURES_FOLDER = "figures"
EVIDENCE_FOLDER = "evidence"
ERROR_FILE = "error.txt"
"""File in the folder of a figure with what kept it from being made, where that was a bug."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MadeFigure:
    """A figure as it lies on the disk."""

    figure: Figure
    content: Content
    images: Sequence[Path]
    is_whole: bool
    """False: it could not be made; the last note says why."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """Everything that a reproduction has come to."""

    folder: Path
    figures: Sequence[MadeFigure]
    ledger: pd.DataFrame
    report: Path
    crashed: int
    """Runs of these figures that crashed; ``seedproof study status`` says why."""
    unfinished: int
    """Runs that are not finished for any reason."""


def make_all(figures: Sequence[Figure], found: Found, say: Callable[[str], None]) -> Made:
    """Make figures, the ledger over all of them, and the report; a figure that cannot be made loses none of the others.

    Raises:
        OSError: the disk is full.
    """
    folder = found.store.path
    made = []
    for figure in figures:
        say(f"making {figure.name}")
        made.append(make_figure(figure, found))
    ledger = ledger_of(made, found)
    write_sealed(folder / "ledger.csv", _csv(ledger))
    write_sealed(folder / "superseded.csv", _csv(superseded_table()))
    write_sealed(folder / "scaling.csv", _csv(found.scale.table()))
    write_sealed(folder / "time.csv", _csv(training_times(found.runs)))
    say("writing the report")
    states = found.runs["state"]
    return Made(
        folder=folder,
        figures=made,
        ledger=ledger,
        report=_report(made, ledger, found),
        crashed=int((states == "crashed").sum()),
        unfinished=int((states != "finished").sum()),
    )


def make_figure(figure: Figure, found: Found) -> MadeFigure:
    """Make the tables of a figure, draw them, and write both; what it lacks becomes a note, not an error.

    So does a fault of ours or of a library: days of runs are behind it, and the other figures need none of it.

    Raises:
        OSError: the disk is full.
    """
    from seedproof.report.figures.writing import also_as

    target = found.store.path / FIGURES_FOLDER / figure.name
    target.mkdir(parents=True, exist_ok=True)
    (target / ERROR_FILE).unlink(missing_ok=True)
    images: list[Path] = []
    content, is_whole = Content(tables={}), True
    try:
        content = figure.content(found)
        with also_as(".pdf"):  # for papers: seedproof report --format pdf-figures collects them
            images = figure.draw(content.tables, target)
    except Exception as error:
        if is_disk_full(error):  # nothing more can be written
            raise
        note, is_whole = f"not made: {_reason(error, target)}", False
        content = Content(tables=content.tables, notes=[*content.notes, note], evidence=content.evidence)
    content = Content(
        tables={**content.tables, "scaling": found.scale.table()}, notes=content.notes, evidence=content.evidence
    )
    runs = found.of(*figure.blocks(found.scale))
    is_finished = is_whole and bool((runs["state"] == "finished").all())
    _write(figure, content, images, target, finished=list(found.scale.tasks) if is_finished else [])
    return MadeFigure(figure=figure, content=content, images=images, is_whole=is_whole)


def _reason(error: Exception, folder: Path) -> str:
    """Why a figure was not made; of a bug also where its traceback is, which is written into the figure's folder."""
    if isinstance(error, UserError):
        return str(error)
    path = folder / ERROR_FILE
    write_atomically(path, "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace"))
    return f"{type(error).__name__}: {error} (a bug in seedproof; {path} shows where)"


def ledger_of(made: Sequence[MadeFigure], found: Found) -> pd.DataFrame:
    """The claims, decided on the evidence of figures, which is written; none where no figure has any (Figure 6)."""
    from seedproof.analysis.claims import Evidence, ledger, merge, write_evidence
    from seedproof.paper.hours import with_hours

    parts = [one.content.evidence for one in made if one.content.evidence is not None]
    if not parts:
        return ledger(Evidence(runs=found.runs.drop(columns="key")), claims=())
    evidence = merge(*parts)
    write_evidence(evidence, found.store.path / EVIDENCE_FOLDER)
    chosen_from: dict[str, set[str]] = {}
    for content in (one.content for one in made if one.content.evidence is not None):
        for table in ("forgetting", "barriers"):
            if getattr(content.evidence, table) is not None:
                chosen_from.setdefault(table, set()).update(content.chosen_from)
    return with_hours(ledger(evidence), evidence, found.runs, chosen_from)


def _write(figure: Figure, content: Content, images: Sequence[Path], folder: Path, *, finished: list[str]) -> None:
    """Write every table that no drawing has written beside itself, and take away what an earlier time left."""
    drawn = {path.read_bytes() for image in images for path in folder.glob(f"{image.name}*.csv")}
    kept = {path for image in images for path in [image, image.with_suffix(".pdf"), *folder.glob(f"{image.name}*.csv")]}
    for name, table in content.tables.items():
        data = _csv(table)
        if data not in drawn and len(table.columns):
            write_sealed(folder / f"{name}.csv", data)
            kept.add(folder / f"{name}.csv")
    about = {
        "name": figure.name,
        "title": figure.title,
        "finding": figure.finding,
        "notes": list(content.notes),
        "images": [image.name for image in images],
        FINISHED: finished,
    }
    write_atomically(folder / DESCRIPTION, (json.dumps(about, indent=1) + "\n").encode())
    for path in folder.iterdir():
        if path.suffix in (".csv", ".svg", ".pdf") and path not in kept:
            unseal(path)
            path.unlink()


def figure_entry(made: MadeFigure) -> FigureEntry:
    """A figure as the report shows it."""
    from seedproof.report.html import FigureEntry

    tables = {name: table for name, table in made.content.tables.items() if len(table)}
    return FigureEntry(
        name=made.figure.name,
        title=made.figure.title,
        finding=f"In the paper: {made.figure.finding}",
        images=list(made.images),
        tables=tables,
        note="; ".join(made.content.notes),
    )


def _report(made: Sequence[MadeFigure], ledger: pd.DataFrame, found: Found) -> Path:
    """The report of the study with the paper's figures and ledger in place of its own."""
    from seedproof.report.html import Page, study_page, write_report

    title = f"Reproduction at --scale {found.scale.name}"
    shown: dict[str, Any] = {"title": title, "ledger": ledger if len(ledger) else None, "claims_lead": True}
    shown["figures"] = [figure_entry(one) for one in made]
    page = Page(**shown) if found.runs.empty else dataclasses.replace(study_page(found.store, None), **shown)
    return write_report(found.store.path / "report.html", page)


def _csv(table: pd.DataFrame) -> bytes:
    return table_text(table).encode("utf-8", "replace")
