"""Figures of the paper that a reproduction has left in its folder, so that its report can be written again without it.

figures/<name>/figure.json holds name, title, finding, notes and the names of the drawings; every table lies there as CSV.
reproduce.json says what was asked for.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.errors import Damaged, UserError
from seedproof.report.html.page import FigureEntry
from seedproof.store import read_table

if TYPE_CHECKING:
    import pandas as pd

DESCRIPTION = "figure.json"
REPRODUCTION = "reproduce.json"


def stored_figures(folder: Path) -> list[FigureEntry]:
    """The figures in ``folder/figures``, in the order of their numbers; none where there was no reproduction.

    Raises:
        UserError: the description of one is damaged.
    """
    found = [_entry(path) for path in (folder / "figures").glob(f"*/{DESCRIPTION}")]
    return sorted(found, key=lambda entry: ("".join(filter(str.isalpha, entry.name)) == "fig", _number(entry.name)))


def stored_request(folder: Path) -> tuple[str, str] | None:
    """The names and the scale that a reproduction was asked for, as its command has them; None: there was none.

    Raises:
        UserError: its description is damaged.
    """
    path = folder / REPRODUCTION
    if not path.exists():
        return None
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return str(content.get("names") or " ".join(content["made"])), str(content["scale"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(f"{path} is damaged ({error!r}); restore it from a copy") from None


def stored_options(folder: Path) -> list[str]:
    """Where a reproduction was told to find data, models and text, as options of its command.

    Raises:
        UserError: its description is damaged.
    """
    content = json.loads((folder / REPRODUCTION).read_text(encoding="utf-8"))
    options = content.get("options", [])  # an older folder does not say
    if not isinstance(options, list) or not all(isinstance(word, str) for word in options):
        raise UserError(
            f"{folder / REPRODUCTION} is damaged (its options are no list of words); restore it from a copy"
        )
    return options


def stored_ledger(folder: Path) -> pd.DataFrame | None:
    """The ledger of claims that a reproduction has left, or None: it left none, or one without a claim."""
    path = folder / "ledger.csv"
    table = read_table(path) if path.exists() else None
    return None if table is None or table.empty else table


def stored_pdfs(folder: Path) -> list[Path]:
    """Every drawing in ``folder/figures`` that is there as PDF."""
    return sorted(path for path in (folder / "figures").glob("*/*.pdf") if (path.parent / DESCRIPTION).exists())


def _entry(path: Path) -> FigureEntry:
    try:
        about = json.loads(path.read_text(encoding="utf-8"))
        for name in about["images"]:
            if Path(name).name != name:
                raise ValueError(f"the drawing {name!r} does not lie beside it")
        images = [path.parent / name for name in about["images"]]
        tables = {
            table.stem: read_table(table) for table in sorted(path.parent.glob("*.csv")) if table.stat().st_size > 1
        }
        return FigureEntry(
            name=about["name"],
            title=about["title"],
            finding=f"In the paper: {about['finding']}",
            images=images,
            tables=tables,
            note="; ".join(about["notes"]),
        )
    except Damaged:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{path} or a table beside it is damaged ({error!r}); give the command that made it again"
        ) from None


def _number(name: str) -> int:
    return int("".join(filter(str.isdecimal, name)) or 0)
