"""Anyone's Trainer over several seeds, as a study runs its own: recorded, resumed, with results."""

from __future__ import annotations

import contextlib
import copy
import inspect
import logging
import os
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seedproof.connect.arguments import spaced_seed
from seedproof.errors import UserError
from seedproof.events import Listener
from seedproof.execution.race import Race
from seedproof.execution.recording import Recording
from seedproof.study.racing import as_race, recorded_for, seeds_of
from seedproof.study.results import Results, open_results

if TYPE_CHECKING:
    from seedproof.connect.callback import StabilityCallback
    from seedproof.connect.racing import Begun

logger = logging.getLogger("seedproof.connect")

MakeTrainer = Callable[[int], Any]
"""Makes a Trainer for the number of a run; with its model, or with ``model_init``."""
SEEDS = 5
"""How many runs are trained where nobody says."""
_NUMBERS = ("number", "seed")
"""Parameters of a factory that are given the number of the run, wherever they stand and whether they have a default or not."""


def run_seeds(
    make_trainer: MakeTrainer,
    seeds: int | Iterable[int] | None = None,
    *,
    out: str | os.PathLike[str],
    task: str | None = None,
    recipe: str = "trainer",
    metric: str | None = None,
    recording: Recording | None = None,
    stop: bool | Literal["validated"] = False,
    race: Race | str | None = None,
    listeners: Sequence[Listener] = (),
) -> Results:
    """Train a Trainer once for each seed, recorded into the store ``out``.

    The Trainer of number k is given the seed 1000 k, whatever its factory says: neighbouring seeds of a Trainer share their
    data orders (:func:`seedproof.connect.spaced_seed`). The generators are seeded with it before the factory is called, so a
    head that the factory draws follows from the seed too, as one that ``model_init`` draws does. Each run has a folder of
    its own in the ``output_dir`` of its Trainer, whose arguments are copied: a factory may share them among its Trainers.

    The same call again goes on: finished runs are not repeated, a run that was stopped goes on from its Trainer's last
    checkpoint, where it kept one, or starts again. Which of these, is said. A run that crashes, wherever in its training, is
    noted, and the others go on, unless none has finished yet.

    In a race every run trains to its fraction of the steps and waits there, with a checkpoint in the folder ``race`` of its
    Trainer's; then the best go on in new Trainers, to the bits that they would have had without a pause (on a CPU, and where
    all that trains is in a Trainer's checkpoints), and the others are stored as stopped.

    Args:
        make_trainer: makes a new Trainer, and its model, at every call. It is given the number of the run as its parameter
            ``number`` or ``seed``, else as its first, if that has no default; else nothing: a default stays what it is.
        seeds: numbers of the runs, each at most 4,294,966; a number n stands for 0 to n - 1; None: as many as the race starts,
            without one 5.
        out: folder of the store: new, empty, or one that the callback wrote.
        task, recipe, metric, recording, listeners: as for :class:`seedproof.connect.StabilityCallback`.
        stop: as for the callback; in a race at least ``"validated"``.
        race: ``"10:5"``: of 10 runs only those 5 go on after 30 % of training that are the best so far on the development set;
            ``"10:5@0.2"``: after 20 % (docs/race.md). None: every run goes to its end.

    Returns:
        The results of all runs in ``out``, as a study's.

    Raises:
        UserError: a seed outside its range, a factory that makes no Trainer, or gives two of them one model, a race that is
            none, is another than that of ``out``, or that a Trainer cannot be in, or as the callback raises.
    """
    from seedproof.connect.callback import StabilityCallback
    from seedproof.connect.racing import SeedRace

    chosen = as_race(race, stop_doomed=race is not None and stop is True)
    numbers = [seed.head for seed in seeds_of(chosen, SEEDS if seeds is None and chosen is None else seeds)]
    held = None if chosen is None else SeedRace(race=chosen, numbers=tuple(numbers))
    if chosen is not None:
        recording, stop = recorded_for(chosen, recording or Recording()), chosen.stop_doomed or stop or "validated"

    def watching() -> StabilityCallback:
        callback = StabilityCallback(
            out, task=task, recipe=recipe, metric=metric, recording=recording, stop=stop, listeners=listeners
        )
        callback.must_record = callback.draws_head = True
        callback.race = held
        return callback

    train = partial(_train_all, make_trainer, watching, weakref.WeakSet())
    if held is None:
        train(numbers)
    else:
        held.hold(Path(out), train, watching().tell)
    return open_results(out)


