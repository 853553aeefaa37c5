"""JSON files that hold one value: read and written in one place, so that each fault of such a file is one message."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seedproof.checksums import KEY, sealed, unsealed
from seedproof.errors import Damaged
from seedproof.store.encoding import decode, encode, parse
from seedproof.store.files import read_plain, write_atomically


def write_document(path: Path, value: Mapping[str, Any]) -> None:
    """Write ``value`` with its checksum; see :mod:`seedproof.store.encoding` for what it may hold.

    Raises:
        OSError: the disk refused; ``path`` is as it was before.
    """
    write_atomically(path, (json.dumps(sealed(encode(dict(value))), indent=1) + "\n").encode("ascii"))


def read_document(path: Path, *, fix: str, is_sealed: bool = False) -> dict[str, Any]:
    """Read what :func:`write_document` wrote, or an older version, without a checksum.

    Args:
        path: the file.
        fix: what a user can do where it is damaged.
        is_sealed: it was written by a version that writes checksums, so that a missing one is damage.

    Raises:
        FileNotFoundError: there is no such file.
        UserError: it is no file of its own, cannot be read, is no such JSON, or its checksum is another content's.
    """
    data = read_plain(path)
    try:
        value = parse(data)
        if not isinstance(value, dict):
            raise ValueError(f"a JSON object is needed, found {type(value).__name__}")
        if is_sealed and KEY not in value:
            raise ValueError("its checksum is missing")
        content = decode(unsealed(value))
    except (ValueError, RecursionError) as error:
        raise Damaged(f"{path} is damaged ({error})", fix) from error
    if not isinstance(content, dict):
        raise Damaged(f"{path} is damaged (it stands for a single value)", fix)
    return content
