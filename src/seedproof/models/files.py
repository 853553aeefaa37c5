"""Files of a model's folder: that they lie inside it, that none is absurdly large, and which of them are loaded.

Whoever wrote the folder may be a stranger. What is loaded is what its fingerprint covers, and nothing is read before its
size is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from seedproof.errors import UserError

SINGLE, INDEX = "model.safetensors", "model.safetensors.index.json"
"""What Transformers looks for: the weights in one file, or the list of the files that hold them."""

MEBIBYTE = 2**20
MOST_CONFIGURATION = 16 * MEBIBYTE
"""Bytes of ``config.json`` and of an index; the largest of published models have less than one."""
MOST_VOCABULARY = 128 * MEBIBYTE
"""Bytes of a tokenizer's file; those of published models reach 35."""


def check_file(path: Path, folder: Path, most: int | None = None) -> None:
    """Refuse a file that is a link out of its folder, or larger than such a file can be.

    Args:
        path: the file.
        folder: the model's. In the hub's cache its files are links to the blobs beside it.
        most: bytes; None: any number.

    Raises:
        UserError: names the file, where it leads or its size, and what to do.
    """
    root = folder.parent.parent if folder.parent.name == "snapshots" else folder
    target = path.resolve()
    if not target.is_relative_to(root.resolve()):
        raise UserError(f"{path} is a link out of the model's folder, to {target}; copy that file into the folder")
    if most is not None and (size := target.stat().st_size) > most:
        raise UserError(
            f"{path} has {size / MEBIBYTE:,.0f} MiB; such a file of a model has at most {most // MEBIBYTE}, so it is "
            "damaged or made to exhaust memory; fetch or save it again"
        )


def read_json(path: Path, folder: Path, most: int = MOST_CONFIGURATION) -> dict[str, Any]:
    """The JSON object in a file of a model's folder.

    Raises:
        UserError: as :func:`check_file`, or it holds no JSON object.
    """
    check_file(path, folder, most)
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError, RecursionError) as error:
        raise UserError(f"{path} is no JSON object ({error}); write it again with save_pretrained") from None


def loaded_weights(folder: Path, config: Mapping[str, Any], hashed: Iterable[Path]) -> list[Path]:
    """The files from which the weights come, each of which the model's fingerprint covers.

    Args:
        folder: the model's.
        config: the content of its ``config.json``, which may name another file or index than the usual one.
        hashed: the files under the fingerprint.

    Raises:
        UserError: there is none that Transformers would open, or an index names a file that is not one of the folder's.
    """
    known = {file.name: file for file in hashed}
    named = config.get("transformers_weights")
    main = str(named) if named is not None else SINGLE if SINGLE in known else INDEX
    if not main.endswith(".index.json"):
        return [_one_of(known, main, f"{folder / 'config.json'} (transformers_weights)", folder)]
    index = folder / main
    if index.parent != folder or not index.is_file():
        raise UserError(
            f"the model folder {folder} has no {SINGLE} and no {INDEX}, the names under which weights are opened, but "
            f"{', '.join(sorted(known))}; save the model again with save_pretrained"
        )
    shards = read_json(index, folder).get("weight_map")
    if not isinstance(shards, Mapping) or not shards:
        raise UserError(
            f"{index} has no weight_map from parameters to files; save the model again with save_pretrained"
        )
    return [_one_of(known, name, str(index), folder) for name in sorted({str(name) for name in shards.values()})]


def _one_of(known: Mapping[str, Path], name: str, where: str, folder: Path) -> Path:
    if name not in known:
        raise UserError(
            f"{where} names the weights {name!r}, which is no *.safetensors file in {folder}; only files there are under "
            "the model's fingerprint, and only those are loaded"
        )
    return known[name]