def _train_all(
    make_trainer: MakeTrainer,
    watching: Callable[[], StabilityCallback],
    models: weakref.WeakSet[Any],
    numbers: Iterable[int],
) -> dict[int, Begun]:
    """Train each of the numbers as far as it goes; gives the runs that have begun, now or before."""
    spaced = {number: spaced_seed(number) for number in numbers}
    begun: dict[int, Begun] = {}
    done = 0
    for number, seed in spaced.items():
        callback = watching()
        make = partial(_seeded, make_trainer, number, seed, callback, models)
        try:
            _train(make, number, seed, callback)
            done += 1
        except UserError:
            raise
        except Exception as error:
            if not done:
                raise
            logger.warning("seed %d crashed (%s: %s); the others go on", number, type(error).__name__, error)
        if callback.begun is not None:
            begun[number] = callback.begun
    return begun


def _seeded(
    make_trainer: MakeTrainer, number: int, seed: int, callback: StabilityCallback, models: weakref.WeakSet[Any]
) -> Any:
    """The Trainer of a run, made where the generators have its seed."""
    from transformers import set_seed

    set_seed(seed)
    return _prepared(_made(make_trainer, number, models), seed, callback)


def _made(make_trainer: Callable[..., Any], number: int, models: weakref.WeakSet[Any]) -> Any:
    """The Trainer of a run, whose model is none of the ``models`` of Trainers before it, and becomes one of them."""
    from transformers import Trainer

    positional, named = _numbers_for(make_trainer, number)
    trainer = make_trainer(*positional, **named)
    if not isinstance(trainer, Trainer):
        raise UserError(
            f"make_trainer gave {type(trainer).__name__}; it must return a Trainer of Transformers, not trained yet"
        )
    if trainer.model_init is None and trainer.model in models:
        raise UserError(
            f"make_trainer gave run {number} the model of an earlier Trainer, which is trained by now and whose head no seed "
            "determines; load the model inside of make_trainer, or give the Trainer model_init"
        )
    models.add(trainer.model)
    return trainer


def _numbers_for(make_trainer: Callable[..., Any], number: int) -> tuple[tuple[int, ...], dict[str, int]]:
    """The number of a run as a factory takes it: by position and by name."""
    parameters = inspect.signature(make_trainer).parameters.values()
    by_name = {each.name for each in parameters if each.kind in (each.POSITIONAL_OR_KEYWORD, each.KEYWORD_ONLY)}
    if named := next((name for name in _NUMBERS if name in by_name), None):
        return (), {named: number}
    first = next(iter(parameters), None)
    is_asked = (
        first is not None and first.default is first.empty and first.kind not in (first.KEYWORD_ONLY, first.VAR_KEYWORD)
    )
    return ((number,) if is_asked else ()), {}


def _prepared(trainer: Any, seed: int, callback: StabilityCallback) -> Any:
    """The Trainer with its seed, a folder of its own, and the callback in place of one that it may have."""
    from seedproof.connect.callback import StabilityCallback

    args = trainer.args = copy.copy(trainer.args)
    args.seed = seed
    args.data_seed = None
    trainer.accelerator.dataloader_config.data_seed = None  # it was copied from the arguments already
    args.output_dir = str(Path(args.output_dir) / f"seed-{seed}")
    trainer.pop_callback(StabilityCallback)
    trainer.add_callback(callback)
    return trainer


@contextlib.contextmanager
def _left(callback: StabilityCallback) -> Iterator[None]:
    """Let go of the run of a training that ends with an error: outside of its steps a Trainer tells nobody."""
    try:
        yield
    except BaseException as error:
        callback.leave(error)
        raise


def _train(make: Callable[[], Any], number: int, seed: int, callback: StabilityCallback) -> None:
    """Train, or go on from the last checkpoint; nothing where the run is finished, or waits for its race."""
    from transformers import set_seed

    from seedproof.connect.racing import furthest_checkpoint
    from seedproof.connect.storing import NotRecorded, SetAside

    trainer = make()
    checkpoint = furthest_checkpoint(Path(trainer.args.output_dir))
    if checkpoint is not None:
        try:
            set_seed(seed)
            with _left(callback):
                trainer.train(resume_from_checkpoint=checkpoint)
        except SetAside:
            return
        except NotRecorded as stopped:
            if stopped.is_finished:
                logger.warning("seed %d is finished already", number)
                return
            logger.warning("seed %d starts again: %s", number, stopped)
        except Exception as error:
            if callback.has_begun or isinstance(error, UserError):
                raise
            logger.warning("seed %d starts again: its checkpoint %s cannot be read (%s)", number, checkpoint, error)
        else:
            logger.warning("seed %d went on from %s", number, checkpoint)
            return
        trainer = make()
    set_seed(seed)
    try:
        with _left(callback):
            trainer.train()
    except SetAside:
        return
    except NotRecorded as stopped:
        if not stopped.is_finished:
            raise UserError(f"seed {number} cannot be recorded: {stopped}") from None
        logger.warning("seed %d is finished already", number)
