"""The methods of a run at work: started in their order, with their effects combined and their hooks called in turn."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from seedproof.errors import Damaged, UserError
from seedproof.generators import own_generators
from seedproof.methods import LOSS, Composed, Effects, Forward, Method, Start, Treatment
from seedproof.training.losses import weighted_loss

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from seedproof.recipes import Recipe
    from seedproof.spec import Seeds
    from seedproof.training.engine import RunData
    from seedproof.training.plan import Plan

_Value = TypeVar("_Value")
_HOOKS = (
    *("before_step", "loss", "after_gradient", "after_step", "before_evaluation", "after_evaluation"),
    *("finish", "write", "state", "load_state"),
)


class Treatments:
    """What the methods of a recipe do to one run.

    Args:
        model: with the weights that training starts from; methods change it here.
        recipe: resolved.
        plan: of the run.
        seeds: of the run.
        data: of the run.

    Raises:
        UserError: two methods have effects that exclude each other.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, plan: Plan, seeds: Seeds, data: RunData) -> None:
        self._started: list[tuple[Method, Treatment]] = []
        for method in sorted(recipe.methods, key=lambda each: each.starts_last):
            seed = _start_seed(seeds.head, method)
            generator = torch.Generator().manual_seed(seed)
            start = Start(model=model, recipe=recipe, plan=plan, seeds=seeds, data=data, generator=generator)
            device = next(model.parameters()).device
            with own_generators(device, seed):
                self._started.append((method, method.start(start)))
        self.effects = combined({method.reference(): treatment.effects for method, treatment in self._started})
        """Effects of all methods together."""

    @property
    def composed(self) -> dict[str, Composed]:
        """Parameters of the stock model that methods made of others."""
        return {name: each for _, treatment in self._started for name, each in treatment.composed.items()}

    def check_without_hooks(self) -> None:
        """Refuse hooks, for an engine that calls none.

        Raises:
            UserError: a method says that it trains in a fleet, and has some.
        """
        for method, treatment in self._started:
            own = [hook for hook in _HOOKS if getattr(type(treatment), hook) is not getattr(Treatment, hook)]
            if own:
                raise UserError(
                    f"the method {method.reference()!r} says that it trains in a fleet (in_fleet), and its treatment has "
                    f"{own[0]}, which no fleet calls; set in_fleet = False"
                )

    def before_step(self, step: int) -> None:
        """Before the forward pass of a step."""
        for _, each in self._started:
            each.before_step(step)

    def loss(self, batch: Mapping[str, Tensor], step: int, forward: Forward) -> Tensor:
        """The loss of a batch: the model's, with weights where there are any, unless a method decides it."""
        if (weights := self.effects.loss_weights) is not None:
            output = forward(batch)
            return weighted_loss(output.logits, batch["labels"], weights)
        for method, each in self._started:
            if LOSS in method.owns:
                return each.loss(batch, step, forward)
        loss: Tensor = forward(batch).loss
        return loss

    def after_gradient(self, step: int) -> None:
        """When the gradients are there."""
        for _, each in self._started:
            each.after_gradient(step)

    def after_step(self, step: int) -> None:
        """After the optimizer's step."""
        for _, each in self._started:
            each.after_step(step)

    def before_evaluation(self) -> None:
        """Before an evaluation."""
        for _, each in self._started:
            each.before_evaluation()

    def after_evaluation(self) -> None:
        """After it, in reverse: what was changed last is changed back first."""
        for _, each in reversed(self._started):
            each.after_evaluation()

    def finish(self) -> None:
        """When training has ended."""
        for _, each in self._started:
            each.finish()

    def write(self, folder: Path) -> None:
        """When weights are kept."""
        for _, each in self._started:
            each.write(folder)

    def state(self) -> tuple[dict[str, np.ndarray], list[dict[str, Any]]]:
        """Arrays by ``method/name``, and the JSON values of each method with its name and version."""
        arrays: dict[str, np.ndarray] = {}
        values = []
        for method, each in self._started:
            own, more = each.state()
            arrays |= {f"{method.reference()}/{name}": array for name, array in own.items()}
            values.append({"name": method.reference(), "version": method.version, "values": more})
        return arrays, values

    def load_state(self, arrays: Mapping[str, np.ndarray], values: list[dict[str, Any]]) -> None:
        """Go back to what :meth:`state` gave.

        Raises:
            Damaged: it was written by another version of a method, or for other methods.
        """
        written = {str(entry["name"]): entry for entry in values}
        check_versions([method for method, _ in self._started], values)
        for method, each in self._started:
            prefix = f"{method.reference()}/"
            own = {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
            each.load_state(own, written[method.reference()]["values"])


def check_versions(methods: Iterable[Method], values: list[dict[str, Any]] | None) -> None:
    """Refuse a state that these methods did not write; None is one from before methods had any.

    Raises:
        Damaged: with the name and both versions.
    """
    if values is None:
        return
    written = {str(entry["name"]): entry["version"] for entry in values}
    for method in methods:
        before = written.get(method.reference())
        if before != method.version:
            by = "without it" if before is None else f"by its version {before}"
            raise Damaged(
                f"the checkpoint's state of the method {method.reference()!r} was written {by}, and this is its version "
                f"{method.version}",
                "start the run again, or go on with the version that wrote it",
            )


def combined(effects: Mapping[str, Effects]) -> Effects:
    """The effects of several methods, by the method's name, as those of one.

    Factors on a parameter's learning rate multiply; everything else has one method that says it.

    Raises:
        UserError: two methods say different things of the same.
    """
    factors: dict[str, float] = {}
    for each in effects.values():
        for name, factor in each.rate_factors.items():
            factors[name] = factors.get(name, 1.0) * factor
    return Effects(
        rate_factors=factors,
        decay_targets=_merged(effects, "toward what a weight decays", lambda each: each.decay_targets),
        mixtures=_merged(effects, "the mixture of a matrix", lambda each: each.mixtures),
        tensor_clip=_single(effects, "the clipping per tensor", lambda each: each.tensor_clip),
        average=_single(effects, "the average of the weights", lambda each: each.average),
        loss_weights=_single(effects, "the weights of the classes", lambda each: each.loss_weights),
    )


def _merged(
    effects: Mapping[str, Effects], what: str, part: Callable[[Effects], Mapping[str, _Value]]
) -> dict[str, _Value]:
    owners: dict[str, str] = {}
    merged: dict[str, _Value] = {}
    for method, each in effects.items():
        for name, value in part(each).items():
            if (other := owners.setdefault(name, method)) != method:
                raise _both(other, method, f"{what} ({name})")
            merged[name] = value
    return merged


def _single(effects: Mapping[str, Effects], what: str, part: Callable[[Effects], _Value | None]) -> _Value | None:
    found = {method: value for method, each in effects.items() if (value := part(each)) is not None}
    if len(found) > 1:
        one, other, *_ = found
        raise _both(one, other, what)
    return next(iter(found.values()), None)


def _both(one: str, other: str, what: str) -> UserError:
    return UserError(f"the methods {one!r} and {other!r} both decide {what}; leave one of them out")


def _start_seed(head: int, method: Method) -> int:
    """The seed of what a method draws at its start: of the run's head seed and the method's name."""
    digest = hashlib.blake2b(f"start {head} {method.reference()}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1
