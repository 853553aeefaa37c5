"""What a figure needs to have run, said in roles and without data: a block is one task, model and recipe over seeds.

Blocks of several figures overlap. Two of them that mean the same run give the same id, so it is trained once; what is
kept of a run (its weights) is asked for by any block of any figure, so that no run has to be done again for another
figure later.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from seedproof.paper.scale import SHORT_EPOCHS, Scale
from seedproof.printable import counted
from seedproof.recipes import Recipe, recipe
from seedproof.spec import Seeds
from seedproof.tasks.subsample import sample_name

DEVLIN = "devlin"
CORRECTED = "devlin(bias_correction=True)"
QUARTER = "devlin-quarter-lr"
MIXOUT = "mixout"


class RunKey(NamedTuple):
    """What tells a run of one reproduction from the others."""

    task: str
    """Role of the task."""
    examples: int | None
    """Examples of a sub-sample; None: all."""
    subset: int
    """Seed that draws it."""
    model: str
    """Role of the model."""
    recipe: str
    seed: str


@dataclass(frozen=True, kw_only=True)
class Block:
    """Runs of one task, model and recipe, a run per seed."""

    task: str
    model: str
    recipe: Recipe
    seeds: tuple[Seeds, ...]
    examples: int | None = None
    """Training examples of a sub-sample; None: all."""
    subset: int = 0
    """Seed that draws the sub-sample."""
    weights: bool = False
    """Whether an analysis needs the final weights."""

    def run_keys(self) -> list[RunKey]:
        """The runs in the order of the seeds."""
        return [
            RunKey(self.task, self.examples, self.subset, self.model, self.recipe.name, seed.label)
            for seed in self.seeds
        ]

    def task_name(self, scale: Scale) -> str:
        """What the task of these runs is called."""
        known = scale.task(self.task)
        if self.examples is None:
            return known.name
        return sample_name(known.name, self.examples, known.train, self.subset)

    def steps(self, scale: Scale) -> int:
        """Steps of each run, as :func:`seedproof.training.plan.make_plan` counts them (held against it by a test)."""
        settled = self.recipe.with_settings(scale.settings)
        if settled.max_steps is not None:
            return settled.max_steps + int(settled.extra_step)
        per_epoch = -(-(self.examples or scale.task(self.task).train) // settled.batch_size)
        return max(1, round(settled.epochs * per_epoch))


def block(task: str, model: str, wanted: Recipe | str, seeds: int | Sequence[Seeds], **more: Any) -> Block:
    """A block by the short way: a recipe's name, a number of seeds that stands for 0 to n - 1."""
    chosen = recipe(wanted) if isinstance(wanted, str) else wanted
    listed = [Seeds.from_number(number) for number in range(seeds)] if isinstance(seeds, int) else seeds
    return Block(task=task, model=model, recipe=chosen, seeds=tuple(listed), **more)


def varied(factor: float = 1.0, *, epochs: float = SHORT_EPOCHS, correction: bool = False) -> Recipe:
    """The default recipe at another rate, length or with bias correction, under the one name that it has everywhere.

    Its name is what ``seedproof study run --recipe`` takes, so that figures (and other studies) share its runs.
    """
    settings: dict[str, Any] = {"learning_rate_factor": factor} if factor != 1.0 else {}
    base = "mosbach" if correction and epochs != SHORT_EPOCHS else "devlin"
    if epochs != recipe(base).epochs:
        settings["epochs"] = epochs
    if correction and base == "devlin":
        settings["bias_correction"] = True
    return recipe(base, **settings)


def mosbach(scale: Scale) -> Recipe:
    """The recipe that the paper proposes, at the length of the scale."""
    return varied(epochs=scale.long_epochs, correction=True)


def baseline(scale: Scale, task: str) -> Block:
    """The runs of the recipe that the paper proposes."""
    return block(task, "bert", mosbach(scale), scale.long_seeds or scale.seeds)


def short_name(wanted: Recipe, *, epochs: bool = False) -> str:
    """What a box of the ablations is called: ``lr x0.5, corrected``."""
    correction = "corrected" if wanted.bias_correction else "uncorrected"
    length = f"{counted(wanted.epochs, 'epoch')}, " if epochs else ""
    return f"{length}lr x{wanted.learning_rate_factor:g}, {correction}"


def united(blocks: Iterable[Block]) -> list[Block]:
    """Merge blocks so that each run appears once, in first-seen order; keep weights if any block asks for them.

    Blocks of one task, model and recipe are joined where they agree on the weights.
    """
    wanted: dict[RunKey, tuple[Block, Seeds, bool]] = {}
    for each in blocks:
        for key, seed in zip(each.run_keys(), each.seeds, strict=True):
            known = wanted.get(key)
            wanted[key] = (known[0] if known else each, seed, each.weights or (known is not None and known[2]))
    joined: dict[tuple[Any, ...], tuple[Block, list[Seeds]]] = {}
    for key, (first, seed, weights) in wanted.items():
        joined.setdefault((*key[:-1], weights), (dataclasses.replace(first, weights=weights), []))[1].append(seed)
    return [dataclasses.replace(first, seeds=tuple(seeds)) for first, seeds in joined.values()]


def with_weights(blocks: Sequence[Block], everything: Iterable[Block]) -> list[Block]:
    """``blocks``, keeping the weights of every run of which any block of ``everything`` does."""
    keeping = {key for each in everything if each.weights for key in each.run_keys()}
    parts = []
    for each in united(blocks):
        for weights in (True, False):
            seeds = [seed for key, seed in zip(each.run_keys(), each.seeds, strict=True) if (key in keeping) == weights]
            if seeds:
                parts.append(dataclasses.replace(each, seeds=tuple(seeds), weights=weights))
    return parts
