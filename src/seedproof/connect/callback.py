"""The callback that watches a Trainer: two lines in a script that trains already.

    from seedproof.connect import StabilityCallback
    trainer.add_callback(StabilityCallback("out/mine"))

The Trainer's events give neither the loss of a step nor the data, and none precedes the clipping. So at the beginning of
training the callback looks for the Trainer that calls it, and watches it for as long as it trains: its ``training_step``
for the loss, the model's outputs, the gradients (docs/decisions/trainer.md).
"""

from __future__ import annotations

import dataclasses
import logging
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from transformers import Trainer, TrainerCallback

from seedproof import events
from seedproof.alarms import Alarm, Doomed
from seedproof.connect.data import ObservedData, observed_data
from seedproof.connect.gradients import GradientHooks, scale_of
from seedproof.connect.losses import LossTap
from seedproof.connect.outputs import OutputTap, is_in_order
from seedproof.connect.recorder import Recorder
from seedproof.connect.settings import NAME
from seedproof.connect.storing import NotRecorded, Observed, open_run
from seedproof.errors import UserError
from seedproof.events import Listener
from seedproof.execution.ending import reference_loss
from seedproof.execution.guard import Guard
from seedproof.execution.recording import Recording
from seedproof.execution.stopping import Stopped
from seedproof.probes import make_probes
from seedproof.training.observing import ModelView, Watch

logger = logging.getLogger("seedproof.connect")

LIKELY = partial(Doomed, 0.5)
"""The detector as a warning: of a run that is likelier than not to fail (docs/detector.md)."""
_NOT_SEEN = frozenset({"gradients"})
"""What probes may need and a Trainer does not show: its gradients are clipped by the time that anything could read them."""


class StabilityCallback(TrainerCallback):  # type: ignore[misc]  # Transformers has no types
    """Records a Trainer's runs into a store that ``seedproof study summary`` and ``seedproof report`` open.

    Loss of every step, also where the Trainer's filter hides that it is not finite; predictions, scores and entropy at every
    evaluation, and at the end if there was none; gradient norms before clipping, saturation of the pooler and distance from
    the start, as a study records them. It changes nothing of the training. What it says goes to the logger
    ``seedproof.connect`` and to ``listeners``.

    In several processes the first one records: losses and gradient norms are then of its own part of each batch.

    Args:
        out: folder of the store: new, empty, or one that this callback wrote; every training adds a run.
        task: name of the data in tables; None: that of the data set, or ``data``.
        recipe: name of the settings in tables; where they differ from those of the first such run, that is added.
        metric: judges the runs; None: as for a table of one's own.
        recording: what to record and keep; None: as a study does, the gradients every 10 steps. Evaluations are the Trainer's.
        alarm: makes the rule that warns of a doomed run, anew for each; None: nothing warns. By default the detector warns of a
            run that is likelier than not to fail; with ``stop`` it is ``Doomed``, which must be surer.
        stop: end a training for which the alarm sounds, and store its run as stopped (docs/race.md). ``"validated"``: only where
            the alarm's false alarms were measured on the model that is trained, and are rare; True: always.
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
        if stop not in (False, True, "validated"):
            raise UserError(f'stop = {stop!r} is not valid; give True, False or "validated"')
        self._task, self._recipe, self._metric, self._stop = task, recipe, metric, stop
        self._alarm = Doomed if stop and alarm is LIKELY else alarm
        self._recording = Recording() if recording is None else recording
        self._listeners = tuple(listeners)
        self._watching: _Watching | None = None
        self.must_record = False
        """End the training before its first step, by :class:`NotRecorded`, where nothing of it would be recorded."""
        self.has_begun = False
        """Whether a run was opened."""

    # Events, in the order in which a Trainer tells them.

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Open the run's folder and watch."""
        self.leave(None)
        trainer = _calling_trainer(self)
        if self._stop and args.world_size > 1:
            raise UserError(
                f"stop = {self._stop!r} cannot end a training in {args.world_size} processes, of which only the first sees the "
                "alarm; leave stop out, or train in one process"
            )
        if not state.is_world_process_zero:
            return
        if args.n_gpu > 1:
            raise UserError(
                f"the Trainer splits its batches between {args.n_gpu} GPUs in one process, of which no part can be watched; "
                "start the script with torchrun, or show it one GPU (CUDA_VISIBLE_DEVICES=0)"
            )
        data = observed_data(trainer, name=self._task, metric=self._metric)
        try:
            run = open_run(trainer, data, self.out, self._recipe, self._recording, self._tell)
        except NotRecorded as stopped:
            if self.must_record:
                raise
            self._tell(events.Note(run=stopped.run, message=f"{stopped}; this training is not recorded"))
        else:
            self.has_begun = True
            guard = None if self._alarm is None else _guard(self._alarm(), self._stop, trainer, data, run)
            self._watching = _Watching(trainer, data, run, guard, self._failed)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Switch the hooks on where this step is looked at."""
        self._do(lambda watching: watching.begin_step(state.global_step + 1))

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Take the step; keep it safe before a checkpoint is written; end the training where the alarm has stopped it."""
        self._do(
            lambda watching: watching.end_step(state.global_step, kwargs.get("optimizer"), saves=control.should_save)
        )
        if self._watching is not None and self._watching.is_stopped:
            control.should_training_stop = True

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Read the scale of the gradients, before the scaler changes it."""
        self._do(lambda watching: watching.before_update(kwargs.get("optimizer")))

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Keep the records safe before a checkpoint is written."""
        self._do(lambda watching: watching.recorder.seal() if control.should_save else None)

    def on_prediction_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Note which data the model's outputs are of."""
        self._do(lambda watching: watching.note_loader(kwargs.get("eval_dataloader")))

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Record the predictions of an evaluation."""
        self._do(lambda watching: watching.evaluated(state.global_step, kwargs.get("metrics") or {}))

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Write the result."""
        self._do(lambda watching: watching.finish(state))
        self.leave(None)

    def leave(self, error: BaseException | None) -> None:
        """Watch no longer; a run that is not finished is noted as crashed by ``error``, or as interrupted.

        A Trainer says nothing of errors outside of its steps; until its process ends, such a run stands as running.
        """
        watching, self._watching = self._watching, None
        if watching is not None:
            watching.leave(error)

    def _failed(self, error: BaseException) -> None:
        self.leave(error)

    def _do(self, act: Callable[[_Watching], Any]) -> None:
        """Do something for the run that is watched. What goes wrong ends the watching, never the training."""
        if self._watching is None:
            return
        try:
            act(self._watching)
        except Exception as error:
            logger.warning("this run is not recorded any further: %s: %s", type(error).__name__, error)
            self.leave(error)

    def _tell(self, event: events.Event) -> None:
        match event:
            case events.Note():
                logger.warning("run %s %s", event.run[:8], event.message)
            case events.Crashed() | events.Held():
                logger.warning("run %s: %s", event.run[:8], event.message)
            case events.Finished():
                failed = f", {event.outcome} ({event.reason})" if event.reason else ""
                score = "no score" if event.score is None else f"score {event.score:.3f}"
                logger.info("run %s is finished: %s%s", event.run[:8], score, failed)
        for listener in self._listeners:
            listener(event)


