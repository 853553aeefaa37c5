"""The fleet engine: many runs of one architecture in one step, tokens without padding.

Members may differ in seeds, recipe, task and step; they join, diverge and finish independently. What a member computes
does not depend on its mates but for rounding: sums over a longer row of padding may be split differently. So a fleet
repeats bit for bit when its schedule of shapes is the same, and one step of it is the plain engine's step to tolerance
(``tests/training/fleet/test_engine.py``). A fleet of one is the plain engine without padding.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from seedproof.models.stacked.encoder import Pass
from seedproof.models.stacked.families import architecture_of
from seedproof.models.stacked.layout import Layout
from seedproof.models.stacked.masks import DropProbability, Masks, site_keys
from seedproof.models.stacked.packing import pack
from seedproof.recipes.base import Recipe
from seedproof.training.engine import Record, mean_loss, step_seed
from seedproof.training.fleet.member import Member
from seedproof.training.fleet.mixtures import MixedMembers
from seedproof.training.fleet.observing import StepView
from seedproof.training.fleet.optimizer import Rates
from seedproof.training.fleet.prediction import Prediction, Predictor, is_out_of_memory
from seedproof.training.fleet.state import FleetState
from seedproof.training.losses import member_losses
from seedproof.training.observing import see_model

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from seedproof.probes.base import Probe

_DTYPES = {
    "fp32": (torch.float32, torch.float32),
    "bf16": (torch.float32, torch.bfloat16),
    "fp64": (torch.float64, torch.float64),
}
"""Precision of the weights and of the matmuls."""


def fits_fleet(config: PretrainedConfig, recipe: Recipe, probes: Sequence[Probe] = ()) -> bool:
    """Whether the fleet engine can train a model of this configuration by this recipe; the plain engine can train any."""
    is_plain = any(not method.in_fleet for method in recipe.methods)
    return (
        not is_plain and not any(probe.missing_in_fleet() for probe in probes) and architecture_of(config) is not None
    )


class FleetEngine:
    """Executes the plans of its members, one step of all of them at a time.

    Args:
        model: Any model of the members' architecture: its shapes are taken.
        precision: ``bf16`` computes matmuls in bf16 over fp32 weights, as autocast does. ``fp64``, for comparisons, is
            without dropout.
        device: Where to train.

    Raises:
        ValueError: the architecture is not one that a stack knows (:func:`fits_fleet`).
    """

    def __init__(self, model: nn.Module, *, precision: str = "fp32", device: str = "cpu") -> None:
        config: Any = model.config
        architecture = architecture_of(config)
        if architecture is None:
            raise ValueError(f"a fleet cannot train a {type(model).__name__}; use the plain engine")
        self._architecture = architecture
        master, self._dtype = _DTYPES[precision]
        self._state = FleetState(Layout.of(model), device=device, dtype=master)
        # Shapes are rounded up where a kernel is prepared for each one: by oneDNN for bf16, and on a GPU.
        self._multiple = 32 if precision == "bf16" or device != "cpu" else 1
        self._mixed = MixedMembers()
        self._predictor = Predictor(architecture, self._dtype, self._multiple)
        self.members: list[Member] = []

    # Joining and leaving.

    def join(self, members: Sequence[Member]) -> list[list[Record]]:
        """Take in new members, or such as go on; what is recorded of each new one before its first step.

        Raises:
            ValueError: a model has another architecture than those of the fleet.
            UserError: a method of a member cannot start; the fleet stays as it was.
        """
        for member in members:
            config: Any = member.model.config
            if architecture_of(config) != self._architecture or Layout.of(member.model) != self._state.stack.layout:
                raise ValueError("the models of one fleet must have one architecture; use a second fleet for this one")
        for member in members:
            member.start()
        before = len(self.members)
        is_new = [not member.has_joined and member.step == 0 for member in members]
        self._state.resize([*range(before), *[-1] * len(members)])
        if any(member.plan.select_from for member in members):
            self._state.remember_best()
        seen: list[list[Record]] = []
        for index, member in enumerate(members, before):
            has_joined, member.has_joined = member.has_joined, True
            weights = {name: value.detach() for name, value in member.model.named_parameters()}
            self._state.start(index, weights, member.effects)
            self._mixed.add(member.effects.mixtures)
            needs = member.watch.needs("start", 0)
            start = [] if has_joined else member.watch.show("start", 0, see_model(member.model, needs))
            seen.append(start if is_new[index - before] else [])
            self._go_on(index, member)
        self.members += members
        evaluated = self._evaluate([before + i for i, new in enumerate(is_new) if new])
        return [start + evaluated.get(before + index, []) for index, start in enumerate(seen)]

    def release(self, members: Sequence[Member]) -> None:
        """Let members go; the ``model`` of one that is done then holds its result.

        One that is not done may join again: its model keeps the start weights, so take its :meth:`state` before.
        """
        if not members:
            return  # a fleet without them is a copy of all the others
        for member in members:
            if not member.is_done:
                continue
            index = self.members.index(member)
            if member.diverged_at is None:
                member.evaluated_at = member.best[1] if member.best else member.step
                weights = self._state.result(index, is_best=member.best is not None)
            else:
                weights = self._state.stack.weights(index)
            member.model.load_state_dict(weights, strict=False)
        keep = [index for index, member in enumerate(self.members) if member not in members]
        self.members = [self.members[index] for index in keep]
        self._mixed.keep(keep)
        self._state.resize(keep)
        used = [(member.data.train, *member.data.evaluation.values()) for member in self.members]
        self._predictor.tables.keep([split for splits in used for split in splits])

    # Going on later.

    def state(self, member: Member) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """A member's weights, moments and best weights as arrays, and what else is needed as JSON values."""
        arrays = self._state.read(self.members.index(member), has_best=member.best is not None)
        values: dict[str, Any] = {"best": {"score": member.best[0], "step": member.best[1]}} if member.best else {}
        methods = member.treatments.state()[1] if member.treatments is not None else []
        return arrays, values | ({"methods": methods} if methods else {})

    def _go_on(self, index: int, member: Member) -> None:
        """Give a member that stopped earlier the state it had."""
        if member.resume is None:
            return
        arrays, extra = member.resume
        if best := extra.get("best"):
            member.best = (best["score"], best["step"])
        self._state.write(index, arrays, has_best=member.best is not None)
        member.resume = None

    # Training.

    def train_step(self) -> list[list[Record]]:
        """One step of every member, its evaluation included; what was recorded, by member.

        Members that are done must have been released. Where memory ends in computing the gradients, nothing has changed
        yet: some members may be released with their state, and the step be tried again.

        Raises:
            RuntimeError: memory ended later, even for evaluating one member alone; the step and its records are lost.
        """
        if any(member.is_done for member in self.members):
            raise RuntimeError("release the members that are done before the next step")
        view = self._backward()
        records: list[list[Record]] = []
        for member, loss in zip(self.members, view.losses, strict=True):
            member.step += 1
            member.diverged_at = None if math.isfinite(loss) else member.step
            records.append([Record(member.step, "loss", {"loss": loss})])
        try:
            self._observe(view, records)
            self._update(view)
            for index, more in self._evaluate(range(len(self.members))).items():
                records[index] += more
        except Exception as error:
            if is_out_of_memory(error):
                raise RuntimeError("memory ended in the middle of a step; go on from an earlier state") from error
            raise
        return records

    def _update(self, view: StepView) -> None:
        """Clip and take the optimizer's step; one whose loss was not finite stays as it was."""
        recipes = [member.recipe for member in self.members]
        self._state.optimizer.clip(recipes, view.norms)
        rates = [float(member.plan.learning_rates[member.step - 1]) for member in self.members]
        diverged = [index for index, member in enumerate(self.members) if member.diverged_at is not None]
        for index in diverged:
            rates[index] = 0.0
        for gradient in self._state.stack.gradients if diverged else ():
            gradient[diverged] = 0.0
        steps = [member.step for member in self.members]
        self._state.optimizer.step(Rates.of(recipes, rates, steps))
        self._state.average(steps)

    def _backward(self) -> StepView:
        """Gradients of every member's loss; the losses, and what probes need to see."""
        seeds = np.array([step_seed(member.seeds.dropout, member.step + 1) for member in self.members], np.uint64)
        tables = [self._predictor.tables.of(member.data.train) for member in self.members]
        batches = [member.plan.batches[member.step] for member in self.members]
        batch = pack(tables, batches, self._architecture.heads, self._state.stack.device, self._multiple)
        self._state.stack.start_backward()
        mixes = self._mixed.at(self._state.stack, seeds)
        run = Pass(self._architecture, self._state.stack, batch, self._masks(seeds), mixes, self._dtype)
        logits, dense = run.logits()
        weights = self._state.effects.loss_weights(logits.shape[-1])
        losses = member_losses(logits, batch.labels, batch.is_example)
        trained = losses if weights is None else member_losses(logits, batch.labels, batch.is_example, weights)
        torch.autograd.backward(trained.sum())
        # As in the plain engine: the loss without weights, unless that of training is not finite.
        losses = torch.where(trained.isfinite(), losses, trained)
        dense_before_tanh = dense if self._architecture.has_tanh_pooler else None
        return StepView.of(self.members, self._state, losses, logits, dense_before_tanh)

    def _masks(self, seeds: np.ndarray) -> Masks | None:
        probability = np.array([member.recipe.required("dropout") for member in self.members])
        if not probability.any():
            return None
        keys = site_keys(seeds, np.arange(self._architecture.sites))
        device = self._state.stack.device
        return Masks(torch.from_numpy(keys).to(device), DropProbability.of(probability, device))

    def _observe(self, view: StepView, records: list[list[Record]]) -> None:
        """Show the step to the probes that look at it."""
        for index, member in enumerate(self.members):
            if member.diverged_at is None:
                records[index] += member.watch.show("steps", member.step, view.of_member(index, member, self._state))

    # Evaluation.

    def _evaluate(self, indices: Sequence[int]) -> dict[int, list[Record]]:
        """Evaluate those of the members whose plans say so now; records by the member's index."""
        due = [
            i
            for i in indices
            if self.members[i].diverged_at is None and self.members[i].step in self.members[i].plan.evaluate_after
        ]
        groups: dict[tuple[tuple[str, int], ...], list[int]] = {}
        for index in due:
            splits = self.members[index].data.evaluation
            groups.setdefault(tuple((name, id(split)) for name, split in splits.items()), []).append(index)
        if not due:
            return {}
        # Between two steps nothing else needs the gradients.
        needs = {index: self.members[index].watch.needs("evaluations", self.members[index].step) for index in due}
        distances = self._state.evaluated_distances() if any("distances" in each for each in needs.values()) else None
        improved: list[int] = []
        records: dict[int, list[Record]] = {}
        for group in groups.values():
            predicted = self._predict_group(group)
            for row, index in enumerate(group):
                logits = {name: found.logits[row] for name, found in predicted.items()}
                seen: dict[str, Any] = {}
                if "weights" in needs[index]:
                    seen["weights"] = self._state.result(index, is_best=False)
                shares = [found.saturated[row] for found in predicted.values() if found.saturated is not None]
                seen["saturated"] = float(np.concatenate(shares).mean()) if shares else None
                if distances is not None:
                    seen["distances"] = distances[index]
                records[index], is_best = self.members[index].judge(logits, seen)
                improved += [index] if is_best else []
        self._state.keep_best(improved)
        for index, more in self._see_end(due).items():
            records[index] += more
        return records

    def _see_end(self, indices: Sequence[int]) -> dict[int, list[Record]]:
        """What the probes of members whose plans end here record of their last weights, by the member's index."""
        ending = [index for index in indices if self.members[index].step == self.members[index].plan.steps]
        needs = {index: self.members[index].watch.needs("end", self.members[index].step) for index in ending}
        groups: dict[int, list[int]] = {}
        for index in (index for index in ending if "training_loss" in needs[index]):
            groups.setdefault(id(self.members[index].data.train), []).append(index)
        seen: dict[int, dict[str, Any]] = {index: {} for index in ending}
        for group in groups.values():
            train = self.members[group[0]].data.train
            logits = self._predictor.predict(self._state.evaluated(group), train).logits
            for row, index in enumerate(group):
                seen[index]["training_loss"] = mean_loss(logits[row], train.labels)
        for index in (index for index in ending if "weights" in needs[index]):
            seen[index]["weights"] = self._state.result(index, is_best=False)
        return {index: self.members[index].watch.show("end", self.members[index].step, seen[index]) for index in ending}

    def _predict_group(self, group: Sequence[int]) -> dict[str, Prediction]:
        """Predictions for each split of these members, which share them."""
        stack = self._state.evaluated(group)
        splits = self.members[group[0]].data.evaluation
        return {name: self._predictor.predict(stack, split) for name, split in splits.items()}
