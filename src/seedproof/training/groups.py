"""Parameter groups of the plain engine's optimizer: parameters that decay alike at the same factor on the learning rate."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from torch import nn

from seedproof.models.decay import NoDecay, without_decay


def parameter_groups(
    model: nn.Module,
    weight_decay: float,
    rate_factors: Mapping[str, float],
    trained: Collection[int],
    targeted: Collection[str] = (),
    no_decay: NoDecay = "norms",
) -> list[dict[str, Any]]:
    """Groups for :class:`seedproof.AdamW`: first those that decay, then biases and norms, which do not.

    Args:
        model: whose parameters are trained.
        weight_decay: of those that decay.
        rate_factors: on the learning rate, by name of parameter; 1 for the others. It stands in each group as ``factor``.
        trained: ids of parameters that a method may train later, though they need no gradient now.
        targeted: names of parameters that decay toward a target: in groups of their own, whose weight decay stands as
            ``pull`` instead, because the optimizer decays toward 0 alone.
        no_decay: which do not, as in a recipe.
    """
    plain = without_decay(model, no_decay)
    groups: dict[tuple[bool, float, bool], dict[str, Any]] = {}
    for decays in (True, False):
        for name, parameter in model.named_parameters():
            is_trained = parameter.requires_grad or id(parameter) in trained
            if is_trained and (name not in plain) == decays:
                factor, is_targeted = rate_factors.get(name, 1.0), decays and name in targeted
                amounts = (0.0, weight_decay) if is_targeted else (weight_decay if decays else 0.0, 0.0)
                new = {"params": [], "weight_decay": amounts[0], "pull": amounts[1], "factor": factor}
                groups.setdefault((decays, factor, is_targeted), new)["params"].append(parameter)
    return list(groups.values())
