"""GLUE from the hub through ``datasets``: the same splits, and the same fingerprints, as from the download's files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from seedproof.errors import UserError, hub_errors
from seedproof.tasks.split import Split
from seedproof.tasks.targets import single_precision

if TYPE_CHECKING:
    from seedproof.tasks.glue import GlueTask

REPOSITORY = "nyu-mll/glue"


def load_splits(name: str, spec: GlueTask) -> dict[str, Split]:
    """Download (or take from the cache of ``datasets``) the splits ``train``, ``dev`` and any extra ones.

    Raises:
        UserError: the hub cannot be reached, or what it holds is not the expected task.
    """
    import datasets

    refused: tuple[type[Exception], ...] = (*hub_errors(), ValueError)
    try:
        loaded = datasets.load_dataset(REPOSITORY, name)
    except refused as error:
        raise UserError(
            f"cannot load glue/{name} from the hub ({error}); check the connection, or give the folder of the GLUE "
            f"download as --data-dir"
        ) from error
    names = {"train": "train", "dev": spec.dev, **spec.extra}
    return {split: _split(loaded, file.replace("dev", "validation"), name, spec) for split, file in names.items()}


def _split(loaded: Any, hub_name: str, name: str, spec: GlueTask) -> Split:
    where = f"{REPOSITORY}, {name}, split {hub_name!r}"
    if hub_name not in loaded:
        raise UserError(f"{where}: there is no such split (found: {', '.join(loaded)})")
    dataset = loaded[hub_name]
    columns = spec.hub_columns or spec.columns
    for column in (*columns, "label"):
        if column not in dataset.column_names:
            raise UserError(f"{where}: no column {column!r} (found: {', '.join(dataset.column_names)})")
    names = tuple(getattr(dataset.features["label"], "names", ()))
    if names != spec.hub_classes:
        raise UserError(f"{where}: the classes are {names}, expected {spec.hub_classes}; use the download's files")
    values = dataset.select_columns([*columns, "label"])[:]
    labels = np.array(values["label"])
    if not spec.classes:
        labels = single_precision(labels)
    pairs = tuple(values[columns[1]]) if len(columns) > 1 else None
    return Split(tuple(values[columns[0]]), pairs, labels)
