"""The true training loss of a Trainer's steps: what its filter of losses that are not finite hides, too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from seedproof.connect.outputs import OutputTap

_AGREES = 0.02
"""Relative difference up to which the loss is that of the outputs: of bf16."""


class LossTap:
    """The loss of every step, as the Trainer's ``training_step`` returns it for each micro-batch.

    Transformers gives models that take further arguments the number of examples of the whole step, and trusts them to
    divide by it. Encoders that compute their loss themselves, as BERT does, do not: their losses and gradients are then too
    large by the number of micro-batches, and of processes. The first micro-batch, compared with the mean loss of its outputs,
    tells whether they are; the loss is then brought back to a mean over examples.

    Args:
        trainer: its ``training_step`` is wrapped until :meth:`remove`.
        outputs: of its model, for that comparison.
        failed: called with whatever ends a step.
    """

    def __init__(self, trainer: Any, outputs: OutputTap, failed: Callable[[BaseException], None]) -> None:
        self._trainer, self._outputs, self._failed = trainer, outputs, failed
        self._micro = trainer.args.gradient_accumulation_steps
        self._losses: list[Tensor] = []
        self.factor = 1.0
        """The factor by which the losses, and gradients, of a step are too large."""
        processes = trainer.args.world_size
        self._factors = sorted({1, self._micro, processes, self._micro * processes})
        self._is_compared = len(self._factors) == 1
        self._step, self._was_set = trainer.training_step, "training_step" in vars(trainer)
        trainer.training_step = self._watched

    def _watched(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Tensor:
        labels = inputs.get("labels") if isinstance(inputs, Mapping) else None
        try:
            loss: Tensor = self._step(model, inputs, *args, **kwargs)
        except BaseException as error:
            self._failed(error)
            raise
        self._losses.append(loss.detach().float())
        if not self._is_compared:
            self._compare(loss, labels)
        return loss

    def _compare(self, loss: Tensor, labels: Tensor | None) -> None:
        self._is_compared = True
        logits = self._outputs.last
        if labels is None or logits is None or self._trainer.label_smoother is not None:
            return
        if labels.ndim > 1 and labels.shape == logits.shape and logits.shape[1] > 1:
            mean = functional.binary_cross_entropy_with_logits(logits.float(), labels.float().to(logits.device))
        elif logits.shape[1] == 1:
            mean = functional.mse_loss(logits.reshape(-1).float(), labels.reshape(-1).float().to(logits.device))
        else:
            mean = functional.cross_entropy(logits.float(), labels.reshape(-1).long().to(logits.device))
        found = self._micro * float(loss) / float(mean)
        near = [each for each in self._factors if abs(found / each - 1) < _AGREES]
        self.factor = float(near[0]) if near else 1.0  # another loss, which cannot be compared

    def take(self) -> Tensor | None:
        """The loss of the step that has ended, on its device; None where there was none."""
        losses, self._losses = self._losses, []
        return torch.stack(losses).sum() / self.factor if losses else None

    def remove(self) -> None:
        """Give the Trainer its own step back."""
        if self._was_set:
            self._trainer.training_step = self._step
        else:
            vars(self._trainer).pop("training_step", None)
