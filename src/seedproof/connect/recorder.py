"""The records of one run of a Trainer on their way into its folder: gathered on the device, written in the order of steps."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from seedproof.connect.data import ObservedData
from seedproof.connect.gradients import unscaled
from seedproof.execution.outcome import Ended
from seedproof.execution.run_session import RunSession
from seedproof.training.engine import Record, prediction_entropy
from seedproof.training.observing import ModelView, Watch

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@dataclass(kw_only=True)
class _Step:
    """What was seen of a step, still on the device."""

    step: int
    loss: Tensor
    norms: Tensor | None
    scale: float
    skipped: bool
    seen: Mapping[str, Any] = field(default_factory=dict)


class Recorder:
    """Writes what was seen of a run into its session.

    Args:
        session: open.
        data: of the run.
        watch: its probes.
        view: of its model.
        steps: of the whole training.
    """

    def __init__(self, session: RunSession, data: ObservedData, watch: Watch, view: ModelView, steps: int) -> None:
        self.session, self.watch, self.view = session, watch, view
        self._data, self._steps = data, steps
        self._pending: list[_Step] = []
        self._observed: dict[str, Any] = {}
        self._logits: dict[str, np.ndarray] = {}
        self._logits_of = -1
        self.first_not_finite: int | None = None
        self.evaluated: set[int] = set()
        """Steps after which the development set was evaluated."""
        self.not_finite: set[int] = set()
        """Those of them whose outputs were not finite."""

    def begin(self, step: int, about: Mapping[str, Any] | None) -> None:
        """Let the probes start, and record that, with what is known before the first step.

        Args:
            step: done so far.
            about: what is known; None: of a run that goes on, which has its first records.
        """
        started = self.watch.show("start", step, self.view.see(self.watch.needs("start", step)))
        if about is not None:
            self.session.record(step, self._steps, [Record(step, "observed", about), *started])

    def observe(self, about: Mapping[str, Any]) -> None:
        """Record with the next step what became known of the training meanwhile."""
        self._observed |= about

    def add_step(
        self,
        step: int,
        loss: Tensor,
        norms: Tensor | None,
        seen: Mapping[str, Any],
        *,
        scale: float = 1.0,
        skipped: bool = False,
    ) -> None:
        """Take a step. What lies on a device is fetched when something looks, for all steps since then at once.

        Args:
            step: from 1.
            loss: of the step, a scalar.
            norms: of the gradients before clipping, (trained,); None where nothing looked.
            seen: what else the probes of this step need.
            scale: of the gradients.
            skipped: whether fp16's scaler left the update out, because gradients overflowed.
        """
        self._pending.append(_Step(step=step, loss=loss, norms=norms, scale=scale, skipped=skipped, seen=seen))
        if norms is not None or seen:
            self.flush()

    def flush(self) -> None:
        """Write all steps that were taken."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        for each, loss in zip(pending, torch.stack([each.loss for each in pending]).tolist(), strict=True):
            norms = None if each.norms is None else unscaled(each.norms, each.scale)
            self._write(each, loss, norms)

    def _write(self, each: _Step, loss: float, norms: np.ndarray | None) -> None:
        records = [Record(each.step, "loss", {"loss": loss})]
        if self._observed:
            records.append(Record(each.step, "observed", self._observed))
            self._observed = {}
        if each.skipped:  # what overflowed is the scale's, not the loss's, gradient
            records.append(Record(each.step, "skipped", {"scale": each.scale}))
        elif norms is not None or each.seen:
            known = {"loss": loss, **each.seen} | ({} if norms is None else {"gradient_norms": norms})
            records += self.watch.show("steps", each.step, known)
        if not math.isfinite(loss) and self.first_not_finite is None:
            self.first_not_finite = each.step
        self.session.record(each.step, self._steps, records)

    def add_outputs(self, step: int, split: str, heads: Float[np.ndarray, "examples heads"]) -> None:
        """Take the outputs on one evaluation split; when all splits have theirs, they are recorded as an evaluation."""
        if step != self._logits_of:  # of an earlier step, of which not every split was evaluated
            self._logits, self._logits_of = {}, step
        self._logits[split] = self._data.outputs(heads).astype(np.float32)
        if self._logits.keys() < self._data.task.evaluation_splits.keys():
            return
        logits, self._logits = self._logits, {}
        self.flush()
        ordered = {name: logits[name] for name in self._data.task.evaluation_splits}
        scores = self._data.task.score(ordered)
        values: dict[str, Any] = {"scores": scores}
        if ordered["dev"].shape[1] > 1:
            values["entropy"] = prediction_entropy(ordered["dev"])
        values |= {f"logits {name}": array for name, array in ordered.items()}
        records = [Record(step, "evaluation", values)]
        seen = self.view.see(self.watch.needs("evaluations", step), scores=scores, logits=ordered)
        records += self.watch.show("evaluations", step, seen)
        self.evaluated.add(step)
        if not all(np.isfinite(array).all() for array in ordered.values()):
            self.not_finite.add(step)
        self.session.record(step, self._steps, records)

    def forget_outputs(self) -> None:
        """Forget the outputs of an evaluation that was not of all splits."""
        self._logits = {}

    def seal(self) -> None:
        """Bring all records onto the disk, before the Trainer saves a checkpoint that knows of them."""
        self.flush()
        self.session.folder.journal.seal()

    def ended(self, step: int, evaluated_at: int) -> Ended:
        """How the run ended.

        Args:
            step: the last.
            evaluated_at: the step whose weights are the result.
        """
        self.flush()
        if evaluated_at in self.not_finite:
            return Ended(diverged_at=self.first_not_finite or step, evaluated_at=None)
        return Ended(diverged_at=None, evaluated_at=evaluated_at)
