"""The plan of a run: what happens at each step, computed before training by a pure function of the spec.

Engines only execute a plan. It says which examples each step takes, at which learning rate, how far the optimizer's bias
correction is, and when the development set is evaluated. numpy only: a plan is the same on every machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seedproof.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jaxtyping import Float, Float64, Int64, Num

    from seedproof.recipes import Recipe
    from seedproof.spec import Seeds


MOST_STEPS = 10_000_000
"""Steps of one run: the plan holds every batch of all of them in memory."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """What happens at each step; step ``k`` counts from 1, arrays from 0."""

    batches: Sequence[Int64[np.ndarray, " batch"]]
    """Indices of the training examples of each step."""
    learning_rates: Float64[np.ndarray, " steps"]
    """Learning rate of each step."""
    step_sizes: Float64[np.ndarray, " steps"]
    """Learning rate of each step divided by k(t) where the recipe leaves the bias correction out: the size of step that an
    Adam with correction would take; equal to ``learning_rates`` where it corrects."""
    evaluate_after: frozenset[int]
    """Steps after which the development set is evaluated: 0 is the untrained model; the last step is always there."""
    select_from: frozenset[int]
    """The evaluations among which the best is kept; empty when the end of training counts."""
    steps_per_epoch: int

    @property
    def steps(self) -> int:
        """Number of optimizer steps."""
        return len(self.batches)


def correction_factor(
    step: float | np.ndarray, beta1: float = 0.9, beta2: float = 0.999
) -> Float64[np.ndarray, "*steps"]:
    """k(t) = sqrt(1 - beta2^t) / (1 - beta1^t), with which bias correction multiplies Adam's step (paper, Figure 6).

    >>> correction_factor(np.array([1, 46])).round(3).tolist()
    [0.316, 0.214]
    """
    steps = np.asarray(step, np.float64)
    return np.asarray(np.sqrt(1 - beta2**steps) / (1 - beta1**steps))


def matched_divisor(plan: Plan) -> float:
    """Divisor of a recipe's learning rate that gives the same mean step size with correction.

    The schedule-weighted mean of 1/k(t): 3.0 for three epochs of RTE without correction, 1 with it.
    """
    return float(plan.step_sizes.sum() / plan.learning_rates.sum())


def schedule_factor(
    schedule: str, step: Num[np.ndarray, " steps"], steps: float, warmup: float
) -> Float[np.ndarray, " steps"]:
    """Fraction of the peak learning rate at each step, steps counted from 0 as Transformers' schedulers do.

    ``linear``: 0 at step 0, up to 1 after ``warmup`` steps, then down to 0 after the last. ``linear-drop``: as Google's
    code and the early PyTorch BertAdam, where the decay counts from step 0, so that warm-up ends with a drop from 1 to
    1 - warmup/steps. ``constant``: stays at 1 after the warm-up.

    ``warmup`` is below ``steps``. All three may be given as fractions of the whole training, as BertAdam does
    (pytorch-pretrained-bert, ``warmup_linear``): then the warm-up need not end at a whole step.

    Raises:
        UserError: another schedule.
    """
    rising = step / warmup if warmup > 0 else np.ones_like(step, float)
    shapes = {
        "linear": (steps - step) / (steps - warmup),
        "linear-drop": (steps - step) / steps,
        "constant": np.ones_like(step, float),
    }
    if schedule not in shapes:  # of a Trainer that was watched
        raise UserError(
            f"the schedule {schedule!r} is none of {', '.join(shapes)}, so its learning rates are not known"
        )
    falling = shapes[schedule]
    return np.where(step < warmup, rising, falling)


def epoch_order(seed: int, epoch: int, examples: int) -> Int64[np.ndarray, " {examples}"]:
    """Order of the training examples in an epoch.

    ``RandomState`` because numpy guarantees its stream for ever (NEP 19); ``Generator`` may change with numpy's version.
    """
    words = [seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF, epoch]
    return np.random.RandomState(words).permutation(examples).astype(np.int64)


def _draw_batches(seed: int, steps: int, batch_size: int, examples: int) -> list[np.ndarray]:
    """Batches of consecutive epochs; the last batch of an epoch holds what is left."""
    batches: list[np.ndarray] = []
    for epoch in range(math.ceil(steps / math.ceil(examples / batch_size))):
        order = epoch_order(seed, epoch, examples)
        batches.extend(order[start : start + batch_size] for start in range(0, examples, batch_size))
    return batches[:steps]


def count_steps(recipe: Recipe, examples: int) -> int:
    """Steps of a run of ``recipe`` over ``examples`` training examples, without the extra one.

    Raises:
        UserError: more than :data:`MOST_STEPS`.
    """
    per_epoch = math.ceil(examples / recipe.batch_size)
    steps = recipe.max_steps if recipe.max_steps is not None else max(1, round(recipe.epochs * per_epoch))
    if steps > MOST_STEPS:
        cause = (
            f"max_steps = {steps}"
            if recipe.max_steps is not None
            else f"epochs = {recipe.epochs:g} of {per_epoch} steps"
        )
        raise UserError(f"{cause} is too much for recipe {recipe.name!r}; a run has at most {MOST_STEPS} steps")
    return steps


def step_at(fraction: float, steps: int) -> int:
    """The step at which a fraction of a training of so many steps is done, at least the first.

    >>> step_at(0.3, 69)
    21
    """
    return max(1, round(fraction * steps))


def total_steps(recipe: Recipe, examples: int) -> int:
    """Steps of a run of ``recipe`` over ``examples`` training examples, the extra one of Devlin et al.'s code included.

    Raises:
        UserError: more than :data:`MOST_STEPS`.
    """
    return count_steps(recipe, examples) + int(_has_extra_step(recipe))


def _has_extra_step(recipe: Recipe) -> bool:
    return bool(recipe.extra_step) and recipe.max_steps is not None


def make_plan(
    recipe: Recipe, seeds: Seeds, examples: int, evaluations: int | None = None, evaluation_at: float | None = None
) -> Plan:
    """Plan a run of ``recipe`` (resolved) over ``examples`` training examples.

    ``evaluations``: how often the development set is evaluated at evenly spaced steps, the last included; None: after
    every epoch. ``evaluation_at``: it is evaluated at this fraction of the training too. What is recorded does not change
    the run: with ``select="best"`` the candidates are always the end of each epoch and the untrained model.
    """
    per_epoch = math.ceil(examples / recipe.batch_size)
    steps = count_steps(recipe, examples)
    if recipe.required("warmup_end") == "exact":
        factors = schedule_factor(recipe.schedule, np.arange(steps) / steps, 1.0, recipe.warmup_ratio)
    else:
        factors = schedule_factor(recipe.schedule, np.arange(steps), steps, int(recipe.warmup_ratio * steps))
    if _has_extra_step(recipe):
        steps, factors = steps + 1, np.append(factors, 0.0)
    rates = recipe.peak_learning_rate * factors
    epoch_ends = frozenset({*range(per_epoch, steps + 1, per_epoch), steps})
    spaced = {round(steps * part / evaluations) for part in range(1, evaluations + 1)} if evaluations else epoch_ends
    select = epoch_ends | {0} if recipe.select == "best" else frozenset()
    beta1, beta2 = recipe.required("beta1"), recipe.required("beta2")
    sizes = rates if recipe.bias_correction else rates / correction_factor(np.arange(steps) + 1, beta1, beta2)
    return Plan(
        batches=_draw_batches(seeds.order, steps, recipe.batch_size, examples),
        learning_rates=rates,
        step_sizes=np.asarray(sizes, float),
        evaluate_after=frozenset(spaced) | {steps} | select | _also(evaluation_at, steps),
        select_from=select,
        steps_per_epoch=per_epoch,
    )


def _also(evaluation_at: float | None, steps: int) -> frozenset[int]:
    return frozenset() if evaluation_at is None else frozenset({step_at(evaluation_at, steps)})
