"""Arguments of a Trainer that trains by the paper's baseline, and seeds that do not share data orders."""

from __future__ import annotations

import os
from typing import Any

from seedproof.errors import UserError

SPACING = 1000
"""Distance of two seeds that a Trainer is given. It orders epoch e by a generator seeded with seed + e, so neighbouring
seeds share all orders but one: seed 1 has the orders A B C, seed 2 has B C D. Seeds this far apart share none for as many
epochs."""
MOST_SEEDS = 2**32 // SPACING
"""Numbers of seeds: NumPy's generators take less than 2^32."""
EPOCHS, FEWEST_EPOCHS, BATCH_SIZE = 20, 3, 16
LARGEST_TASK = 8551
"""Examples of CoLA, the largest task on which the paper trains for 20 epochs: 10,700 steps."""


def spaced_seed(number: int) -> int:
    """The seed that a Trainer is given for the number of a run, so that no two runs share a data order: 1000 times that.

    Raises:
        UserError: a number below 0 or above 4,294,966.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < MOST_SEEDS:
        raise UserError(f"the seed {number!r} is not valid; give a whole number from 0 to {MOST_SEEDS - 1}")
    return number * SPACING


def stable_arguments(examples: int, output_dir: str | os.PathLike[str], *, seed: int = 0, **changed: Any) -> Any:
    """``TrainingArguments`` of the paper's baseline (arXiv 2006.04884, section 6) for a training set of some size.

    20 epochs in batches of 16, AdamW with bias correction and eps 1e-6, a learning rate of 2e-5 that rises over the first
    10 % of the steps and falls linearly to 0, weight decay .01, gradients clipped at a norm of 1. More examples than the
    paper's largest task has (CoLA, 8,551) are passed fewer times, so that steps do not grow beyond its 10,700, but at
    least 3 times. The development set is evaluated after every epoch, and the last weights are the result.

    Args:
        examples: of the training set.
        output_dir: as the Trainer takes it.
        seed: number of the run. The Trainer's seed is 1000 times that, so that runs share no data order
            (:func:`spaced_seed`).
        **changed: arguments that win over these.

    Returns:
        A ``transformers.TrainingArguments``.

    Raises:
        UserError: no examples, or a seed outside its range.
    """
    from transformers import TrainingArguments

    if isinstance(examples, bool) or not isinstance(examples, int) or examples < 1:
        raise UserError(
            f"examples = {examples!r} is not valid; give the number of training examples, len(train_dataset)"
        )
    stable: dict[str, Any] = {
        "num_train_epochs": max(FEWEST_EPOCHS, min(EPOCHS, round(EPOCHS * LARGEST_TASK / examples))),
        "per_device_train_batch_size": BATCH_SIZE,
        "learning_rate": 2e-5,
        "lr_scheduler_type": "linear",
        "warmup_steps": 0.1,  # below 1: the fraction of the steps
        "optim": "adamw_torch",  # corrects the bias of its moments
        "adam_epsilon": 1e-6,
        "weight_decay": 0.01,
        "max_grad_norm": 1.0,
        "eval_strategy": "epoch",
        "seed": spaced_seed(seed),
    }
    return TrainingArguments(output_dir=os.fspath(output_dir), **(stable | changed))
