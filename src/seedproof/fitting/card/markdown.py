"""Numbers and tables as a card writes them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from seedproof.printable import printable_line


def number(value: Any) -> str:
    """A number in three decimals; a dash where there is none."""
    return f"{float(value):.3f}" if math.isfinite(float(value)) else "–"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose cells, be they names from a user's file, cannot break it."""
    lines = [list(map(_cell, header)), ["---"] * len(header), *([*map(_cell, row)] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return printable_line(text).replace("|", "\\|")
