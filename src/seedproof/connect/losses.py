"""The true training loss of a Trainer's steps: what its filter of losses that are not finite hides, too."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from transformers import Trainer

from seedproof.connect.outputs import OutputTap
from seedproof.connect.quiet import Stumbled, quiet

_AGREES = 0.02
"""Relative difference up to which the loss is that of the outputs: of bf16."""
_SMALLEST = 1e-6
"""A mean loss that is smaller is too coarse to be divided by; an fp32 cross-entropy may be exactly 0."""
_UNDIVIDED = ((False, False), (True, False), (False, True), (True, True))
"""What a loss may be left undivided by, micro-batches and processes; where two of these look alike, the first is likelier."""


class LossTap:
    """The loss of every step, as the Trainer's ``training_step`` returns it for each micro-batch.

    Transformers gives models that take further arguments the number of examples of the whole step, and trusts them to
    divide by it. Encoders that compute their loss themselves, as BERT does, do not: their losses and gradients are then too
    large by the number of micro-batches, and of processes. A micro-batch of the first step, compared with the mean loss of
    its outputs, tells whether they are; losses are then brought back to a mean over examples. An epoch's last step may have
    fewer micro-batches, so its loss is divided by those that were seen.

    Args:
        trainer: its ``training_step`` is wrapped until :meth:`remove`.
        outputs: of its model, for that comparison.
        failed: called with whatever ends a step.
        stumbled: told what goes wrong here.
        doubted: told once, in words that follow "the run", where the loss cannot be compared, so that it may be too large.
    """

    def __init__(
        self,
        trainer: Any,
        outputs: OutputTap,
        failed: Callable[[BaseException], None],
        stumbled: Stumbled,
        doubted: Callable[[str], None],
    ) -> None:
        self._trainer, self._outputs, self._failed, self._doubted = trainer, outputs, failed, doubted
        self._most, self._processes = trainer.args.gradient_accumulation_steps, trainer.args.world_size
        self._losses: list[Tensor] = []
        self.inputs: Any = None
        """The last micro-batch, as the Trainer's data loader gave it."""
        self._sums_micro_batches = self._sums_processes = False
        self._is_known = self._most * self._processes == 1
        self._take_loss = quiet(self._add, stumbled)
        self._step, self._was_set = trainer.training_step, "training_step" in vars(trainer)
        trainer.training_step = self._watched

    @property
    def factor(self) -> int:
        """The factor by which the losses, and gradients, of a step with all its micro-batches are too large."""
        return self._factor(self._most)

    def _factor(self, micro_batches: int) -> int:
        return (micro_batches if self._sums_micro_batches else 1) * (self._processes if self._sums_processes else 1)

    def _watched(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Tensor:
        self.inputs = inputs
        labels = inputs.get("labels") if isinstance(inputs, Mapping) else None  # a label smoother takes them out
        try:
            loss: Tensor = self._step(model, inputs, *args, **kwargs)
        except BaseException as error:
            self._failed(error)
            raise
        self._take_loss(loss, labels, args[0] if args else kwargs.get("num_items_in_batch"))
        return loss

    def _add(self, loss: Tensor, labels: Tensor | None, examples: Any) -> None:
        self._losses.append(loss.detach().float())
        if not self._is_known:
            self._compare(loss, labels, examples)

    def _compare(self, loss: Tensor, labels: Tensor | None, examples: Any) -> None:
        """Find out by what the loss of a micro-batch was not divided, if this one tells."""
        micro = int(getattr(self._trainer, "current_gradient_accumulation_steps", self._most))
        if micro * self._processes == 1:
            return  # the only one of its step: the next step tells
        self._is_known = micro > 1 or self._most == 1
        if _divides(self._trainer, examples):
            return
        mean = _mean_loss(self._trainer, self._outputs.last, labels)
        if mean is not None and not _SMALLEST < mean < math.inf:
            self._is_known = False  # the next one tells
            return
        ratio = None if mean is None else float(loss) / mean
        if ratio is None or not (self._tells(micro, ratio) or _is_share(ratio, labels, examples)):
            self._is_known = True
            self._doubted(_doubt(self._trainer, self._most, self._processes))

    def _tells(self, micro: int, ratio: float) -> bool:
        """Whether the loss as a multiple of its mean tells by what it was not divided, which is noted."""
        for summed, parted in _UNDIVIDED:
            factor = (micro if summed else 1) * (self._processes if parted else 1)
            if abs(micro * ratio / factor - 1) < _AGREES:
                self._sums_micro_batches, self._sums_processes = summed and micro > 1, parted and self._processes > 1
                return True
        return False

    def take(self) -> Tensor | None:
        """The loss of the step that has ended, on its device; None where there was none."""
        losses, self._losses = self._losses, []
        return torch.stack(losses).sum() / self._factor(len(losses)) if losses else None

    def remove(self) -> None:
        """Give the Trainer its own step back."""
        if self._was_set:
            self._trainer.training_step = self._step
        else:
            vars(self._trainer).pop("training_step", None)


def _divides(trainer: Any, examples: Any) -> bool:
    """Whether a Trainer is known to divide a loss by its micro-batches, and to multiply it by nothing: by
    ``Trainer.training_step``, where it is not overridden.

    Args:
        trainer: which trains.
        examples: of the whole step, as its step was told; None: it was not.
    """
    is_told = getattr(trainer, "model_accepts_loss_kwargs", False) and examples is not None
    is_scaled = getattr(trainer, "loss_is_scaled_for_ga", None)
    if type(trainer).training_step is not Trainer.training_step or trainer.compute_loss_func is not None:
        return False
    return not is_told if is_scaled is None else not is_scaled and (trainer.args.world_size == 1 or not is_told)


def _mean_loss(trainer: Any, logits: Tensor | None, labels: Tensor | None) -> float | None:
    """The mean loss of outputs as a Trainer's model or its label smoother computes it; None: they do not say."""
    if not isinstance(labels, Tensor) or logits is None:
        return None
    given, outputs = labels.detach().to(logits.device), logits.float()
    if given.shape == outputs.shape and outputs.shape[1] > 1:
        return float(functional.binary_cross_entropy_with_logits(outputs, given.float()))
    if given.numel() != len(outputs):
        return None
    if outputs.shape[1] == 1:
        return float(functional.mse_loss(outputs.reshape(-1), given.reshape(-1).float()))
    if trainer.label_smoother is not None:
        return float(trainer.label_smoother({"logits": outputs}, given.reshape(-1).long().clone()))
    return float(functional.cross_entropy(outputs, given.reshape(-1).long()))


def _is_share(ratio: float, labels: Tensor | None, examples: Any) -> bool:
    """Whether a loss, as a multiple of its mean, is the share that its micro-batch has in the examples of the whole step."""
    if labels is None or examples is None:
        return False
    found = ratio * float(examples) / float(labels.ne(-100).sum())
    return abs(found - 1) < _AGREES


def _doubt(trainer: Any, micro_batches: int, processes: int) -> str:
    """What is not known of a loss that the outputs do not explain, in words that follow "the run"."""
    parts = [f"{micro_batches} micro-batches"] * (micro_batches > 1) + [f"{processes} processes"] * (processes > 1)
    change = "set trainer.model_accepts_loss_kwargs = False before training, and the Trainer divides it"
    if trainer.compute_loss_func is not None:
        change = "let compute_loss_func divide the sum over them by its num_items_in_batch instead"
    return (
        f"may have losses and gradients up to {micro_batches * processes} times too large: its loss is not one that the model's "
        f"outputs explain, so whether it is divided by its {' and '.join(parts)} cannot be told. Losses are recorded as the "
        f"Trainer gives them. If the loss is a mean over the examples of a micro-batch, {change}"
    )
