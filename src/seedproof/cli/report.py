"""``seedproof report``: everything a study has found, in one file to look at; or its figures and tables for a paper."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedproof.cli.streams import say
from seedproof.errors import UserError, unknown

if TYPE_CHECKING:
    from seedproof.report.latex import Width
    from seedproof.report.limits import Limits
    from seedproof.store import Store

FORMATS = ("html", "markdown", "pdf-figures", "latex")
_OF_DRAWINGS = ("curves", "cells", "recipes", "points")
"""Limits of what is drawn; the others are of what can be opened in the HTML page."""


def report(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a study.")],
    format: Annotated[str, typer.Option(help="html, markdown, pdf-figures or latex.")] = "html",
    out: Annotated[
        Path | None,
        typer.Option(help="Where it goes [default: in DIR: report.html, report.md, pdf-figures/, tables.tex]."),
    ] = None,
    texts: Annotated[
        bool | None,
        typer.Option(
            "--texts/--no-texts", help="Put the texts of the development sets into the HTML file [default: they are]."
        ),
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(help="Recipe that others are compared with [default: devlin, else the first].")
    ] = None,
    turnable: Annotated[
        bool | None,
        typer.Option("--3d/--no-3d", help="Let loss surfaces be turned in the HTML file (4.8 MB more) [default: not]."),
    ] = None,
    columns: Annotated[
        int | None, typer.Option(help="latex: 1 for a column of a page (the default), 2 for its whole width.")
    ] = None,
    limit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=N",
            help="Draw more or less: curves, cells, recipes, points, runs, rows, examples, "
            "characters, csv. The report says what a limit has left out.",
        ),
    ] = None,
) -> None:
    """Write a report that needs nothing else: one HTML file, a Markdown page, the figures as PDF, or the tables as LaTeX."""
    if format not in FORMATS:
        raise unknown("format", format, FORMATS)
    width = width_of_page(columns, format)
    if baseline is not None and format not in ("html", "markdown"):
        raise UserError(f"--baseline is for html and markdown: {format} has no differences; leave it out")
    _refuse_ignored(format, {"--texts": texts, "--3d": turnable}, limit or [])
    from seedproof.report.limits import Limits
    from seedproof.store import Store

    store, limits = Store.open(folder), Limits.parse(limit or [])
    if format == "html":
        from seedproof.report.html import write_study_report

        target = out or folder / "report.html"
        shown = {"texts": texts is not False, "turnable": bool(turnable)}
        say(f"report: {write_study_report(store, target, **shown, limits=limits, baseline=baseline)}")
    elif format == "markdown":
        from seedproof.report.markdown import write_markdown

        say(f"report: {write_markdown(store, out or folder / 'report.md', limits, baseline=baseline)}")
    elif format == "pdf-figures":
        _figures(store, out or folder / "pdf-figures", limits)
    else:
        _tables(folder, out or folder / "tables.tex", width)


def _refuse_ignored(format: str, of_page: Mapping[str, bool | None], limits: Sequence[str]) -> None:
    """Refuse what a format would not heed: a report that looks as if it had is worse than none.

    Raises:
        UserError: it names the option and the formats that it is for.
    """
    if format == "html":
        return
    for option, given in of_page.items():
        if given is not None:
            written = option if given else f"--no-{option.removeprefix('--')}"
            raise UserError(f"{written} is for html: {format} has no such part; leave it out")
    from seedproof.report.limits import NAMES

    for text in limits:
        name = text.partition("=")[0]
        if format == "latex":
            raise UserError(f"--limit is for html, markdown and pdf-figures: latex draws nothing; leave out {text}")
        if name in NAMES and name not in _OF_DRAWINGS:
            raise UserError(
                f"--limit {name} is for html: {format} has only {', '.join(_OF_DRAWINGS)}; leave out {text}"
            )


def _figures(store: Store, out: Path, limits: Limits) -> None:
    """The figures of the study, and those that a reproduction has left as PDF."""
    from seedproof.report.html import study_figures
    from seedproof.report.html.stored import stored_pdfs
    from seedproof.report.html.study import study_runs

    left = stored_pdfs(store.path)
    # A reproduction of what needs no runs, as Figure 6, has figures alone.
    runs = study_runs(store) if store.cells() or not left else None
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write figures into {out}: {error.strerror or error}; choose another folder") from error
    for path in left:
        say(f"{path.parent.name}: {shutil.copy(path, out / path.name)}")
    for entry in [] if runs is None else study_figures(store, runs, out, ".pdf", limits=limits):
        for image in entry.images:
            say(f"{entry.title}: {image}")
        if entry.note:
            say(f"{entry.title}: {entry.note}", err=True)
        if entry.command:
            say(f"  {entry.command}", err=True)


def width_of_page(columns: int | None, format: str) -> Width:
    """The columns of a page that a LaTeX table is as wide as.

    Raises:
        UserError: neither 1 nor 2, or another format.
    """
    if columns is not None and format != "latex":
        raise UserError(f"--columns is for latex: leave it out with {format}")
    if columns not in (None, 1, 2):
        raise UserError(f"--columns {columns} is not valid; give 1 for a column of a page, or 2 for its whole width")
    return 2 if columns == 2 else 1


def _tables(folder: Path, out: Path, columns: Width) -> None:
    from seedproof.report.tables import to_latex
    from seedproof.store import write_atomically
    from seedproof.study.results import open_results

    if not out.parent.is_dir():
        raise UserError(f"cannot write {out}: there is no folder {out.parent}")
    results = open_results(folder)
    write_atomically(out, to_latex(results.summary(), results.notes(), columns=columns).encode())
    say(f"tables: {out}")
