"""A race of a Trainer's runs: each is set aside where the race is decided, and the best go on from there.

What a race is, how it is decided and what is kept of it is as in a study (:mod:`seedproof.study.racing`). Here is what a
Trainer needs beyond: a checkpoint of its own making, and the certainty that it can go on from it.

A run leaves before the step after the fraction begins, when its Trainer is done with all that belongs to the step before:
logs, evaluations, checkpoints, whatever its callbacks count. It leaves by an exception, because a Trainer that is told to
stop evaluates once more, loads its best weights and removes checkpoints.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers.trainer_utils import get_last_checkpoint, has_length

from seedproof.connect.arguments import SPACING, spaced_seed
from seedproof.connect.randomness import untouched_randomness
from seedproof.errors import UserError
from seedproof.events import Listener, Note
from seedproof.execution.race import Race, decisions
from seedproof.spec import RunSpec
from seedproof.store import Store
from seedproof.store.files import move_folder
from seedproof.study.planning import PlannedRun
from seedproof.study.racing import check_fraction, settle

FOLDER = "race"
"""Folder in a Trainer's ``output_dir`` with the checkpoint that was made for the race: its own are not touched."""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A run of which a training has begun."""

    run: str
    """Its id."""
    folder: Path
    """Folder of its Trainer."""


@dataclass(frozen=True, kw_only=True)
class SeedRace:
    """The race of a call of :func:`seedproof.run_seeds`."""

    race: Race
    numbers: tuple[int, ...]
    """Numbers of the runs that it starts."""

    def check_arguments(self, args: Any) -> None:
        """Refuse the arguments of a Trainer that cannot race.

        Raises:
            UserError: it says what to change.
        """
        if args.world_size > 1:
            raise UserError(
                f"the race {self.race} cannot be run in {args.world_size} processes, of which only the first sees the scores; "
                "leave the race out, or train in one process"
            )
        if args.ignore_data_skip:
            raise UserError(
                f"the race {self.race} lets runs go on from checkpoints, and with ignore_data_skip = True they would see other "
                "examples from there on; leave ignore_data_skip or the race out"
            )

    def enter(self, store: Store, spec: RunSpec, steps: int) -> None:
        """Refuse a run of so many steps that has none after the fraction, or is no part of the race that has begun; keep the
        race in its store.

        Raises:
            UserError: it says what to change.
        """
        cell, given = store.names().told_apart(spec), {str(spaced_seed(number)) for number in self.numbers}
        check_fraction(self.race, steps, f"{cell.recipe} on {cell.task}")
        there = [
            each.seed
            for each in store.cells()
            if (each.task, each.model, each.recipe) == (cell.task, cell.model, cell.recipe)
        ]
        if not given.issuperset(there):
            raise UserError(
                f"the race of {cell.recipe} on {cell.task} with {cell.model} in {store.path} was started with the seeds "
                f"{', '.join(there)} ({SPACING} times the numbers of its runs), and others cannot join it; give the same "
                "numbers, or choose another folder"
            )
        if Race.read(store.path) != self.race:
            self.race.write(store.path)

    def hold(self, out: Path, train: Callable[[Iterable[int]], Mapping[int, Begun]], tell: Listener) -> None:
        """Train to where the race is decided, decide it, and train those that go on to their end.

        Args:
            out: folder of the store.
            train: trains the runs of these numbers as far as they go.
            tell: told of every run that is stopped, and why the race cannot be decided yet.

        Raises:
            UserError: the runs are no race, because their task, model or settings differ.
        """
        begun = train(self.numbers)
        store = Store.open(out)
        going_on = self._settle(store, [each.run for each in begun.values()], tell)
        _clear(store, begun.values())
        train(number for number, each in begun.items() if each.run in going_on and not store.run(each.run).is_finished)
        _clear(store, begun.values())

    def _settle(self, store: Store, runs: Iterable[str], tell: Listener) -> frozenset[str]:
        """Decide the race if all of its runs have come so far, and stop those that do not go on; gives the ids of the others."""
        cells = {cell.id: cell for cell in store.cells()}
        planned = [PlannedRun(cells[id_], store.run(id_).spec) for id_ in dict.fromkeys(runs) if id_ in cells]
        names = sorted({f"{each.cell.recipe} on {each.cell.task} with {each.cell.model}" for each in planned})
        if len(names) > 1:
            raise UserError(
                f"the runs of a race differ in their seeds alone, and make_trainer made some of {' and some of '.join(names)}; "
                "give each of these a race of its own, or leave the race out"
            )
        if len(planned) < self.race.started:
            late = f"{self.race.started - len(planned)} of {self.race.started} runs have not begun"
            tell(
                Note(message=f"the race {self.race} is not decided: {late}; the others wait, and the same call goes on")
            )
            return frozenset()
        settle(store, planned, self.race, tell)
        chosen = {id_ for decision in decisions(store) for id_ in decision.going_on}
        return frozenset(each.spec.id for each in planned if each.spec.id in chosen)


