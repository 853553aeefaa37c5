"""A disk that is full when a test says so."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

DISK_FULL = "SEEDPROOF_TESTING_DISK_FULL"
"""Environment variable with the path of a file: while that exists, no journal can be written, as on a full disk."""


def refuse_where_full(setattr_: Callable[[object, str, object], None] = setattr) -> None:
    """Let the journals of this process be refused as by a full disk, while the file that ``DISK_FULL`` names exists."""
    from seedproof.store.journal import Journal

    append, mark = Journal.append, Path(os.environ[DISK_FULL])

    def refusing(journal: Journal, record: dict[str, Any]) -> None:
        if mark.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        append(journal, record)

    setattr_(Journal, "append", refusing)


def site_of(folder: Path) -> Path:
    """A folder whose ``sitecustomize`` makes every Python process that is started with it on its path refuse likewise."""
    site = folder / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "from seedproof.testing.disk import refuse_where_full\nrefuse_where_full()\n"
    )
    return site
