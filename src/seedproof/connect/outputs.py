"""What a Trainer's model answers on the development set: taken from its own evaluation, or from a pass of ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from seedproof.connect.quiet import Stumbled, quiet
from seedproof.connect.randomness import untouched_randomness

if TYPE_CHECKING:
    from jaxtyping import Float32


class OutputTap:
    """The logits of every batch that a model sees in evaluation mode.

    Args:
        trainer: whose model it is: of Transformers, or a cross-encoder of sentence-transformers.
        trained: called with the logits of every forward pass in training mode.
        stumbled: told what goes wrong here.
    """

    def __init__(self, trainer: Any, trained: Callable[[Tensor], None], stumbled: Stumbled) -> None:
        self._trainer, self._trained = trainer, trained
        self._parts: list[Tensor] = []
        self._handle = trainer.model.register_forward_hook(quiet(self._take, stumbled))
        self.last: Tensor | None = None
        """Logits of the last forward pass in training mode since it was forgotten, (batch, outputs)."""

    def _take(self, model: torch.nn.Module, _inputs: Any, output: Any) -> None:
        logits = logits_in(output)
        if model.training:
            self.last = None if logits is None else logits.detach()
            if self.last is not None:
                self._trained(self.last)
        elif logits is not None:
            self._parts.append(logits.detach().float())

    def clear(self) -> None:
        """Forget what was seen in evaluation mode."""
        self._parts = []

    def seen(self) -> Float32[np.ndarray, "examples outputs"]:
        """The logits since :meth:`clear`, which are forgotten."""
        parts, self._parts = self._parts, []
        array: np.ndarray = torch.cat(parts).cpu().numpy() if parts else np.empty((0, 0), np.float32)
        return array

    def predict(self, dataset: Any) -> Float32[np.ndarray, "examples outputs"]:
        """The logits of every example of a dataset in its order, dropout off; training and its randomness go on unchanged."""
        trainer, model = self._trainer, self._trainer.model
        was_training = model.training
        self.clear()
        with untouched_randomness(), torch.no_grad(), trainer.compute_loss_context_manager():
            whole = trainer.get_test_dataloader(dataset)
            # Some Trainers evaluate in random order.
            loader = torch.utils.data.DataLoader(
                whole.dataset, batch_size=trainer.args.eval_batch_size, collate_fn=whole.collate_fn
            )
            model.eval()
            for inputs in loader:
                # Not prediction_step, which waits for the other processes.
                trainer.compute_loss(model, trainer._prepare_inputs(inputs))
            model.train(was_training)
        return self.seen()

    def remove(self) -> None:
        """Take the hook away."""
        self._handle.remove()


def logits_in(output: Any) -> Tensor | None:
    """The logits in a model's output, (batch, outputs); None where there are none.

    ``logits`` of Transformers' models, ``scores`` of cross-encoders.
    """
    found = None
    if isinstance(output, Mapping):
        found = output.get("logits", output.get("scores"))
    elif isinstance(output, tuple) and output:
        found = output[1] if len(output) > 1 and output[0].dim() == 0 else output[0]  # a loss stands first
    if not isinstance(found, Tensor) or found.dim() > 2:
        return None
    return found.reshape(-1, 1) if found.dim() < 2 else found


def is_in_order(dataloader: Any) -> bool:
    """Whether a loader gives the examples of its dataset in their order."""
    sampler: Any = getattr(dataloader, "batch_sampler", None)
    while hasattr(sampler, "batch_sampler"):
        sampler = sampler.batch_sampler
    return isinstance(getattr(sampler, "sampler", None), torch.utils.data.SequentialSampler)
