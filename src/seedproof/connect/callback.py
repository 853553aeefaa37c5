"""The callback that watches a Trainer: two lines in a script that trains already.

    from seedproof.connect import StabilityCallback
    trainer.add_callback(StabilityCallback("out/mine"))

The Trainer's events give neither the loss of a step nor the data, and none precedes the clipping. So at the beginning of
training the callback looks for the Trainer that calls it, and watches it for as long as it trains
(:mod:`seedproof.connect.watching`): its ``training_step`` for the loss, the model's outputs, the gradients
(docs/decisions/trainer.md).
"""

from __future__ import annotations

import logging
import os
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from transformers import TrainerCallback

from seedproof import events
from seedproof.alarms import Alarm
from seedproof.connect.alarm import LIKELY, chosen_alarm, guard_over
from seedproof.connect.data import ObservedData, observed_data
from seedproof.connect.quiet import quiet
from seedproof.connect.racing import Begun, SeedRace
from seedproof.connect.settings import NAME, observed_spec
from seedproof.connect.storing import NotRecorded, Observed, let_go, open_run, told_apart
from seedproof.connect.watching import Watching, calling_trainer
from seedproof.errors import UserError
from seedproof.events import Listener
from seedproof.execution.recording import Recording

logger = logging.getLogger("seedproof.connect")
_CALLBACKS: weakref.WeakSet[StabilityCallback] = weakref.WeakSet()
"""Those of this process that have watched a run."""


