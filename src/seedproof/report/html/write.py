"""Writing a page as one file: the template with everything inside that it needs, and nothing else.

Every text goes through the template's escaping or into JSON whose angle brackets are escaped. A content security policy
in the file lets the browser run our own scripts only, by their hashes, and load nothing from anywhere. The file is
written piece by piece, so that its size does not become memory.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedproof.printable import file_name
from seedproof.report import wording
from seedproof.report.html import view
from seedproof.report.html.data import opened_runs, page_data
from seedproof.report.html.page import FigureEntry, Page
from seedproof.report.html.surfaces import plotly_script, turnable
from seedproof.report.html.svg import inline_svg
from seedproof.report.limits import Limits, more
from seedproof.store import replacing, table_text
from seedproof.store.files import check_target

if TYPE_CHECKING:
    from markupsafe import Markup

_HERE = Path(__file__).parent
_SCRIPTS = ("page.js", "figures.js", "charts.js", "heat.js", "predictions.js", "run.js", "surface.js")
_DATA = "<!--data-->"
"""Where the data goes in the template; no text can hold it, because angle brackets are escaped."""
_CSV_ROW = 10
"""Characters of a row of a table at least: one that is surely too long is not written out to be counted."""


def write_report(path: str | Path, page: Page) -> Path:
    """Write ``page`` as one HTML file that needs no network and no server.

    Args:
        path: the file; its folder must exist.
        page: what it shows.

    Returns:
        ``path``.

    Raises:
        UserError: the folder of ``path`` does not exist, a figure's file is missing, or the records of a run are damaged.
    """
    path = check_target(path, "the report ")
    with replacing(path) as file:
        for piece in render(page):
            file.write(piece.encode("utf-8", "replace"))
    return path


def render(page: Page) -> Iterator[str]:
    """The HTML of ``page``, in pieces."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(_HERE)
    environment = Environment(
        autoescape=True, loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    figures = [_figure(number, entry, page.limits) for number, entry in enumerate(page.figures)]
    surfaces = [surface for figure in figures for surface in figure["surfaces"]]
    for index, surface in enumerate(surfaces):
        surface["index"] = index
    scripts = [plotly_script()] if surfaces and page.turnable else []
    scripts += ["\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS)]
    opened = opened_runs(page)
    rest = {
        "surfaces": surfaces if page.turnable else [],
        "csv": [file for figure in figures for file in figure["files"]],
    }
    pieces = environment.get_template("template.html").generate(
        page=page,
        more=more,
        answers=view.answers(page.answers),
        ledger=None if page.ledger is None else view.ledger(page.ledger),
        summary=None if page.summary is None else view.summary(page.summary),
        caption="" if page.summary is None or page.summary.empty else wording.caption(page.summary),
        version=version("seedproof"),
        lead=[figure for figure in figures if _leads(figure, page)],
        figures=[figure for figure in figures if not _leads(figure, page)],
        runs=view.runs(page, opened),
        counts=[] if page.runs is None else view.counts(page.runs),
        sections=[view.section(section) for section in page.sections],
        style=_raw((_HERE / "style.css").read_text(encoding="utf-8")),
        scripts=[_raw(script) for script in scripts],
        policy=_policy(scripts),
        data=_raw(_DATA),
    )
    for piece in pieces:
        before, mark, after = piece.partition(_DATA)
        yield before
        if mark:
            yield from page_data(page, opened, rest)
            yield after


def _raw(text: str) -> Markup:
    """Our own text, which the template must not escape."""
    from markupsafe import Markup

    return Markup(text)


def _policy(scripts: Iterable[str]) -> str:
    """Nothing is loaded and no form is sent; of scripts, only these run."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _leads(figure: dict[str, Any], page: Page) -> bool:
    """Whether it is the box plot that stands beside the answers."""
    return bool(page.answers) and figure["entry"].name == "scores"


def _figure(number: int, entry: FigureEntry, limits: Limits) -> dict[str, Any]:
    """What the template needs of a figure: its drawings, its tables, and where they are in the page's data."""
    name = file_name(entry.name) or f"figure-{number}"
    label = ". ".join(part for part in (entry.title, entry.finding) if part)
    images = [_raw(inline_svg(path, f"f{number}-{i}", label)) for i, path in enumerate(entry.images)]
    files, tables = [], []
    for key, table in entry.tables.items():
        text = table_text(table) if len(table) * _CSV_ROW <= limits.csv else None
        fits = text is not None and len(text) <= limits.csv
        plain = file_name(key)
        file = f"{name}.csv" if plain in ("", name) else f"{name}-{plain}.csv"
        files += [{"name": file, "text": text}] if fits else []
        tables.append({"title": key or entry.title, "file": file if fits else None, **view.preview(table)})
    return {
        "id": name,
        "entry": entry,
        "images": images,
        "tables": tables,
        "files": files,
        "surfaces": turnable(entry.tables),
    }
