"""Writing a page as one file: the template with everything inside that it needs, and nothing else.

Every text goes through the template's escaping or into JSON whose angle brackets are escaped. A content security policy
in the file lets the browser run our own scripts only, by their hashes, and load nothing from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from seedproof.errors import UserError
from seedproof.printable import file_name
from seedproof.report import wording
from seedproof.report.html import drilldown, view
from seedproof.report.html.page import FigureEntry, Page
from seedproof.report.html.surfaces import plotly_script, turnable
from seedproof.report.html.svg import inline_svg
from seedproof.store import table_text, write_atomically

if TYPE_CHECKING:
    from markupsafe import Markup

CSV_CHARACTERS = 4_000_000
"""The longest table that is put into the page as a file; it is always there beside the figure's own file."""

_HERE = Path(__file__).parent
_SCRIPTS = ("page.js", "charts.js", "run.js", "surface.js")


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
    path = check_target(path)
    write_atomically(path, render(page).encode())
    return path


def check_target(path: str | Path) -> Path:
    """Refuse a place where no report can be written, before one is made.

    Raises:
        UserError: its folder does not exist, or it is a folder itself.
    """
    target = Path(path)
    if not target.parent.is_dir():
        raise UserError(f"cannot write the report {target}: there is no folder {target.parent}")
    if target.is_dir():
        raise UserError(f"cannot write the report {target}: it is a folder; give the name of a file")
    return target


def render(page: Page) -> str:
    """The HTML of ``page``."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    loader = FileSystemLoader(_HERE)
    environment = Environment(
        autoescape=True, loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    figures = [_figure(number, entry) for number, entry in enumerate(page.figures)]
    surfaces = [surface for figure in figures for surface in figure["surfaces"]]
    for index, surface in enumerate(surfaces):
        surface["index"] = index
    scripts = [plotly_script()] if surfaces else []
    scripts += ["\n".join((_HERE / name).read_text(encoding="utf-8") for name in _SCRIPTS)]
    data = {"runs": _runs(page), "surfaces": surfaces, "csv": [file for figure in figures for file in figure["files"]],
            "scale": [drilldown.LOWEST, drilldown.HIGHEST]}  # fmt: skip
    data["tasks"] = {key: drilldown.compact_task(task, texts=page.show_texts) for key, task in page.tasks.items()}
    return environment.get_template("template.html").render(
        page=page,
        ledger=None if page.ledger is None else view.ledger(page.ledger),
        summary=None if page.summary is None else view.summary(page.summary),
        caption="" if page.summary is None or page.summary.empty else wording.caption(page.summary),
        version=version("seedproof"),
        figures=figures,
        runs=[] if page.runs is None else view.runs(page.runs, page.facts),
        counts=[] if page.runs is None else view.counts(page.runs),
        choices={} if page.runs is None else view.choices(page.runs),
        sections=[view.section(section) for section in page.sections],
        style=_raw((_HERE / "style.css").read_text(encoding="utf-8")),
        scripts=[_raw(script) for script in scripts],
        policy=_policy(scripts),
        data=_raw(json_for_html(data)),
    )


def json_for_html(value: Any) -> str:
    """Strict JSON that ends no script element and begins no comment, whatever texts are in it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _raw(text: str) -> Markup:
    """Our own text, which the template must not escape."""
    from markupsafe import Markup

    return Markup(text)


def _policy(scripts: Iterable[str]) -> str:
    """Nothing is loaded; of scripts, only these run."""
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _figure(number: int, entry: FigureEntry) -> dict[str, Any]:
    """What the template needs of a figure: its drawings, its tables, and where they are in the page's data."""
    name = file_name(entry.name) or f"figure-{number}"
    label = ". ".join(part for part in (entry.title, entry.finding) if part)
    images = [_raw(inline_svg(path, f"f{number}-{i}", label)) for i, path in enumerate(entry.images)]
    files, tables = [], []
    for key, table in entry.tables.items():
        text = table_text(table)
        fits = len(text) <= CSV_CHARACTERS
        plain = file_name(key)
        file = f"{name}.csv" if plain in ("", name) else f"{name}-{plain}.csv"
        files += [{"name": file, "text": text}] if fits else []
        tables.append({"title": key or entry.title, "file": file if fits else None, **view.preview(table)})
    return {"id": name, "entry": entry, "images": images, "tables": tables, "files": files,
            "surfaces": turnable(entry.tables)}  # fmt: skip


def _runs(page: Page) -> dict[str, Any]:
    """The drill-down of every run that has facts; each journal is read once and forgotten."""
    if page.runs is None:
        return {}
    content: dict[str, Any] = {}
    for row in view.records(page.runs):
        id_ = row["run"]
        if id_ in page.facts and id_ not in content:
            facts = page.facts[id_]
            content[id_] = drilldown.compact_run(
                facts.records(), row["metric"], _integer(row, "evaluated_step"), page.tasks.get(facts.task)
            )
            content[id_] |= {"task": facts.task, "majority": drilldown.rounded(row["majority"])}
    return content


def _integer(row: Mapping[str, Any], name: str) -> int | None:
    value = row.get(name)
    return None if value is None or pd.isna(value) else int(value)