class StabilityCallback(TrainerCallback):  # type: ignore[misc]  # Transformers has no types
    """Records a Trainer's runs into a store that ``seedproof study summary`` and ``seedproof report`` open.

    Loss of every step, also where the Trainer's filter hides that it is not finite; predictions, scores and entropy at every
    evaluation, and at the end if there was none; gradient norms before clipping, saturation of the pooler and distance from
    the start, as a study records them. It changes nothing of the training. What it says goes to the logger
    ``seedproof.connect`` and to ``listeners``.

    In several processes the first one records: losses and gradient norms are then of its own part of each batch.

    Args:
        out: folder of the store: new, empty, or one that this callback wrote; every training adds a run, but for one that is
            there already, with the same settings, seed and weights to begin with.
        task: name of the data in tables; None: that of the data set, or ``data``.
        recipe: name of the settings in tables; where they differ from those of the first such run, that is added.
        metric: judges the runs; None: as for a table of one's own.
        recording: what to record and keep; None: as a study does, the gradients every 10 steps. Evaluations are the Trainer's.
        alarm: makes the rule that warns of a doomed run, anew for each; None: nothing warns. By default the detector warns of a
            run that is likelier than not to fail; with ``stop`` it is ``Doomed``, which must be surer.
        stop: end a training for which the alarm sounds, and store its run as stopped (docs/race.md). ``"validated"``: only where
            the alarm's false alarms were measured on the model that is trained, and are rare; True: always. Where it may end
            the training, one whose loss is not finite ends too, and its run has failed.
        listeners: each is called with every event (:mod:`seedproof.events`).

    Raises:
        UserError: as training begins, before the first step: the Trainer has no development set or what it learns is neither
            classes nor numbers, or ``out`` is something else. Later nothing is raised into a training.
    """

    def __init__(
        self,
        out: str | os.PathLike[str],
        *,
        task: str | None = None,
        recipe: str = NAME,
        metric: str | None = None,
        recording: Recording | None = None,
        alarm: Callable[[], Alarm] | None = LIKELY,
        stop: bool | Literal["validated"] = False,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self.out = Path(out)
        self._task, self._recipe, self._metric, self._stop = task, recipe, metric, stop
        self._alarm = chosen_alarm(alarm, stop)
        self._recording = Recording() if recording is None else recording
        self._listeners = tuple(listeners)
        self._watching: Watching | None = None
        self.must_record = False
        """End the training before its first step, by :class:`NotRecorded`, where nothing of it would be recorded."""
        self.draws_head = False
        """The Trainer's model was made, head and all, after its seed was set: :func:`seedproof.run_seeds` sees to that."""
        self.race: SeedRace | None = None
        """The race that the run is in; :func:`seedproof.run_seeds` catches what ends a training there, :class:`SetAside`."""
        self.begun: Begun | None = None
        """The run, as soon as it is known."""
        self.has_begun = False
        """Whether a run was opened."""

    # Events, in the order in which a Trainer tells them.

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open the run's folder and watch."""
        self.leave(None)
        trainer = calling_trainer(self)
        if self.race is not None:
            self.race.check_arguments(args)
        self._check_processes(args)
        if not state.is_world_process_zero:
            return
        data = observed_data(trainer, name=self._task, metric=self._metric)
        try:
            named = observed_spec(trainer, data, name=self._recipe, draws_head=self.draws_head)
            seen = told_apart(trainer, named, self.out)
            self.begun = Begun(run=seen.spec.id, folder=Path(args.output_dir))
            _release(self.out, seen.spec.id)
            run = open_run(trainer, data, seen, self.out, self._recording, self.tell, self.race)
        except NotRecorded as stopped:
            if self.must_record:
                raise
            self.tell(events.Note(run=stopped.run, message=f"{stopped}; this training is not recorded"))
        else:
            self._begin(run, data, trainer)
            self._set_aside(state, saves=False)  # where its checkpoint is that of the race

    def _begin(self, run: Observed, data: ObservedData, trainer: Any) -> None:
        """Watch the Trainer train the run, which is let go of where that cannot be."""
        self.has_begun = True
        try:
            guard = None if self._alarm is None else guard_over(run, data, trainer, self._alarm(), self._stop)
            self._watching = Watching(trainer, data, run, guard, self.leave, self._stumble)
            _CALLBACKS.add(self)
            self._watching.begin(run)
        except BaseException as error:
            self.leave(error)
            let_go(run.session, error)  # where nothing watched yet
            raise

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Set the run aside where its race is decided, before the order of this epoch is drawn."""
        self._set_aside(state, saves=True)

    def _set_aside(self, state: Any, *, saves: bool) -> None:
        """End the training where the run waits for its race to be decided."""
        if self._watching is not None and self._watching.is_awaited(state):
            ended = self._watching.set_aside(state, saves=saves)
            self.leave(None)
            raise ended

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Set the run aside where its race is decided; else switch the hooks on where this step is looked at."""
        self._set_aside(state, saves=True)
        self._do(lambda watching: watching.begin_step(state.global_step + 1))

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Take the step; keep it safe before a checkpoint is written; end the training where that was asked for."""
        self._do(
            lambda watching: watching.end_step(state.global_step, kwargs.get("optimizer"), saves=control.should_save)
        )
        if self._watching is not None and self._watching.is_over:
            control.should_training_stop = True

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Read the scale of the gradients, before the scaler changes it."""
        self._do(lambda watching: watching.before_update(kwargs.get("optimizer")))

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Keep the records safe before a checkpoint is written."""
        self._do(lambda watching: watching.recorder.seal() if control.should_save else None)

    def on_prediction_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Note which data the model's outputs are of."""
        self._do(lambda watching: watching.evaluations.note_loader(kwargs.get("eval_dataloader")))

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Record the predictions of an evaluation."""
        self._do(lambda watching: watching.evaluations.take(state.global_step, kwargs.get("metrics") or {}))

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the result."""
        self._do(lambda watching: watching.finish(state))
        self.leave(None)

    def leave(self, error: BaseException | None) -> None:
        """Watch no longer; a run that is not finished is noted as crashed by ``error``, or as interrupted.

        A Trainer says nothing of errors outside of its steps; such a run stands as running until it is trained again, or its
        process ends.
        """
        watching, self._watching = self._watching, None
        if watching is not None:
            quiet(watching.leave, _log_the_end)(error)

    def _check_processes(self, args: Any) -> None:
        """Refuse a training in processes that cannot be watched, or ended."""
        if self._stop and args.world_size > 1:
            raise UserError(
                f"stop = {self._stop!r} cannot end a training in {args.world_size} processes, of which only the first sees the "
                "alarm; leave stop out, or train in one process"
            )
        if args.n_gpu > 1:
            raise UserError(
                f"the Trainer splits its batches between {args.n_gpu} GPUs in one process, of which no part can be watched; "
                "start the script with torchrun, or show it one GPU (CUDA_VISIBLE_DEVICES=0)"
            )

    def _do(self, act: Callable[[Watching], Any]) -> None:
        """Do something for the run that is watched. What goes wrong ends the watching, never the training."""
        if self._watching is not None:
            quiet(act, self._stumble)(self._watching)

    def _stumble(self, error: Exception) -> None:
        """End the recording, and say why; of what several hooks stumble over in a step, the first is said."""
        if self._watching is not None:
            logger.warning("this run is not recorded any further: %s: %s", type(error).__name__, error)
            self.leave(error)

    def tell(self, event: events.Event) -> None:
        """Say what happens to a run, and tell the listeners."""
        match event:
            case events.Note(run=""):
                logger.warning("%s", event.message)
            case events.Note():
                logger.warning("run %s %s", event.run[:8], event.message)
            case events.Paused():
                logger.info("run %s waits at step %d until its race is decided", event.run[:8], event.step)
            case events.Crashed() | events.Held():
                logger.warning("run %s: %s", event.run[:8], event.message)
            case events.Finished():
                failed = f", {event.outcome} ({event.reason})" if event.reason else ""
                score = "no score" if event.score is None else f"score {event.score:.3f}"
                logger.info("run %s is finished: %s%s", event.run[:8], score, failed)
        for listener in self._listeners:
            listener(event)


def _log_the_end(error: Exception) -> None:
    logger.warning("how this run ended could not be noted: %s: %s", type(error).__name__, error)


def _release(out: Path, run: str) -> None:
    """Let go of a run that an earlier training of this process still holds, as in a notebook where a cell is mended."""
    for callback in tuple(_CALLBACKS):
        if callback._watching is not None and callback._watching.is_left(out, run):
            callback.leave(None)
