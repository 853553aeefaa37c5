"""Parcels: files that travel to the nodes of a cluster, once to each, and are kept there under the hash of their content."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ray

from seedproof.errors import UserError
from seedproof.store.lock import exclusive

ARRIVAL_SECONDS = 3600.0
"""How long a worker waits for another of its node that is receiving the same parcel."""


@dataclass(frozen=True)
class Parcel:
    """Files of one folder, in Ray's object store."""

    key: str
    """SHA-256 over names and content, in hexadecimal."""
    files: Mapping[str, Any]
    """Where Ray has each file, by its path in the folder."""


def pack(files: Mapping[str, Path]) -> Parcel:
    """Put files into the object store of this node, from where others fetch them; they stay as long as the parcel does.

    Args:
        files: each file by its path in the folder that it will be found in.
    """
    digest, kept = hashlib.sha256(), {}
    for name, path in sorted(files.items()):
        content = np.fromfile(path, np.uint8)
        digest.update(f"{name}\n{len(content)}\n".encode())
        digest.update(content.data)
        kept[name] = ray.put(content)
    return Parcel(digest.hexdigest(), kept)


def unpack(parcel: Parcel) -> Path:
    """The folder with the files of a parcel on this node; what another worker of the node has fetched is taken as it is."""
    cache = _cache()
    folder = cache / parcel.key
    message = f"another worker of this node has been receiving {folder} for {ARRIVAL_SECONDS:.0f} seconds"
    with exclusive(cache / f"{parcel.key}.lock", timeout=ARRIVAL_SECONDS, message=message):
        if not folder.exists():
            partial = cache / f"{parcel.key}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            for name, reference in parcel.files.items():
                path = partial / name
                path.parent.mkdir(parents=True, exist_ok=True)
                ray.get(reference).tofile(path)
            partial.replace(folder)
    return folder


def _cache() -> Path:
    """A folder for parcels that belongs to this user alone."""
    folder = Path(tempfile.gettempdir()) / f"seedproof-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise UserError(f"{folder} on {os.uname().nodename} can be written by others; remove it")
    return folder
