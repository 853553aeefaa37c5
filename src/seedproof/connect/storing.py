"""The run of a Trainer in a store: made or found by its spec, and begun, gone on with, or left alone."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedproof.connect.data import ObservedData
from seedproof.connect.racing import SeedRace
from seedproof.connect.settings import ObservedSpec
from seedproof.errors import Damaged, UserError
from seedproof.events import Listener
from seedproof.execution.race import Race
from seedproof.execution.recording import Recording
from seedproof.execution.run_session import RunSession
from seedproof.spec import Numerics, RunSpec, content_hash
from seedproof.store import State, Store
from seedproof.store.marker import MARKER
from seedproof.study.racing import check_against, not_waiting
from seedproof.training.observing import see_model

_SAID = ("output_dir", "seed", "data_seed", "optim", "lr_scheduler_type", "logging_nan_inf_filter", "eval_strategy")
"""Arguments that are recorded beside those that the recipe has."""


class NotRecorded(Exception):
    """A training of which nothing is recorded, and why.

    Args:
        run: its id.
        why: in words that follow "the run".
        is_finished: whether the store has it already.
    """

    def __init__(self, run: str, why: str, *, is_finished: bool = False) -> None:
        super().__init__(why)
        self.run, self.is_finished = run, is_finished


class SetAside(NotRecorded):
    """A training that ends here because its run waits until its race is decided.

    Args:
        run: its id.
    """

    def __init__(self, run: str) -> None:
        super().__init__(run, "waits until its race is decided")


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A run that is open."""

    session: RunSession
    resumed: bool
    """Whether its Trainer goes on from a checkpoint."""
    evaluated: frozenset[int]
    """Steps that were evaluated up to there."""
    about: dict[str, Any]
    """What is recorded before the first step."""


def open_store(folder: Path, numerics: Numerics, recording: Recording, race: Race | None = None) -> Store:
    """The store of watched runs in a folder, made where there is none.

    Raises:
        UserError: the folder holds something else, a study that seedproof runs, or another race than this one or none.
    """
    exists = (folder / MARKER).exists()
    store = Store.open_or_create(folder, folder.resolve().name, numerics)
    if not store.is_watched:
        raise UserError(
            f"{folder} is the study {store.name!r}, whose runs seedproof makes; give StabilityCallback another folder"
        )
    check_against(store, race, ())
    if not exists or Recording.read(folder) != recording:
        recording.write(folder)
    return store


def told_apart(trainer: Any, seen: ObservedSpec, folder: Path) -> ObservedSpec:
    """The spec of a Trainer's run, apart from finished ones that began with another head under the same seed.

    Where nobody saw from what the head was drawn (``head: unknown``), the seed that is stored for it is the Trainer's; of a
    second training with the same settings, whose weights begin otherwise, one more than that, and so on. One that begins
    with the same weights is the finished run again, and so is one that goes on from a checkpoint of it.
    """
    if seen.spec.recipe["head"] != "unknown" or not (folder / MARKER).exists():
        return seen
    store, start = Store.open(folder), start_of(trainer.model)
    known, spec = {cell.id for cell in store.cells()}, seen.spec
    while store.run(spec.id).is_finished and _start_in(store, spec.id) not in (None, start):
        following = dataclasses.replace(spec, seeds=dataclasses.replace(spec.seeds, head=spec.seeds.head + 1))
        if trainer.state.global_step and following.id not in known:
            return seen
        spec = following
    return dataclasses.replace(seen, spec=spec)


def start_of(model: Any) -> str:
    """A digest of the weights that a training begins with: of the norm of every tensor, which takes no time."""
    return content_hash([float(norm) for norm in see_model(model, frozenset({"start_norms"}))["start_norms"]])[:16]


def _start_in(store: Store, run: str) -> str | None:
    """The digest that was recorded of a run; None where there is none, as of earlier versions."""
    observed = next((record for record in store.run(run).records() if record["kind"] == "observed"), {})
    return observed.get("start")


def open_run(
    trainer: Any,
    data: ObservedData,
    seen: ObservedSpec,
    folder: Path,
    recording: Recording,
    tell: Listener,
    race: SeedRace | None = None,
) -> Observed:
    """Open the run that a Trainer is about to train, or to go on with, as it was seen.

    Raises:
        SetAside: it waits for a race that is not decided, or has lost it.
        NotRecorded: it is finished already, or cannot be gone on with.
        UserError: as :func:`open_store`, or the run cannot join the race.
    """
    spec, location = seen.spec, seen.model
    store = open_store(folder, spec.numerics, recording, None if race is None else race.race)
    if race is not None:
        race.enter(store, spec, trainer.state.max_steps)
    data.task.write(store.task_folder(spec.task.fingerprint))
    if location is not None:
        store.places.add_model(spec.model.fingerprint, location)
    _add(store, spec)
    if (folder_of_run := store.run(spec.id)).is_finished:
        raise NotRecorded(
            spec.id,
            "is finished already, with the same data, model, arguments, seed and weights to begin with; to record it again, "
            f"remove {folder_of_run.path} or give another folder",
            is_finished=True,
        )
    if not not_waiting(store, [spec]):
        raise SetAside(spec.id)
    is_lost = folder_of_run.state_if_free is State.PAUSED and not trainer.state.global_step
    session = RunSession(store, spec.id, tell)
    if not session.open():
        raise NotRecorded(spec.id, "is held by another process, or its folder cannot be written to")
    if is_lost:
        session.note("starts again at its first step: the checkpoint with which it waited for its race is gone")
    try:
        return _begun(session, trainer)
    except BaseException as error:
        let_go(session, error)
        raise


def _begun(session: RunSession, trainer: Any) -> Observed:
    """A run that was opened, with the records up to its Trainer's checkpoint."""
    step = trainer.state.global_step
    evaluated = _cut_back(session, step) if step else frozenset[int]()
    if not step:
        session.folder.start_again()
    return Observed(session=session, resumed=step > 0, evaluated=evaluated, about=_about(trainer))


def let_go(session: RunSession, error: BaseException | None) -> None:
    """Let go of a run that is not finished: as crashed by an error, or as interrupted where nothing or a person ended it."""
    if not session.is_open:
        return
    if error is None or isinstance(error, (KeyboardInterrupt, NotRecorded)):
        session.interrupt()
    else:
        session.crash(error)


def _add(store: Store, spec: RunSpec) -> None:
    """Put a run into the tables of a store, under a name that means nothing else there."""
    if spec.id not in {cell.id for cell in store.cells()}:
        cell = store.names().told_apart(spec)
        store.add(spec)
        store.add_cells([cell])


def _cut_back(session: RunSession, step: int) -> frozenset[int]:
    """The evaluations up to a checkpoint, the records cut back to it.

    Raises:
        NotRecorded: they do not reach so far.
    """
    try:
        session.folder.cut_back(step)
        return frozenset(record["step"] for record in session.folder.records() if record["kind"] == "evaluation")
    except Damaged as error:
        raise NotRecorded(
            session.id, f"goes on from step {step}, to which its records do not reach ({error.what})"
        ) from None


def _about(trainer: Any) -> dict[str, Any]:
    said = {name: getattr(trainer.args, name) for name in _SAID}
    words = {name: value if isinstance(value, int | float | type(None)) else str(value) for name, value in said.items()}
    return {
        "trainer": type(trainer).__name__,
        "arguments": words,
        "processes": trainer.args.world_size,
        "start": start_of(trainer.model),
    }
