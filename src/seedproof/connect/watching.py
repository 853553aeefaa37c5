"""A Trainer while it is watched: who it is, and what is hung onto it for one run."""

from __future__ import annotations

import dataclasses
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import Trainer, TrainerCallback
from transformers.trainer_utils import has_length

from seedproof.connect.data import ObservedData
from seedproof.connect.evaluations import Evaluations
from seedproof.connect.gradients import GradientHooks, scale_of
from seedproof.connect.losses import LossTap
from seedproof.connect.outputs import OutputTap
from seedproof.connect.quiet import Stumbled, quiet
from seedproof.connect.racing import check_repeats, set_aside
from seedproof.connect.recorder import Recorder
from seedproof.connect.storing import Observed, SetAside, let_go
from seedproof.errors import UserError
from seedproof.execution.guard import Guard
from seedproof.execution.outcome import Ended, Trained
from seedproof.probes import make_probes
from seedproof.training.observing import ModelView, Watch

_NOT_SEEN = frozenset({"gradients"})
"""What probes may need and a Trainer does not show: its gradients are clipped by the time that anything could read them."""


class Watching:
    """A Trainer while it trains one run, and all that is hung onto it.

    Args:
        trainer: which trains.
        data: that it learns from.
        run: open.
        guard: the alarm over it; None: there is none.
        failed: called with whatever ends a step.
        stumbled: told what goes wrong in recording, wherever the Trainer or its model calls.
    """

    def __init__(
        self,
        trainer: Any,
        data: ObservedData,
        run: Observed,
        guard: Guard | None,
        failed: Callable[[BaseException], None],
        stumbled: Stumbled,
    ) -> None:
        self._trainer, self._session = trainer, run.session
        self._session.guard = guard
        watch = _watch_over(run, trainer.model)
        self._view = ModelView(trainer.model, watch, hung=lambda hook: quiet(hook, stumbled))
        self.recorder = Recorder(run.session, data, watch, self._view, trainer.state.max_steps)
        self.recorder.evaluated |= set(run.evaluated)
        self._outputs = OutputTap(trainer, self._view.take_logits, stumbled)
        self._losses = LossTap(trainer, self._outputs, failed, stumbled, self._doubt)
        self._gradients = GradientHooks(trainer.model, stumbled)
        self._scale = 1.0
        self._needs: frozenset[str] = frozenset()
        self._seen: Mapping[str, Any] = {}
        self.evaluations = Evaluations(trainer, data, self._outputs, self.recorder)

    def begin(self, run: Observed) -> None:
        """Record what is known before the first step of the run, and let its probes start."""
        self.evaluations.begin()
        self.recorder.begin(self._trainer.state.global_step, None if run.resumed else run.about)

    def _doubt(self, message: str) -> None:
        """Say, and store, what is not sure of the recorded losses."""
        self._session.note(message)
        self.recorder.observe({"loss_in_doubt": message})

    def begin_step(self, step: int) -> None:
        """Switch on what looks at this step."""
        self._needs = self.recorder.watch.needs("steps", step)
        self._view.begin(self._needs)
        self._gradients.begin(looks="gradient_norms" in self._needs)

    def before_update(self, optimizer: Any) -> None:
        """See the model before its weights change."""
        self._scale = scale_of(optimizer)
        needs = self._needs - {"gradient_norms", "loss"}
        self._seen = self._view.see(needs) if needs else {}

    def end_step(self, step: int, optimizer: Any, *, saves: bool) -> None:
        """Record a step; where the Trainer saves a checkpoint after it, so that it is safe."""
        loss = self._losses.take()
        if loss is not None:
            skipped = bool(getattr(optimizer, "step_was_skipped", False))
            norms = self._gradients.take()
            self.recorder.add_step(step, loss, norms, self._seen, scale=self._scale, skipped=skipped)
        self._outputs.clear()
        self.evaluations.begin()
        if saves:
            self.recorder.seal()

    @property
    def is_over(self) -> bool:
        """Whether the training is to end: the alarm has stopped the run, or might have, and its loss is not finite."""
        return self._session.stopped is not None or self._has_diverged

    @property
    def _has_diverged(self) -> bool:
        """Whether the run ends as one that has diverged: the engines end such a run themselves, a Trainer goes on with it."""
        guard = self._session.guard
        return guard is not None and guard.may_stop and self.recorder.first_not_finite is not None

    def is_awaited(self, state: Any) -> bool:
        """Whether the run waits here until its race is decided."""
        session = self._session
        return session.pause_at is not None and session.is_leaving(state.global_step, state.max_steps)

    def set_aside(self, state: Any, *, saves: bool) -> SetAside:
        """Let the run wait where it is, after a step; or end it, if it has diverged or an alarm has stopped it meanwhile.

        Args:
            state: of the Trainer.
            saves: whether its checkpoint is to be written, and is not what it has just gone on from.

        Returns:
            What is to end the training.

        Raises:
            UserError: the Trainer could not go on as if it had not paused.
        """
        step, steps = state.global_step, state.max_steps
        self.evaluations.make(step)
        self.recorder.seal()
        ended = self.recorder.ended(step, step)
        if ended.diverged_at is not None:
            self._conclude(Ended(diverged_at=ended.diverged_at, evaluated_at=None), steps)
        elif self._session.stopped is not None:
            self._conclude(dataclasses.replace(self._session.stopped, at=step), steps)
        else:
            if saves:
                check_repeats(self._trainer, self._losses.inputs)
                set_aside(self._trainer)
            self.remove()
            self._session.pause(self._about(steps))
        return SetAside(self._session.id)

    def finish(self, state: Any) -> None:
        """Evaluate the weights of the end where nobody has, and write the result."""
        step, stopped = state.global_step, self._session.stopped
        if self._has_diverged and step < state.max_steps:
            self._conclude(Ended(diverged_at=self.recorder.first_not_finite, evaluated_at=None), state.max_steps)
            return
        if stopped is not None and step < state.max_steps:  # its last evaluation is the last there was
            self._conclude(dataclasses.replace(stopped, at=step), state.max_steps)
            return
        evaluated_at = self.evaluations.complete(state)
        self._tell_factor()
        ended = self.recorder.ended(step, evaluated_at)
        if self._session.recording.weights:
            self._session.keep_weights(partial(_write_weights, self._trainer))
        self._conclude(ended, step)

    def _tell_factor(self) -> None:
        """Say that losses were divided, where they were."""
        if (factor := self._losses.factor) != 1:
            self._session.note(
                f"has losses and gradients {factor} times too large: its Trainer does not divide those of this model by its "
                "micro-batches and processes; recorded losses are divided, gradient norms are as they were"
            )

    def _conclude(self, ended: Trained, steps: int) -> None:
        """Write the result of a training that ends as one of so many steps."""
        self.recorder.flush()
        self.remove()
        self._session.finish(ended, self._about(steps))

    def _about(self, steps: int) -> dict[str, int]:
        return {"steps": steps, "steps_per_epoch": min(_steps_per_epoch(self._trainer), steps)}

    def is_left(self, store: Path, run: str) -> bool:
        """Whether it holds this run of a store, and its Trainer trains no more: an error outside of a step has ended it."""
        is_this = (self._session.store.path.resolve(), self._session.id) == (store.resolve(), run)
        return is_this and not any(self._trainer is each for each in _at_work(sys._current_frames().values()))

    def leave(self, error: BaseException | None) -> None:
        """Let go of the run, which is not finished unless :meth:`finish` was called."""
        self.remove()
        let_go(self._session, error)

    def remove(self) -> None:
        """Take everything off the Trainer."""
        for each in (self._losses, self._gradients, self._outputs, self._view):
            each.remove()


