"""The fleet engine: many runs of one architecture in one step, tokens without padding.

Members may differ in seeds, recipe, task and step; they join, diverge and finish independently. What a member computes
does not depend on its mates but for rounding: sums over a longer row of padding may be split differently. So a fleet
repeats bit for bit when its schedule of shapes is the same, and one step of it is the plain engine's step to tolerance
(``tests/training/test_fleet.py``). A fleet of one is the plain engine without padding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from seedproof.models.stacked.architecture import Architecture
from seedproof.models.stacked.encoder import Pass
from seedproof.models.stacked.layout import Layout
from seedproof.models.stacked.masks import Chance, Masks, site_keys
from seedproof.models.stacked.packing import TokenTable, pack
from seedproof.models.stacked.stack import Stack
from seedproof.probes.pooler import THRESHOLD
from seedproof.recipes.base import Recipe
from seedproof.recipes.mixout import MixoutRecipe
from seedproof.training.engine import Record, RunData, prediction_entropy, step_seed
from seedproof.training.fleet_mixout import MixedMembers
from seedproof.training.stacked_optimizer import Rates, StackedAdamW

if TYPE_CHECKING:
    from transformers import PretrainedConfig

    from seedproof.models.tokens import TokenizedSplit
    from seedproof.probes.base import Probe
    from seedproof.training.plan import Plan

EVALUATION_TOKENS = 8192
"""Tokens of all members in one pass of an evaluation, padding of the grid included; at least one example each."""


_DTYPES = {
    "fp32": (torch.float32, torch.float32),
    "bf16": (torch.float32, torch.bfloat16),
    "fp64": (torch.float64, torch.float64),
}
"""Of the weights and of the products."""


def fits_fleet(config: PretrainedConfig, recipe: Recipe, probes: Sequence[Probe] = ()) -> bool:
    """Whether the fleet engine can train a model of this configuration by this recipe; the plain engine can train any."""
    hooks = ("parameter_groups", "loss", "after_gradient", "after_step")
    is_plain = all(getattr(type(recipe), hook) is getattr(Recipe, hook) for hook in hooks)
    is_plain &= type(recipe).prepare_model in (Recipe.prepare_model, MixoutRecipe.prepare_model)
    return is_plain and all(probe.works_in_fleet for probe in probes) and Architecture.of(config) is not None


@dataclass(eq=False, kw_only=True)
class Member:
    """One run of a fleet; what it is given, and where it stands. As an engine, it is asked for its state and outcome."""

    model: nn.Module
    """Holds the start weights; and the result's, after :meth:`FleetEngine.release` of a member that is done."""
    recipe: Recipe
    plan: Plan
    data: RunData
    dropout_seed: int
    probes: Sequence[Probe] = ()
    step: int = 0
    """Steps done."""
    diverged_at: int | None = None
    evaluated_at: int | None = None
    """The step whose weights are the result, once training has ended."""
    best: tuple[float, int] | None = None
    """Score and step of the best evaluation, where the recipe selects it; the engine keeps its weights."""
    resume: tuple[Mapping[str, np.ndarray], Mapping[str, Any]] | None = None
    """What :meth:`FleetEngine.state` gave after ``step`` steps."""
    has_joined: bool = False
    """However often a member comes and goes, its recipe prepares the model once and its start is recorded once."""

    @property
    def steps(self) -> int:
        """Steps of the whole plan."""
        return self.plan.steps

    @property
    def is_done(self) -> bool:
        """Whether there is nothing left to train."""
        return self.step >= self.plan.steps or self.diverged_at is not None


