"""The loss of a classifier as a function of one vector of all its parameters, on examples that are batched once."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from seedproof.generators import own_generators
from seedproof.measure.plane import Evaluate, Plane
from seedproof.models.checkpoint import quiet_transformers

if TYPE_CHECKING:
    from jaxtyping import Float
    from transformers import PreTrainedConfig, PreTrainedModel

    from seedproof.models.tokens import TokenizedSplit

Batch = dict[str, Tensor]

BATCH_TOKENS = 1024
"""Tokens of a batch, padding included, unless one example has more. Measured on one core on the 24-layer miniature:
512 to 1,200 are alike, fewer cost calls, more leave the cache."""


@dataclass(frozen=True, eq=False)
class Problem:
    """Everything that a process needs to evaluate points of a plane of classifiers."""

    config: PreTrainedConfig
    plane: Plane
    batches: Sequence[Batch]
    gradient_norm: bool
    device: str = "cpu"

    def write(self, folder: Path) -> None:
        """Write into an empty folder what :meth:`read` reads, for another process."""
        self.config.save_pretrained(folder)
        vectors = {name: getattr(self.plane, name) for name in ("p", "f", "s")}
        save_file(vectors, folder / "plane.safetensors")
        named = {f"{index}/{name}": value for index, batch in enumerate(self.batches) for name, value in batch.items()}
        save_file(named, folder / "examples.safetensors")
        (folder / "problem.json").write_text(json.dumps({"gradient_norm": self.gradient_norm, "device": self.device}))

    @classmethod
    def read(cls, folder: Path) -> Problem:
        """Read what :meth:`write` wrote."""
        from transformers import AutoConfig

        batches: dict[int, Batch] = {}
        for name, value in load_file(folder / "examples.safetensors").items():
            index, key = name.split("/")
            batches.setdefault(int(index), {})[key] = value
        plane = Plane(**load_file(folder / "plane.safetensors"))
        options = json.loads((folder / "problem.json").read_text())
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        return cls(config, plane, [batches[index] for index in sorted(batches)], **options)

    def on_device(self) -> Problem:
        """The same with its tensors on its device."""
        plane = Plane(*(getattr(self.plane, name).to(self.device) for name in ("p", "f", "s")))
        batches = [{name: value.to(self.device) for name, value in batch.items()} for batch in self.batches]
        return dataclasses.replace(self, plane=plane, batches=batches)


class ClassifierLoss:
    """Mean loss over a problem's examples with dropout off, by the modules of Transformers; an ``Evaluate``.

    The model is this object's own. Its parameters are views of one vector, so that going to a point is one copy.
    """

    def __init__(self, problem: Problem) -> None:
        self._batches, self._wants_norm = problem.batches, problem.gradient_norm
        self._examples = sum(len(batch["labels"]) for batch in problem.batches)
        self._model = _empty_classifier(problem.config).to(problem.device).eval()
        self._vector = torch.empty_like(problem.plane.p)
        self._parameters = [value for _, value in _sorted_parameters(self._model)]
        start = 0
        for value in self._parameters:
            value.data = self._vector[start : start + value.numel()].view(value.shape)
            start += value.numel()

    def __call__(self, parameters: Float[Tensor, " parameters"]) -> tuple[float, float | None]:
        """Loss and, where the problem asks for it, gradient norm at ``parameters`` (n,)."""
        self._vector.copy_(parameters)
        if not self._wants_norm:
            with torch.inference_mode():
                return sum(float(self._part(batch)) for batch in self._batches), None
        total, gradient = 0.0, None
        for batch in self._batches:
            loss = self._part(batch)
            parts = torch.autograd.grad(loss, self._parameters, allow_unused=True, materialize_grads=True)
            total += float(loss.detach())
            if gradient is None:
                gradient = list(parts)
            else:
                torch._foreach_add_(gradient, parts)
        assert gradient is not None
        squares = torch.stack(torch._foreach_norm(gradient)).double().square()
        return total, float(squares.sum().sqrt())

    def _part(self, batch: Batch) -> Tensor:
        """What the batch adds to the mean over all examples, shape ()."""
        loss: Tensor = self._model(**batch).loss
        return loss * (len(batch["labels"]) / self._examples)


def evaluator(problem: Problem) -> Evaluate:
    """The function that evaluates points of this problem: here a faster engine takes the place of the plain one."""
    return ClassifierLoss(problem)


def flatten(model: nn.Module) -> Float[Tensor, " parameters"]:
    """All parameters of a model as one new fp32 vector (n,), in the order of their names."""
    return torch.cat([value.detach().float().cpu().reshape(-1) for _, value in _sorted_parameters(model)])


def batches_of(split: TokenizedSplit, indices: Sequence[int]) -> list[Batch]:
    """The examples sorted by length and padded in batches of at most :data:`BATCH_TOKENS` tokens."""
    groups: list[list[int]] = [[]]
    for index in sorted(indices, key=lambda index: (len(split.ids[index]), index)):
        if groups[-1] and len(split.ids[index]) * (len(groups[-1]) + 1) > BATCH_TOKENS:
            groups.append([])
        groups[-1].append(index)
    return [split.batch(group, torch.device("cpu")) for group in groups]


def _sorted_parameters(model: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return sorted(model.named_parameters())


def _empty_classifier(config: PreTrainedConfig) -> PreTrainedModel:
    """A classifier whose weights do not matter yet; the caller's random state is left alone."""
    from transformers import AutoModelForSequenceClassification

    with own_generators(), quiet_transformers():
        model: PreTrainedModel = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
    return model
