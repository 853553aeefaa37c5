"""Checksums inside of JSON files: content that was changed after it was written is named, and never taken for what it was.

A checksum is one more key of the outermost object, so versions that know nothing of it read the file as before; a file
that was written by one of them has none, and is not checked. It finds what happens to files (a bad disk, a copy that
broke off, an edit by hand); who forges a file can forge its checksum.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seedproof.spec import content_hash

KEY = "sha256"


def sealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """``value``, plain JSON values, with its checksum."""
    return {**value, KEY: content_hash(dict(value))}


def unsealed(value: Mapping[str, Any]) -> dict[str, Any]:
    """``value`` without its checksum.

    Raises:
        ValueError: the checksum is that of another content.
    """
    content = dict(value)
    checksum = content.pop(KEY, None)
    if checksum is not None and checksum != content_hash(content):
        raise ValueError("its content does not fit its checksum: it was changed after it was written")
    return content