def set_aside(trainer: Any) -> None:
    """Write a checkpoint of a Trainer into its race folder, whole or not at all, and tell nobody."""
    given, folder = trainer.args, Path(trainer.args.output_dir) / FOLDER
    partial = folder.with_name(f".{FOLDER}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    trainer.args = copy.copy(given)
    trainer.args.output_dir, trainer.args.push_to_hub, trainer.args.save_only_model = str(partial), False, False
    try:
        trainer._save_checkpoint(trainer.model, trial=None)
    finally:
        trainer.args = given
    move_folder(partial, folder)


def furthest_checkpoint(folder: Path) -> str | None:
    """The checkpoint of a Trainer in its folder from which most steps are done, its own or the one for the race."""
    found = [get_last_checkpoint(each) for each in (folder / FOLDER, folder) if each.is_dir()]
    return max(filter(None, found), key=lambda checkpoint: int(checkpoint.rpartition("-")[2]), default=None)


def _clear(store: Store, begun: Iterable[Begun]) -> None:
    """Remove what was set aside of runs that have ended."""
    for each in begun:
        if store.run(each.run).is_finished:
            shutil.rmtree(each.folder / FOLDER, ignore_errors=True)


def check_repeats(trainer: Any, batch: Any) -> None:
    """Refuse a Trainer whose data loader does not give the same micro-batch again, as it must where training goes on.

    Args:
        trainer: after a step; it does not train any more.
        batch: the last micro-batch of that step, as the loader gave it.

    Raises:
        UserError: it gives another.
    """
    with untouched_randomness():
        again = _last_batch(trainer)
    if not _is_same(batch, again):
        raise UserError(
            "a race lets runs go on from checkpoints, and this Trainer's data loader gave other examples at step "
            f"{trainer.state.global_step} than it gives when it is asked for them again, so that a run would go on with other "
            "data than without a pause; draw nothing at random where examples are read or collated, let their order follow "
            "from the seed, or leave the race out, in another folder"
        )


def _last_batch(trainer: Any) -> Any:
    """The last micro-batch before now as a Trainer that goes on would find it: a new loader, and those before skipped."""
    from accelerate import skip_first_batches

    accumulation, loader = trainer.args.gradient_accumulation_steps, trainer.get_train_dataloader()
    batches = len(loader) if has_length(loader) else trainer.state.max_steps * accumulation
    epoch, step = divmod(trainer.state.global_step - 1, -(-batches // accumulation))
    rest = skip_first_batches(loader, min((step + 1) * accumulation, batches) - 1)
    parts: tuple[Any, ...] = (rest, getattr(getattr(rest, "batch_sampler", None), "batch_sampler", None))
    for part in parts:
        if hasattr(part, "set_epoch"):
            part.set_epoch(epoch)
    return next(iter(rest), None)


def _is_same(batch: Any, again: Any) -> bool:
    """Whether two batches hold the same, wherever both have a tensor of some name."""
    if not isinstance(batch, Mapping) or not isinstance(again, Mapping):
        return False
    shared = [name for name in batch if isinstance(batch[name], torch.Tensor) and name in again]
    return bool(shared) and all(torch.equal(batch[name], again[name]) for name in shared)
