"""The commands that made a study, which go on with it or add to its records: as its folder tells them."""

from __future__ import annotations

from collections.abc import Iterable

from seedproof.errors import command
from seedproof.execution.recording import in_script, options_over_file
from seedproof.report.html.stored import stored_options, stored_request
from seedproof.store import Store
from seedproof.store.cells import Cell
from seedproof.store.definitions import names_cell
from seedproof.store.files import read_text


def commands_of(store: Store, *, numerics: bool = False, cells: Iterable[Cell] | None = None) -> list[str]:
    """The commands that make every run of a study, or go on with those that are not finished.

    Args:
        store: of the study.
        numerics: with the options that fix the arithmetic, which the folder remembers: for another folder.
        cells: of the runs that are to be gone on with; None: all.

    Returns:
        One for each study file that has such runs, or that of the reproduction; none where the files are lost.
    """
    kept = store.numerics
    options = ["--precision", kept.precision, "--device", kept.device, "--threads", kept.threads] if numerics else []
    if (request := stored_request(store.path)) is not None:
        names, scale = request
        options = [*stored_options(store.path), *options]
        engine = ["--engine", kept.engine] if numerics else []
        return [command("reproduce", *names.split(), "--scale", scale, "--out", store.path, *engine, *options)]
    texts = {path: read_text(path) for path in store.definitions()}
    wanted = None if cells is None else list(cells)
    having = [path for path in texts if wanted is None or any(names_cell(texts[path], cell) for cell in wanted)]
    return [
        command(
            "study",
            "run",
            path,
            "--out",
            store.path,
            *options,
            *options_over_file(store, texts[path], is_elsewhere=numerics),
        )
        for path in having or texts
    ]


def adding(store: Store, *options: str) -> str:
    """The command that adds a recording to the finished runs of a study: each of its files again with these options.

    Of a Trainer that was watched: what to write in its script, for further runs.
    """
    if store.is_watched:
        evaluates = "--evaluations" in options
        return (
            'TrainingArguments(..., eval_strategy="epoch")'
            if evaluates
            else in_script(f"probes={{{options[-1]!r}: 10}}")
        )
    commands = [
        command("study", "run", path, "--out", store.path, *options_over_file(store, read_text(path)), *options)
        for path in store.definitions()
    ]
    return " && ".join(commands) or f"the command that made the study, with {' '.join(options)}"


def what_adding_does(store: Store) -> str:
    """What becomes of finished runs when a recording is added, for a sentence that ends with the command."""
    if store.is_watched:
        return "To record it of further runs, in the script that trains:"
    again = "This does finished runs again with it, beside the stored ones, and keeps each new one that"
    if store.numerics.engine == "fleet":
        return f"{again} agrees in outcome and score (the bits of a fleet's runs depend on which runs share it):"
    return f"{again} is the same in every bit:"
