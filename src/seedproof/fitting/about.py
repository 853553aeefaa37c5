"""``seedproof.json`` in a model's folder: what answering needs beside what Transformers keeps, and what the fit has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from seedproof.errors import Damaged, UserError
from seedproof.store.documents import read_document, write_document

FILE = "seedproof.json"
FORMAT = 1
SEPARATOR = ";"
"""What stands between the labels of one text, where nothing else was asked for."""


@dataclass(frozen=True, kw_only=True)
class About:
    """What a model's folder says of itself."""

    problem_type: str
    """Transformers' word: ``single_label_classification``, ``multi_label_classification`` or ``regression``."""
    max_length: int
    """Tokens that a text or pair is cut at."""
    text: str | None = None
    """Column of the text in the table that it was trained on; as the following, what a new table needs no option for."""
    text_pair: str | None = None
    id: str | None = None
    quoting: str | None = None
    label_separator: str = SEPARATOR
    is_pair: bool = False
    """Whether the model takes pairs of texts."""
    members: tuple[str, ...] = ()
    """Folders of further models, inside this one, whose predictions are averaged with its own."""
    found: Mapping[str, Any] = field(default_factory=dict)
    """The numbers of the card."""

    def write(self, folder: Path) -> None:
        """Keep it in a model's folder."""
        write_document(folder / FILE, {"format": FORMAT, **asdict(self), "members": list(self.members)})

    @classmethod
    def read(cls, folder: Path) -> About:
        """Read it back.

        Raises:
            UserError: the folder was not written by ``seedproof fit``, or by a newer version, or the file is damaged.
        """
        if not folder.is_dir():
            raise UserError(f"there is no model folder {folder}; give the one that seedproof fit has written (--out)")
        fix = "fit the model again, or restore the file from a copy"
        try:
            value = read_document(folder / FILE, fix=fix)
        except FileNotFoundError:
            raise UserError(f"{folder} was not written by seedproof fit: it has no {FILE}; give that folder") from None
        if value.pop("format", None) != FORMAT:
            raise UserError(f"{folder / FILE} was written by a newer version of seedproof; update seedproof")
        try:
            return cls(**{**value, "members": tuple(value["members"])})
        except (TypeError, KeyError) as error:
            raise Damaged(f"{folder / FILE} is damaged ({error})", fix) from None
