"""Tables as CSV files, for programs and spreadsheets alike.

A spreadsheet takes a cell that begins with ``=``, ``+``, ``-`` or ``@`` for a formula and runs it. Such texts are written
with an apostrophe before them (OWASP, "CSV Injection"), which :func:`read_table` takes away again. Numbers, and several
numbers in one cell, stay as they are.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedproof.store.files import write_atomically
from seedproof.store.seals import read_sealed, unseal, write_sealed

if TYPE_CHECKING:
    import pandas as pd

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBERS = re.compile(r"[-+]?(\d+\.?\d*|\.\d+|inf|nan)([eE][-+]?\d+)?( [-+]?(\d+\.?\d*|\.\d+|inf|nan)([eE][-+]?\d+)?)*")


def table_text(table: pd.DataFrame) -> str:
    """``table`` as CSV without its index: what a spreadsheet would run is text, numbers have every digit."""
    return _changed(table, _as_text).to_csv(index=False, lineterminator="\n")


def write_table(path: Path, table: pd.DataFrame, *, is_sealed: bool = False) -> None:
    """Write ``table`` as CSV (whole or not at all); ``is_sealed``: a table that this program is to read again.

    Raises:
        OSError: the disk refused.
    """
    data = table_text(table).encode("utf-8", "replace")
    if is_sealed:
        write_sealed(path, data)
        return
    unseal(path)
    write_atomically(path, data)


def read_table(path: Path, **options: Any) -> pd.DataFrame:
    """Read what :func:`write_table` wrote; options as for :func:`pandas.read_csv`.

    Only an empty cell is missing: ``NA``, ``null`` and ``None`` are names that classes, tasks and recipes do have.

    Raises:
        OSError: the file cannot be read.
        UserError: it is not what was sealed.
        ValueError: it is no CSV, or has no column.
    """
    import pandas as pd

    only_empty: dict[str, Any] = {"keep_default_na": False, "na_values": [""]}
    return _changed(pd.read_csv(io.BytesIO(read_sealed(path)), **only_empty, **options), _as_it_was)


def _changed(table: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    """``table`` with its texts and the names of its columns changed."""
    import pandas as pd

    new: dict[Hashable, Any] = {
        name: column.map(change, na_action="ignore")
        for name, column in table.items()
        if not pd.api.types.is_numeric_dtype(column.dtype)
    }
    return table.assign(**new).rename(columns=change) if new else table.rename(columns=change)  # type: ignore[arg-type]


def _as_text(cell: Any) -> Any:
    is_formula = isinstance(cell, str) and _FORMULA.match(cell) and not _NUMBERS.fullmatch(cell)
    return f"'{cell}" if is_formula else cell


def _as_it_was(cell: Any) -> Any:
    return cell[1:] if isinstance(cell, str) and cell.startswith("'") and _FORMULA.match(cell) else cell
