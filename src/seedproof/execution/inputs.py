"""Inputs of a run that its spec names by their fingerprints: its task, read from the store, and the files of its model."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from seedproof.errors import UserError
from seedproof.models.source import ModelSource, find_model
from seedproof.spec import ModelReference
from seedproof.store import Store
from seedproof.tasks.base import Task


@lru_cache(maxsize=4)
def read_task(folder: Path) -> Task:
    """The data of a task in a store, kept for the next run of this process."""
    return Task.read(folder)


def model_source(store: Store, model: ModelReference) -> ModelSource:
    """Find the weights that a spec names by their fingerprint.

    Raises:
        UserError: they are not where they were, or were changed there.
    """
    # Where they were found comes first: the name of a hub model would be asked for over the network.
    why = ""
    for name in [*store.places.model_locations(model.fingerprint), model.name]:
        try:
            source = _found(name)
        except UserError as error:
            why = why or f" ({error})"
            continue
        if source.fingerprint == model.fingerprint:
            return source
    raise UserError(
        f"the weights of the model {model.name!r} (fingerprint {model.fingerprint[:12]}) are no longer where this study "
        f"found them, or were changed{why}; run the study again with --model and the folder where they are now"
    )


@lru_cache(maxsize=8)
def _found(name: str) -> ModelSource:
    return find_model(name)
