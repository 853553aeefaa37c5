"""The commands that made a study, which go on with it: as its folder tells them."""

from __future__ import annotations

from seedproof.errors import command
from seedproof.report.html.stored import stored_options, stored_request
from seedproof.store import Store


def commands_of(store: Store, *, numerics: bool = False) -> list[str]:
    """The commands that make every run of a study, or go on with those that are not finished.

    Args:
        store: of the study.
        numerics: with the options that fix the arithmetic, which the folder remembers: for another folder.

    Returns:
        One for each study file, or that of the reproduction; none where the files are lost.
    """
    kept = store.numerics
    options = ["--precision", kept.precision, "--device", kept.device, "--threads", kept.threads] if numerics else []
    if (request := stored_request(store.path)) is not None:
        names, scale = request
        options = [*stored_options(store.path), *options]
        engine = ["--engine", kept.engine] if numerics else []
        return [command("reproduce", *names.split(), "--scale", scale, "--out", store.path, *engine, *options)]
    return [command("study", "run", path, "--out", store.path, *options) for path in store.definitions()]