def _watch_over(run: Observed, model: Any) -> Watch:
    """The probes of a run that can see what they need here."""
    probes = make_probes(run.session.recording.probes)
    unseen = [probe.name for probe in probes if _NOT_SEEN & set(probe.needs)]
    if run.resumed and (moved := [probe.name for probe in probes if "distances" in probe.needs]):
        unseen += moved  # the start is gone
        run.session.note(
            f"goes on from a checkpoint, so what it measures from its start is no longer recorded: {', '.join(moved)}"
        )
    return Watch([probe for probe in probes if probe.name not in unseen], run.evaluated, model)


def _steps_per_epoch(trainer: Any) -> int:
    """Steps of a whole pass over the training set. A Trainer's own number of epochs is rounded up."""
    loader, accumulation = trainer.callback_handler.train_dataloader, trainer.args.gradient_accumulation_steps
    steps: int = math.ceil(len(loader) / accumulation) if has_length(loader) else trainer.state.max_steps
    return max(1, steps)


def _write_weights(trainer: Any, folder: Path) -> None:
    trainer.model.save_pretrained(folder)
    if hasattr(trainer.processing_class, "save_pretrained"):
        trainer.processing_class.save_pretrained(folder)


def calling_trainer(callback: TrainerCallback) -> Any:
    """The Trainer that calls a callback: none of its events hands it over, so it is looked for among the callers.

    Raises:
        UserError: something else calls.
    """
    for found in _at_work([sys._getframe(1)]):
        if isinstance(found, Trainer) and callback in found.callback_handler.callbacks:
            return found
    raise UserError("StabilityCallback watches a Trainer of Transformers, or one derived from it; add it to one")


def _at_work(frames: Iterable[FrameType]) -> Iterator[Any]:
    """The objects whose methods are under way, from the last call of each thread outwards."""
    for last in frames:
        frame: FrameType | None = last
        while frame is not None:
            yield frame.f_locals.get("self")
            frame = frame.f_back
