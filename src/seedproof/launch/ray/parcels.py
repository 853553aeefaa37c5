"""Parcels: files that travel to the nodes of a cluster, once to each, and are kept there under the hash of their content."""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import ray

from seedproof.errors import UserError
from seedproof.extensions import Origin
from seedproof.models.source import ModelSource
from seedproof.spec import TaskReference
from seedproof.store import Store
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


class Parcels:
    """The parcels of a launch: what runs of a store need, each packed once."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._packed: dict[str, Parcel] = {}

    def task(self, task: TaskReference) -> Parcel:
        """The data of a task."""
        folder = self._store.task_folder(task.fingerprint)
        return self._get(task.fingerprint, {file.name: file for file in folder.iterdir() if file.is_file()})

    def model(self, source: ModelSource) -> Parcel:
        """What is loaded of a model."""
        files = [source.folder / "config.json", *source.folder.glob("*.safetensors.index.json")]
        files += [*source.weight_files, *source.tokenizer_files]
        return self._get(source.fingerprint, {file.name: file for file in files})

    def code(self) -> list[tuple[Origin, Parcel]]:
        """The modules in which classes of the user's own are, with what they import from beside them."""
        noted = {
            origin.name.partition(":")[0]: origin for origin in self._store.places.extensions()
        }  # the latest of each
        return [
            (origin, self._get(f"module {module}", _modules(module, Path(origin.folder))))
            for module, origin in noted.items()
            if origin.folder is not None
        ]

    def _get(self, key: str, files: Mapping[str, Path]) -> Parcel:
        if key not in self._packed:
            self._packed[key] = pack(files)
        return self._packed[key]


def _modules(module: str, folder: Path) -> dict[str, Path]:
    """Files of a module in a folder, and of those that this process has imported from there, by their path in it."""
    loaded = [getattr(other, "__file__", None) for name, other in list(sys.modules.items()) if name != "__main__"]
    paths = [folder / f"{module.replace('.', '/')}.py", folder / module.replace(".", "/") / "__init__.py"]
    paths += [Path(file) for file in loaded if file]
    found = {path.resolve() for path in paths if path.suffix == ".py" and path.is_file()}
    return {str(path.relative_to(folder)): path for path in found if path.is_relative_to(folder)}


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
