"""What the plain engine does with gradients: clip them, take the optimizer's step, decay toward targets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from seedproof.training.groups import parameter_groups
from seedproof.training.optimizer import AdamW, clip_each_tensor

if TYPE_CHECKING:
    from seedproof.methods import Effects
    from seedproof.recipes import Recipe


class Update:
    """The update of a model's weights in each step, by a recipe and the effects of its methods.

    Args:
        model: with gradients in each step; a parameter without one stays as it is.
        recipe: resolved.
        effects: of its methods.
        trained: ids of parameters that need no gradient now, but may later.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, effects: Effects, trained: Collection[int]) -> None:
        self._recipe, self._effects = recipe, effects
        factors, targets = effects.rate_factors, effects.decay_targets
        self._optimizer = AdamW(
            parameter_groups(
                model, recipe.required("weight_decay"), factors, trained, targets, recipe.no_decay or "norms"
            ),
            lr=0.0,
            betas=(recipe.required("beta1"), recipe.required("beta2")),
            eps=recipe.eps,
            bias_correction=recipe.bias_correction,
            decay=recipe.decay,
            eps_place=recipe.eps_place,
            fused=True,
        )
        self._parameters = [value for value in model.parameters() if value.requires_grad or id(value) in trained]
        self._targets = {
            id(value): targets[name].to(value) for name, value in model.named_parameters() if name in targets
        }

    def step(self, rate: float) -> None:
        """Clip, take the optimizer's step at this learning rate, and forget the gradients."""
        self._clip()
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        if self._recipe.decay == "old":
            self._decay_toward_targets()
        self._optimizer.step()
        if self._recipe.decay == "updated":
            self._decay_toward_targets()
        self._optimizer.zero_grad()

    def _clip(self) -> None:
        """Clip gradients as methods and the recipe say. A norm that is not finite makes all of them so, and the next loss
        too."""
        if self._effects.tensor_clip is not None:
            clip_each_tensor(self._parameters, self._effects.tensor_clip)
        if self._recipe.clip == "global":
            nn.utils.clip_grad_norm_(self._parameters, self._recipe.max_grad_norm)
        elif self._recipe.clip == "tensor":
            clip_each_tensor(self._parameters, self._recipe.max_grad_norm)

    def _decay_toward_targets(self) -> None:
        """w <- w + a (T - w), which leaves a weight at its target exactly there."""
        for group in self._optimizer.param_groups:
            share = float(group["lr"]) * float(group["pull"])
            moving = [value for value in group["params"] if share and value.grad is not None]
            if moving:
                targets = [self._targets[id(value)] for value in moving]
                torch._foreach_lerp_([value.data for value in moving], targets, share)

    def state(self) -> tuple[dict[str, Tensor], dict[str, dict[str, Any]]]:
        """The optimizer's tensors by ``index/name`` of a parameter, and its other values by index and name."""
        entries = self._optimizer.state_dict()["state"].items()
        tensors = {f"{index}/{key}": v for index, entry in entries for key, v in entry.items() if isinstance(v, Tensor)}
        values = {
            str(index): {key: value for key, value in entry.items() if not isinstance(value, Tensor)}
            for index, entry in entries
        }
        return tensors, values

    def load_state(self, tensors: Mapping[str, Tensor], values: Mapping[str, Mapping[str, Any]]) -> None:
        """Go back to what :meth:`state` gave."""
        states: dict[int, dict[str, Any]] = {int(index): dict(entry) for index, entry in values.items()}
        for name, value in tensors.items():
            index, key = name.split("/")
            states.setdefault(int(index), {})[key] = value
        self._optimizer.load_state_dict({**self._optimizer.state_dict(), "state": states})