class _Watching:
    """A Trainer while it trains one run, and all that is hung onto it."""

    def __init__(
        self,
        trainer: Any,
        data: ObservedData,
        run: Observed,
        guard: Guard | None,
        failed: Callable[[BaseException], None],
    ) -> None:
        self._trainer, self._data, self._session = trainer, data, run.session
        probes = make_probes(run.session.recording.probes)
        unseen = [probe.name for probe in probes if _NOT_SEEN & set(probe.needs)]
        if run.resumed and (moved := [probe.name for probe in probes if "distances" in probe.needs]):
            unseen += moved  # the start is gone
            run.session.note(
                f"goes on from a checkpoint, so what it measures from its start is no longer recorded: {', '.join(moved)}"
            )
        model = trainer.model
        watch = Watch([probe for probe in probes if probe.name not in unseen], run.evaluated, model)
        self._view = ModelView(model, watch)
        self._session.guard = guard
        self.recorder = Recorder(run.session, data, watch, self._view, trainer.state.max_steps)
        self.recorder.evaluated |= set(run.evaluated)
        self._outputs = OutputTap(trainer, self._view.take_logits)
        self._losses = LossTap(trainer, self._outputs, failed)
        self._gradients = GradientHooks(model)
        self._scale = 1.0
        self._needs: frozenset[str] = frozenset()
        self._seen: Mapping[str, Any] = {}
        self._begin_evaluation()
        self._loader: Any = None
        if not run.resumed:
            self.recorder.begin(run.about)

    def begin_step(self, step: int) -> None:
        self._needs = self.recorder.watch.needs("steps", step)
        self._view.begin(self._needs)
        self._gradients.begin(looks="gradient_norms" in self._needs)

    def before_update(self, optimizer: Any) -> None:
        self._scale = scale_of(optimizer)
        needs = self._needs - {"gradient_norms", "loss"}
        self._seen = self._view.see(needs) if needs else {}

    def _begin_evaluation(self) -> None:
        self._view.begin(self.recorder.watch.needs("evaluations"))

    def end_step(self, step: int, optimizer: Any, *, saves: bool) -> None:
        loss = self._losses.take()
        if loss is not None:
            skipped = bool(getattr(optimizer, "step_was_skipped", False))
            norms = self._gradients.take()
            self.recorder.add_step(step, loss, norms, self._seen, scale=self._scale, skipped=skipped)
        self._outputs.clear()
        self._begin_evaluation()  # one may follow
        if saves:
            self.recorder.seal()

    @property
    def is_stopped(self) -> bool:
        """Whether the alarm has stopped the run."""
        return self._session.stopped is not None

    def note_loader(self, loader: Any) -> None:
        self._loader = loader

    def evaluated(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Take the outputs of the Trainer's own evaluation, or predict anew where their order is not that of the data."""
        split = self._split_of(metrics)
        outputs, loader, self._loader = self._outputs.seen(), self._loader, None
        if split is None or step in self.recorder.evaluated:
            return
        dataset = self._data.evaluation[split]
        is_whole = len(outputs) == len(dataset) and is_in_order(loader) and self._trainer.args.world_size == 1
        if not is_whole:
            self._begin_evaluation()
            outputs = self._outputs.predict(dataset)
        self.recorder.add_outputs(step, split, outputs)

    def _split_of(self, metrics: Mapping[str, Any]) -> str | None:
        """The split of the task that an evaluation was of, told from the names of its metrics; None: of other data."""
        given = self._trainer.eval_dataset
        if not isinstance(given, Mapping):
            return "dev" if "eval_runtime" in metrics else None
        names = dict(zip(given, self._data.evaluation, strict=True))
        return next((split for name, split in names.items() if f"eval_{name}_runtime" in metrics), None)

    def finish(self, state: Any) -> None:
        """Evaluate the weights of the end where nobody has, and write the result."""
        step, trainer = state.global_step, self._trainer
        if self._session.stopped is not None and step < state.max_steps:
            self._finish_stopped(self._session.stopped, step)
            return
        at = step
        if trainer.args.load_best_model_at_end and state.best_model_checkpoint is not None:
            at = int(str(state.best_model_checkpoint).rpartition("-")[2])  # these weights are loaded by now
        if at not in self.recorder.evaluated:
            self._begin_evaluation()
            self.recorder.forget_outputs()
            for split, dataset in self._data.evaluation.items():
                self.recorder.add_outputs(at, split, self._outputs.predict(dataset))
        if self._losses.factor != 1:
            self._session.note(
                f"has losses and gradients {self._losses.factor:g} times too large: its Trainer does not divide those of this "
                "model by its micro-batches and processes; recorded losses are divided, gradient norms are as they were"
            )
        ended = self.recorder.ended(step, at)
        if self._session.recording.weights:
            self._session.keep_weights(partial(_write_weights, trainer))
        self.remove()
        self._session.finish(ended, {"steps": step, "steps_per_epoch": min(self._steps_per_epoch, step)})

    def _finish_stopped(self, stopped: Stopped, step: int) -> None:
        """Write the result of a training that the alarm has ended; its last evaluation is the last there was."""
        self.recorder.flush()
        self.remove()
        steps = self._trainer.state.max_steps
        about = {"steps": steps, "steps_per_epoch": min(self._steps_per_epoch, steps)}
        self._session.finish(dataclasses.replace(stopped, at=step), about)

    @property
    def _steps_per_epoch(self) -> int:
        state = self._trainer.state
        return max(1, round(int(state.max_steps) / max(1e-9, float(state.num_train_epochs))))

    def leave(self, error: BaseException | None) -> None:
        """Let go of the run, which is not finished unless :meth:`finish` was called."""
        self.remove()
        if not self._session.is_open:
            return
        if error is None or isinstance(error, KeyboardInterrupt):
            self._session.interrupt()
        else:
            self._session.crash(error)

    def remove(self) -> None:
        """Take everything off the Trainer."""
        for each in (self._losses, self._gradients, self._outputs, self._view):
            each.remove()


def _guard(alarm: Alarm, stop: bool | Literal["validated"], trainer: Any, data: ObservedData, run: Observed) -> Guard:
    """The alarm over a run, with what was recorded of it before its Trainer's checkpoint."""
    may_stop = alarm.may_stop(run.session.spec.model.fingerprint) if stop == "validated" else bool(stop)
    guard = Guard(alarm, steps=trainer.state.max_steps, reference_loss=reference_loss(data.task), may_stop=may_stop)
    if run.resumed:
        guard.catch_up(run.session.folder.records())
    return guard


def _write_weights(trainer: Any, folder: Path) -> None:
    trainer.model.save_pretrained(folder)
    if hasattr(trainer.processing_class, "save_pretrained"):
        trainer.processing_class.save_pretrained(folder)


def _calling_trainer(callback: TrainerCallback) -> Any:
    """The Trainer that calls a callback: none of its events hands it over, so it is looked for among the callers.

    Raises:
        UserError: something else calls.
    """
    frame = sys._getframe(1)
    while frame is not None:
        found = frame.f_locals.get("self")
        if isinstance(found, Trainer) and callback in found.callback_handler.callbacks:
            return found
        frame = frame.f_back  # type: ignore[assignment]
    raise UserError("StabilityCallback watches a Trainer of Transformers, or one derived from it; add it to one")
