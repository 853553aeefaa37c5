"""Which column of a user's table holds what, checked before the file is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from seedproof.errors import UserError
from seedproof.tasks.columns import listed
from seedproof.tasks.parsing import Quoting
from seedproof.tasks.reading import read_table


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold what."""

    text: str
    pair: str | None
    labels: tuple[str, ...]
    group: str | None
    id: str | None
    separator: str | None
    """Text between the labels of one example in the one column of labels."""

    @property
    def names(self) -> list[str]:
        """All of them."""
        others = [name for name in (self.group, self.id) if name is not None]
        return [self.text, *([] if self.pair is None else [self.pair]), *self.labels, *others]

    def where(self, path: Path) -> str:
        """The columns of the labels in a file, for messages."""
        named = ", ".join(map(repr, self.labels))
        return f"{path}, column{'s' if len(self.labels) > 1 else ''} {named}"

    def where_divided(self, path: Path) -> str:
        """The file, with the column of the groups by which it is divided, for messages."""
        return str(path) if self.group is None else f"{path}, column {self.group!r}"

    def check(self, path: Path, kind: str | None) -> None:
        """Refuse a column with two parts, and labels that are not of the kind.

        Raises:
            UserError: names the file and what to change.
        """
        if len(set(self.names)) != len(self.names):
            raise UserError(
                f"{path}: text, text pair, labels, group and id must be different columns, found {', '.join(self.names)}"
            )
        if len(self.labels) > 1 and self.separator is not None:
            raise UserError(
                f"{path}: --label-separator is for one column of labels, found {len(self.labels)}; leave one of both out"
            )
        if self.separator == "":
            raise UserError(f"{path}: --label-separator is empty; give what stands between two labels, such as ;")
        if (len(self.labels) > 1 or self.separator is not None) and kind not in (None, "multi-label"):
            raise UserError(
                f"{path}: several labels of one text are no {kind}; leave out --kind, or give one label column"
            )


def unnamed(path: Path, option: str, quoting: Quoting) -> UserError:
    """Build the error for a column that was not named; it lists those of the file."""
    table = read_table(path, quoting=quoting, most=1000)
    names = listed(list(table.columns))
    return UserError(f"{table.path}: say which column holds the {option}, --{option} COLUMN (its columns: {names})")
