"""The evaluations of a watched Trainer: its own are taken where they can be, others are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from seedproof.connect.data import ObservedData
from seedproof.connect.outputs import OutputTap, is_in_order
from seedproof.connect.recorder import Recorder


class Evaluations:
    """What a model answers on every split of the task, recorded once for each step after which somebody asked.

    Args:
        trainer: which evaluates.
        data: of the run, with the data set of each split.
        outputs: of the Trainer's model.
        recorder: takes them.
    """

    def __init__(self, trainer: Any, data: ObservedData, outputs: OutputTap, recorder: Recorder) -> None:
        self._trainer, self._data, self._outputs, self._recorder = trainer, data, outputs, recorder
        self._loader: Any = None

    def begin(self) -> None:
        """Look at the model as the probes of an evaluation need it, which may follow."""
        self._recorder.view.begin(self._recorder.watch.needs("evaluations"))

    def note_loader(self, loader: Any) -> None:
        """Note in which order the examples are given that the model sees."""
        self._loader = loader

    def take(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Take the outputs of the Trainer's own evaluation, or predict anew where their order is not that of the data."""
        split = self._split_of(metrics)
        outputs, loader, self._loader = self._outputs.seen(), self._loader, None
        if split is None or step in self._recorder.evaluated:
            return
        dataset = self._data.evaluation[split]
        is_whole = len(outputs) == len(dataset) and is_in_order(loader) and self._trainer.args.world_size == 1
        if not is_whole:
            self.begin()
            outputs = self._outputs.predict(dataset)
        self._recorder.add_outputs(step, split, outputs)

    def _split_of(self, metrics: Mapping[str, Any]) -> str | None:
        """The split of the task that an evaluation was of, told from the names of its metrics; None: of other data."""
        if not self._data.names:
            return "dev" if "eval_runtime" in metrics else None
        return next((split for name, split in self._data.names.items() if f"eval_{name}_runtime" in metrics), None)

    def complete(self, state: Any) -> int:
        """Evaluate the weights that the Trainer leaves where nobody has; gives the step that they are of."""
        step: int = state.global_step
        if self._trainer.args.load_best_model_at_end and state.best_model_checkpoint is not None:
            step = int(str(state.best_model_checkpoint).rpartition("-")[2])  # these weights are loaded by now
        self.make(step)
        return step

    def make(self, step: int) -> None:
        """Evaluate the weights as they are, which are those after ``step``, where nobody has; no callback is told."""
        if step not in self._recorder.evaluated:
            self.begin()
            self._recorder.forget_outputs()
            for split, dataset in self._data.evaluation.items():
                self._recorder.add_outputs(step, split, self._outputs.predict(dataset))
