"""Studies that come with seedproof: one file each, and its name here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

STUDIES: Mapping[str, str] = MappingProxyType(
    {"demo": "miniature/bert on miniature/acceptability, devlin without and with bias correction, 8 seeds each"}
)
"""Names with a line on what each shows."""
