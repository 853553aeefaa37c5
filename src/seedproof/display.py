"""How values show themselves in a notebook: small HTML tables, and files that are drawn where they are returned."""

from __future__ import annotations

import base64
import html
import mimetypes
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

LARGEST_EMBEDDED = 20_000_000
"""Bytes of a file that is put into a notebook; a larger one is a link."""

_Path: Any = type(Path())  # a Path of this system: before Python 3.12 Path itself cannot be subclassed


def table(title: str, rows: Mapping[str, object]) -> str:
    """A title over a table of two columns, as HTML; every text is escaped."""
    lines = "".join(
        f"<tr><th style='text-align:left;vertical-align:top'>{html.escape(name)}</th>"
        f"<td style='text-align:left'>{html.escape(str(value))}</td></tr>"
        for name, value in rows.items()
    )
    return f"<div><b>{html.escape(title)}</b><table>{lines}</table></div>"


def some(values: Iterable[object], most: int = 6) -> str:
    """The first few of ``values`` and how many there are, in one line."""
    texts = [str(value) for value in values]
    more = f", ... ({len(texts)})" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more


class ShownFile(_Path):  # type: ignore[misc]  # the class is that of this system
    """Path of a figure or a page, which a notebook shows when it is the value of a cell."""

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """The file itself as a PNG, an SVG or a page in a frame; its path where it is none of these, gone or too large."""
        shown = {"text/plain": str(self)}
        kind = mimetypes.guess_type(self.name)[0]
        if not self.is_file() or self.stat().st_size > LARGEST_EMBEDDED:
            return shown
        if kind == "image/png":
            return shown | {"image/png": base64.b64encode(self.read_bytes()).decode()}
        if kind == "image/svg+xml":
            return shown | {"image/svg+xml": self.read_text(encoding="utf-8")}
        if kind == "text/html":
            page = html.escape(self.read_text(encoding="utf-8"), quote=True)
            # Scripts of the page run, but in an origin of their own, apart from the notebook's.
            return shown | {
                "text/html": f'<iframe sandbox="allow-scripts" width="100%" height="700" srcdoc="{page}"></iframe>'
            }
        return shown
