"""What the records of a run say about how it ended, in numbers; :mod:`seedproof.analysis.endings` has the words.

The training loss is recorded with dropout on, so alone it cannot say that a run has learned nothing. The outputs on the
development set, dropout off, can: on average, no predictor is better than the label entropy by more than its outputs
differ from example to example.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seedproof.probes.vanishing import attention_fraction, have_vanished
from seedproof.tasks.base import Task
from seedproof.tasks.split import label_entropy

Ending = Mapping[str, Any]
"""``reference_loss``: the lowest loss of a prediction that never changes, label entropy in nats or variance of targets.
``last_loss``, ``earlier_loss``: mean training loss (dropout on) of the last tenth of the steps and of the tenth before,
``loss_noise`` the standard error of their difference. ``dev_fall``: by how much the loss on the development set (dropout
off) fell from the last evaluation but one, in the second half of training, to the last, ``dev_fall_noise`` its standard
error over the examples. ``information``: how far below the reference loss the outputs could be at most.
``vanished_for_good``: see :func:`seedproof.probes.vanishing.have_vanished`; earlier results have ``vanished``, the same but
that the first look had to be live. NaN: not known."""


@dataclass(frozen=True, eq=False)
class Digest:
    """What a result needs of a journal, read in one pass: of all evaluations three at most are kept."""

    losses: dict[int, float]
    """Training loss by step."""
    evaluations: dict[int, Mapping[str, Any]]
    """The last two evaluations and the one that was asked for, by step in order."""
    fractions: list[float | None]
    """The gradients of the lower layers' queries and keys as a fraction of the classifier's, at every look."""
    fit_loss: float | None = None
    """Training loss at the end, dropout off; None: not recorded."""
    kinds: frozenset[str] = frozenset()
    """Kinds of the records that hold more than names."""
    alarm: Mapping[str, Any] = field(default_factory=dict)
    """Where an alarm sounded: why (``alarm_because``), and at which step (``alarm_at``)."""

    @classmethod
    def of(cls, records: Iterable[Mapping[str, Any]], step: int | None) -> Digest:
        """Read records in their order; the evaluation after ``step`` is kept."""
        losses: dict[int, float] = {}
        evaluations: dict[int, Mapping[str, Any]] = {}
        names: Sequence[str] = []
        fractions: list[float | None] = []
        fit_loss: float | None = None
        kinds: set[str] = set()
        alarm: dict[str, Any] = {}
        for record in records:
            if record.keys() - {"step", "kind", "names"}:
                kinds.add(record["kind"])
            if record["kind"] == "loss":
                losses[record["step"]] = record["loss"]
            elif record["kind"] == "alarm":
                alarm = {"alarm_because": record["because"], "alarm_at": record["step"]}
            elif record["kind"] == "fit":
                fit_loss = record["loss"]
            elif record["kind"] == "gradients":
                names = record.get("names", names)
                if "norms" in record:
                    fractions.append(attention_fraction(names, np.asarray(record["norms"], np.float64)))
            elif record["kind"] == "evaluation":
                recent = [*evaluations, record["step"]][-2:]
                evaluations = {k: v for k, v in evaluations.items() if k in recent or k == step} | {
                    record["step"]: record
                }
        return cls(losses, evaluations, fractions, fit_loss, frozenset(kinds), alarm)

    @property
    def last_scores(self) -> Mapping[str, float]:
        """Scores of the last evaluation; empty where there was none."""
        return self.evaluations[max(self.evaluations)]["scores"] if self.evaluations else {}

    def logits(self, step: int | None) -> dict[str, NDArray[Any]]:
        """The logits after a step that was asked for, float32 (examples, labels) by split; nothing of another step."""
        return logits_of(self.evaluations[step]) if step in self.evaluations else {}


def logits_of(record: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """The logits that an evaluation recorded, float32 (examples, labels) by split."""
    prefix = "logits "
    return {name.removeprefix(prefix): value for name, value in record.items() if name.startswith(prefix)}


def describe_ending(digest: Digest, task: Task) -> dict[str, Any]:
    """The numbers of :data:`Ending`.

    Args:
        digest: of the run's journal.
        task: what the run learned.
    """
    losses = np.array(list(digest.losses.values()), np.float64)
    recorded = {step: logits_of(record) for step, record in digest.evaluations.items()}
    outputs = {step: np.asarray(each["dev"], np.float64) for step, each in recorded.items() if "dev" in each}
    found = {
        "reference_loss": reference_loss(task),
        "vanished_for_good": have_vanished(digest.fractions),
        **_last_tenths(losses),
    }
    steps = sorted(outputs)[-2:]
    unknown = dict.fromkeys(("dev_fall", "dev_fall_noise", "information"), math.nan)
    if not steps or not np.isfinite(outputs[steps[-1]]).all():
        return found | unknown
    end = outputs[steps[-1]]
    found |= unknown | {"information": _information(end, task)}
    if len(steps) > 1 and 2 * steps[0] >= steps[1] and np.isfinite(outputs[steps[0]]).all():
        falls = _losses(outputs[steps[0]], task) - _losses(end, task)
        found |= {"dev_fall": float(falls.mean()), "dev_fall_noise": _standard_error(falls)}
    return found


def reference_loss(task: Task) -> float:
    """The lowest training loss of a prediction that never changes: label entropy in nats (of several labels an example the
    mean over them, as their loss is), or variance of the targets."""
    return label_entropy(task.train.labels) if task.classes else float(np.var(task.train.labels))


def _last_tenths(losses: NDArray[np.float64]) -> dict[str, float]:
    size = max(2, len(losses) // 10)
    if len(losses) < 2 * size:
        return dict.fromkeys(("last_loss", "earlier_loss", "loss_noise"), math.nan)
    last, earlier = losses[-size:], losses[-2 * size : -size]
    with np.errstate(invalid="ignore"):  # a loss that is not finite makes its numbers so
        noise = math.hypot(_standard_error(last), _standard_error(earlier))
    return {"last_loss": float(last.mean()), "earlier_loss": float(earlier.mean()), "loss_noise": noise}


def _losses(outputs: NDArray[np.float64], task: Task) -> NDArray[np.float64]:
    """The loss of every development example, (examples,)."""
    if not task.classes:
        errors: NDArray[np.float64] = outputs[:, 0] - task.dev.labels
        return errors**2
    if task.kind == "multi-label":
        mean: NDArray[np.float64] = (np.logaddexp(0.0, outputs) - task.dev.labels * outputs).mean(axis=1)
        return mean
    losses: NDArray[np.float64] = -_log_probabilities(outputs)[np.arange(len(outputs)), task.dev.labels]
    return losses


def _information(outputs: NDArray[np.float64], task: Task) -> float:
    """A bound on reference loss minus loss: of the gain over the mean prediction, were the best label always the true one."""
    if task.kind == "multi-label":
        # Each label is a class of its own against its absence.
        sides = np.stack([outputs, np.zeros_like(outputs)], axis=-1)
        return float(np.mean([_best_gain(_log_probabilities(sides[:, label])) for label in range(sides.shape[1])]))
    if task.classes:
        return _best_gain(_log_probabilities(outputs))
    # variance - loss = 2 covariance - variance of the outputs, at most, and the covariance is largest on a line.
    spread, targets = float(np.std(outputs)), float(np.std(task.train.labels))
    return targets**2 if spread > targets else spread * (2 * targets - spread)


def _best_gain(logs: NDArray[np.float64]) -> float:
    """Mean gain of log probabilities (examples, classes) over their mean prediction, were the best class always the true one."""
    with np.errstate(divide="ignore"):
        mean = np.log(np.exp(logs).mean(axis=0))
    return float(np.max(logs - mean, axis=1).mean())


def _log_probabilities(outputs: NDArray[np.float64]) -> NDArray[np.float64]:
    logs: NDArray[np.float64] = outputs - np.logaddexp.reduce(outputs, axis=1, keepdims=True)
    return logs


def _standard_error(values: NDArray[np.float64]) -> float:
    return float(values.std(ddof=1) / math.sqrt(len(values))) if len(values) > 1 else math.nan