class FleetEngine:
    """Executes the plans of its members, one step of all of them at a time.

    Args:
        model: Any model of the members' architecture: its shapes are taken.
        precision: ``bf16`` computes products in bf16 over fp32 weights, as autocast does. ``fp64``, for comparisons, is
            without dropout.
        device: Where to train.

    Raises:
        ValueError: the architecture is not one that a stack knows (:func:`fits_fleet`).
    """

    def __init__(self, model: nn.Module, *, precision: str = "fp32", device: str = "cpu") -> None:
        config: Any = model.config
        architecture = Architecture.of(config)
        if architecture is None:
            raise ValueError(f"a fleet cannot train a {type(model).__name__}; use the plain engine")
        self._architecture = architecture
        master, self._dtype = _DTYPES[precision]
        self._stack = Stack(Layout.of(model), 0, device=device, dtype=master)
        # Shapes are rounded up where a kernel is prepared for each one: by oneDNN for bf16, and on a GPU.
        self._multiple = 32 if precision == "bf16" or device != "cpu" else 1
        self._optimizer = StackedAdamW(self._stack)
        self._starts: list[Tensor] = []
        self._best: list[Tensor] = []
        """The weights at the members' best evaluations, like ``values`` of the stack; empty while no recipe selects."""
        self._mixed = MixedMembers()
        self._tables: dict[int, tuple[TokenizedSplit, TokenTable]] = {}
        self.members: list[Member] = []

    # Joining and leaving.

    def join(self, members: Sequence[Member]) -> list[list[Record]]:
        """Take in new members, or such as go on; what is recorded of each new one before its first step.

        Raises:
            ValueError: a model has another architecture than those of the fleet.
        """
        for member in members:
            config: Any = member.model.config
            if Architecture.of(config) != self._architecture or Layout.of(member.model) != self._stack.layout:
                raise ValueError("the models of one fleet must have one architecture; use a second fleet for this one")
        before = len(self.members)
        is_new = [not member.has_joined and member.step == 0 for member in members]
        self._resize([*range(before), *[-1] * len(members)])
        if not self._best and any(member.plan.select_from for member in members):
            self._best = [torch.zeros_like(value) for value in self._stack.values]
        seen: list[list[Record]] = []
        for index, member in enumerate(members, before):
            if not member.has_joined:
                member.recipe.prepare_model(member.model)
                member.has_joined = True
            weights = dict(member.model.named_parameters())
            self._stack.load(index, weights)
            self._stack.write(self._starts, index, {name: value.detach() for name, value in weights.items()})
            self._mixed.add(member.model)
            described = [(probe.name, probe.describe(member.model)) for probe in member.probes]
            seen.append([Record(0, name, values) for name, values in described if values and is_new[index - before]])
            self._go_on(index, member)
        self.members += members
        evaluated = self._evaluate([before + i for i, new in enumerate(is_new) if new])
        return [start + evaluated.get(before + index, []) for index, start in enumerate(seen)]

    def release(self, members: Sequence[Member]) -> None:
        """Let members go; the ``model`` of one that is done then holds its result.

        One that is not done may join again: its model keeps the start weights, so take its :meth:`state` before.
        """
        for member in members:
            if not member.is_done:
                continue
            slabs = self._stack.values
            if member.diverged_at is None:
                slabs, member.evaluated_at = (self._best, member.best[1]) if member.best else (slabs, member.step)
            weights = self._stack.read(slabs, self.members.index(member))
            member.model.load_state_dict(weights, strict=False)
        keep = [index for index, member in enumerate(self.members) if member not in members]
        self.members = [self.members[index] for index in keep]
        self._mixed.keep(keep)
        self._resize(keep)
        used = {id(split) for member in self.members for split in (member.data.train, *member.data.evaluation.values())}
        self._tables = {key: value for key, value in self._tables.items() if key in used}

    def _resize(self, rows: Sequence[int]) -> None:
        """Make the stack of these rows of the present one; -1 is a new row, whose averages are 0."""
        old = self._stack
        if not old.members or not rows:
            self._stack = Stack(old.layout, len(rows), device=old.device, dtype=old.dtype)
            self._optimizer = StackedAdamW(self._stack)
            self._starts, self._best = [torch.zeros_like(value) for value in self._stack.values], []
            return
        sources = [max(row, 0) for row in rows]
        stack = old.keep(sources)
        optimizer = self._optimizer.keep(sources, stack)
        starts, best = ([value[sources] for value in slabs] for slabs in (self._starts, self._best))
        # All at once: if memory ends in between, the old fleet is still whole.
        self._stack, self._optimizer, self._starts, self._best = stack, optimizer, starts, best
        for index in (index for index, row in enumerate(rows) if row < 0):
            self._optimizer.clear(index)

    # Going on later: everything that the next step of a member depends on.

    def state(self, member: Member) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """A member's weights, averages and best weights as arrays, and what else is needed as JSON values."""
        index, slabs = self.members.index(member), self._optimizer
        kinds = {"model": self._stack.values, "average": slabs.averages, "square": slabs.squares}
        kinds |= {"best": self._best} if member.best else {}
        tensors = {f"{k}/{n}": v for k, slab in kinds.items() for n, v in self._stack.read(slab, index).items()}
        extra = {"best": {"score": member.best[0], "step": member.best[1]}} if member.best else {}
        return {name: value.cpu().numpy() for name, value in tensors.items()}, extra

    def _go_on(self, index: int, member: Member) -> None:
        """Give a member that stopped earlier the state it had."""
        if member.resume is None:
            return
        tensors, extra = member.resume
        slabs = self._optimizer
        for kind, slab in (("model", self._stack.values), ("average", slabs.averages), ("square", slabs.squares)):
            self._stack.write(slab, index, _under(tensors, f"{kind}/"))
        if best := extra.get("best"):
            member.best = (best["score"], best["step"])
            self._stack.write(self._best, index, _under(tensors, "best/"))
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
        losses = self._backward()
        records: list[list[Record]] = []
        for member, loss in zip(self.members, losses, strict=True):
            member.step += 1
            member.diverged_at = None if math.isfinite(loss) else member.step
            records.append([Record(member.step, "loss", {"loss": loss})])
        try:
            self._probe_gradients(records)
            self._update()
            for index, more in self._evaluate(range(len(self.members))).items():
                records[index] += more
        except Exception as error:
            if is_out_of_memory(error):
                raise RuntimeError("memory ended in the middle of a step; go on from an earlier state") from error
            raise
        return records

    def _update(self) -> None:
        """Clip and take the optimizer's step; one whose loss was not finite stays as it was."""
        recipes = [member.recipe for member in self.members]
        self._optimizer.clip(recipes)
        rates = [float(member.plan.learning_rates[member.step - 1]) for member in self.members]
        diverged = [index for index, member in enumerate(self.members) if member.diverged_at is not None]
        for index in diverged:
            rates[index] = 0.0
        for gradient in self._stack.gradients if diverged else ():
            gradient[diverged] = 0.0
        self._optimizer.step(Rates.of(recipes, rates, [member.step for member in self.members]))

    def _backward(self) -> list[float]:
        """Gradients of every member's loss; the losses."""
        seeds = np.array([step_seed(member.dropout_seed, member.step + 1) for member in self.members], np.uint64)
        tables = [self._table(member.data.train) for member in self.members]
        batches = [member.plan.batches[member.step] for member in self.members]
        batch = pack(tables, batches, self._architecture.heads, self._stack.device, self._multiple)
        self._stack.start_backward()
        mixes = self._mixed.at(self._stack, seeds)
        run = Pass(self._architecture, self._stack, batch, self._masks(seeds), mixes, self._dtype)
        losses = member_losses(run.logits()[0], batch.labels, batch.is_example)
        torch.autograd.backward(losses.sum())
        values: list[float] = losses.detach().cpu().tolist()
        return values

    def _masks(self, seeds: np.ndarray) -> Masks | None:
        probability = np.array([member.recipe.required("dropout") for member in self.members])
        if not probability.any():
            return None
        keys = site_keys(seeds, np.arange(self._architecture.sites))
        device = self._stack.device
        return Masks(torch.from_numpy(keys).to(device), Chance.of(probability, device))

    def _probe_gradients(self, records: list[list[Record]]) -> None:
        """Hand the norms of all gradients, taken in one pass, to the probes that want them now."""
        wanting = [
            (index, probe)
            for index, member in enumerate(self.members)
            for probe in member.probes
            if member.diverged_at is None and probe.wants_gradient_norms(member.step)
        ]
        if not wanting:
            return
        norms = self._stack.norms(self._stack.gradients).float().cpu().numpy()
        for index, probe in wanting:
            if values := probe.from_gradient_norms(norms[index]):
                records[index].append(Record(self.members[index].step, probe.name, values))

    # Evaluation.

    def _evaluate(self, indices: Sequence[int]) -> dict[int, list[Record]]:
        """Evaluate those of the members whose plans say so now; records by the member's index."""
        due = [i for i in indices if self.members[i].diverged_at is None
               and self.members[i].step in self.members[i].plan.evaluate_after]  # fmt: skip
        groups: dict[tuple[tuple[str, int], ...], list[int]] = {}
        for index in due:
            splits = self.members[index].data.evaluation
            groups.setdefault(tuple((name, id(split)) for name, split in splits.items()), []).append(index)
        if not due:
            return {}
        distances, improved = self._distances(), []
        records: dict[int, list[Record]] = {}
        pending = list(groups.values())
        while pending:
            group = pending.pop()
            try:
                predicted = self._predict_group(group)
            except Exception as error:
                if len(group) == 1 or not is_out_of_memory(error):
                    raise
                pending += [group[::2], group[1::2]]
                continue
            for row, index in enumerate(group):
                logits = {name: array[row] for name, (array, _) in predicted.items()}
                saturated = np.concatenate([array[row] for _, array in predicted.values()])
                records[index], is_best = self._judge(index, logits, distances[index], float(saturated.mean()))
                improved += [index] if is_best else []
        for best, value in zip(self._best, self._stack.values, strict=True) if improved else ():
            best[improved] = value[improved]
        return records

    def _predict_group(self, group: Sequence[int]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """For each split of these members, which share them, what :meth:`_predict` gives."""
        stack = self._stack if len(group) == self._stack.members else self._stack.keep(group, trains=False)
        return {name: self._predict(stack, split) for name, split in self.members[group[0]].data.evaluation.items()}

    def _distances(self) -> np.ndarray:
        """How far each parameter is from its start, float32 (members, parameters)."""
        # Between two steps nothing else needs the room of the gradients.
        slabs = zip(self._stack.values, self._starts, self._stack.gradients, strict=True)
        moved = [torch.sub(value, start, out=room) for value, start, room in slabs]
        distances: np.ndarray = self._stack.norms(moved).float().cpu().numpy()
        return distances

    def _judge(self, index: int, logits: dict[str, np.ndarray], distances: np.ndarray,
               saturated: float) -> tuple[list[Record], bool]:  # fmt: skip
        """The records of a member's evaluation, and whether it is the best so far."""
        member = self.members[index]
        scores = member.data.score(logits)
        score = scores[member.data.metric]
        is_best = member.step in member.plan.select_from and score > (member.best[0] if member.best else -math.inf)
        member.best = (score, member.step) if is_best else member.best
        values: dict[str, Any] = {"scores": scores}
        if logits["dev"].shape[1] > 1:
            values["entropy"] = prediction_entropy(logits["dev"])
        values |= {f"logits {name}": array for name, array in logits.items()}
        seen = [(probe.name, probe.from_evaluation(distances, saturated)) for probe in member.probes]
        records = [Record(member.step, "evaluation", values), *(Record(member.step, n, v) for n, v in seen if v)]
        return records, is_best

    @torch.no_grad()
    def _predict(self, stack: Stack, split: TokenizedSplit) -> tuple[np.ndarray, np.ndarray]:
        """Logits of every example, float32 (members, examples, labels), and of the pooler's map (members, examples)
        the share of saturated units."""
        table = self._table(split)
        order = np.argsort(table.lengths, kind="stable")
        logits, saturated = [], []
        start = 0
        while start < len(order):
            tokens = table.lengths[order[start:]] * np.arange(1, len(order) - start + 1) * stack.members
            size = max(1, int(np.searchsorted(tokens, EVALUATION_TOKENS, side="right")))
            chunk = order[start : start + size]
            batch = pack(
                [table] * stack.members, [chunk] * stack.members, self._architecture.heads, stack.device, self._multiple
            )
            found, pooled = Pass(self._architecture, stack, batch, dtype=self._dtype).logits()
            logits.append(found.float())
            saturated.append((torch.tanh(pooled.float()).abs() > THRESHOLD).float().mean(-1))
            start += size
        back = np.empty_like(order)
        back[order] = np.arange(len(order))
        return tuple(torch.cat(parts, 1).cpu().numpy()[:, back] for parts in (logits, saturated))  # type: ignore[return-value]

    def _table(self, split: TokenizedSplit) -> TokenTable:
        if id(split) not in self._tables:
            self._tables[id(split)] = (split, TokenTable.of(split.ids, split.segments, split.labels))
        return self._tables[id(split)][1]


def is_out_of_memory(error: Exception) -> bool:
    """Whether a device or the host had no memory left for a tensor."""
    is_host = isinstance(error, RuntimeError) and "not enough memory" in str(error)  # PyTorch's allocator on a CPU
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or is_host


def member_losses(logits: Tensor, labels: Tensor, is_example: Tensor) -> Tensor:
    """Each member's mean loss over its examples, (members,): cross-entropy, or squared error for one output.

    Args:
        logits: (members, batch, labels).
        labels: (members, batch), int64 classes or float targets.
        is_example: 1 or, where a member has fewer examples, 0: (members, batch).
    """
    if logits.shape[-1] == 1:
        each = (logits.squeeze(-1) - labels).square()
    else:
        each = nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none").view(labels.shape)
    # Not a product with 0: a padded example of a member whose weights are not finite must not be counted either way.
    return torch.where(is_example > 0, each, 0.0).sum(1) / is_example.sum(1)


def _under(tensors: Mapping[str, np.ndarray], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): torch.from_numpy(np.array(v)) for n, v in tensors.items() if n.startswith(prefix)}
