"""A checkpoint as a file: arrays by name in safetensors, and what else there is as JSON under one checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from seedproof.errors import Damaged, is_out_of_memory
from seedproof.store.encoding import dumps, loads
from seedproof.store.files import check_plain, write_atomically

Array = np.ndarray[Any, Any]


def write_checkpoint(path: Path, step: int, tensors: Mapping[str, Array], extra: Any = None) -> None:
    """Write the state after ``step``; an earlier one at ``path`` stays until this one is whole on the disk.

    Args:
        path: of the file.
        step: steps done.
        tensors: arrays of any shape, by name.
        extra: JSON values.

    Raises:
        OSError: the disk refused.
    """
    dense = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in tensors.items()}
    metadata = {"step": str(step), "extra": dumps(extra)}
    metadata["sha256"] = _checksum(dense, metadata)
    write_atomically(path, save(dense, metadata=metadata))


def read_checkpoint(path: Path) -> tuple[int, dict[str, Array], Any] | None:
    """Read ``(step, tensors, extra)``; None where there is no file.

    Raises:
        UserError: the file is damaged.
    """
    check_plain(path)
    if not path.exists():
        return None
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = dict(file.metadata())
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dictionary
        checksum = metadata.pop("sha256", None)  # older versions wrote none
        if checksum is not None and checksum != _checksum(tensors, metadata):
            raise ValueError("its content does not fit its checksum")
        return int(metadata["step"]), tensors, loads(metadata["extra"])
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        if is_out_of_memory(error):
            raise
        raise Damaged(f"{path} is damaged ({error})", "remove it to start this run again") from error


def _checksum(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> str:
    """SHA-256 over all that a checkpoint holds: values, names, types and shapes."""
    digest = hashlib.sha256(dumps(dict(sorted(metadata.items()))).encode())
    for name, array in sorted(tensors.items()):
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
