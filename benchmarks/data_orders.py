"""How many different orders of the training data the seeds of a Transformers Trainer give: docs/data-orders.md.

    python benchmarks/data_orders.py [--seeds 25] [--epochs 20] [--spacing 1] [--first 0] [--argument seed]

Runs the installed Trainer over a data set of 16 numbers with a model of one parameter, once per seed, and notes the numbers in
the order in which its batches bring them. Epochs in which the same numbers come in the same order count once. Beside it stand
the orders of seedproof's plans for the same seeds.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterable
from itertools import product
from typing import Any

import accelerate
import torch
import transformers
from torch import Tensor, nn
from transformers import PrinterCallback, Trainer, TrainingArguments

from seedproof.spec import Seeds
from seedproof.training.plan import epoch_order

EXAMPLES, BATCH = 16, 8
Order = tuple[int, ...]


class OneParameter(nn.Module):
    """The smallest model that a Trainer trains."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, numbers: Tensor) -> dict[str, Tensor]:
        return {"loss": self.weight * numbers.float().mean()}


def trainer_orders(epochs: int, **seeds: int) -> list[Order]:
    """The order of the examples in each epoch of one training, as the model is given them.

    Args:
        epochs: of the training.
        seeds: arguments of ``TrainingArguments``: ``seed``, ``data_seed``.
    """
    seen: list[int] = []

    def collate(numbers: list[int]) -> dict[str, Tensor]:
        seen.extend(numbers)
        return {"numbers": torch.tensor(numbers)}

    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            num_train_epochs=epochs,
            per_device_train_batch_size=BATCH,
            logging_strategy="no",
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
            use_cpu=True,
            dataloader_pin_memory=False,
            remove_unused_columns=False,
            **seeds,
        )
        data: Any = range(EXAMPLES)
        trainer = Trainer(model=OneParameter(), args=arguments, train_dataset=data, data_collator=collate)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return [tuple(seen[start : start + EXAMPLES]) for start in range(0, epochs * EXAMPLES, EXAMPLES)]


def planned_orders(epochs: int, seed: int) -> list[Order]:
    """The order of the examples in each epoch of one of seedproof's runs."""
    order = Seeds.from_number(seed).order
    return [tuple(epoch_order(order, epoch, EXAMPLES).tolist()) for epoch in range(epochs)]


def distinct(orders: Iterable[list[Order]]) -> int:
    """Number of different orders in all epochs of all trainings."""
    return len({order for epochs in orders for order in epochs})


def main() -> None:
    """Print both numbers, and where the first two seeds meet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=25, help="number of trainings")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--spacing", type=int, default=1, help="from one seed to the next")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument(
        "--argument", choices=("seed", "data_seed"), default="seed", help="which argument is given them"
    )
    given = parser.parse_args()
    transformers.logging.set_verbosity_error()
    seeds = range(given.first, given.first + given.seeds * given.spacing, given.spacing)
    orders = {seed: trainer_orders(given.epochs, **{given.argument: seed}) for seed in seeds}
    print(f"transformers {transformers.__version__}, accelerate {accelerate.__version__}, torch {torch.__version__}")
    print(
        f"{len(seeds)} seeds ({seeds[0]} to {seeds[-1]}), {given.epochs} epochs: {len(seeds) * given.epochs} epochs in all"
    )
    print(f"  different orders, Trainer(args.{given.argument}): {distinct(orders.values())}")
    print(f"  different orders, seedproof: {distinct(planned_orders(given.epochs, seed) for seed in seeds)}")
    if len(seeds) > 1:
        one, other = seeds[:2]
        met = [(a, b) for a, b in product(range(given.epochs), repeat=2) if orders[one][a] == orders[other][b]]
        print(f"  epochs that seeds {one} and {other} share: {len(met)} of {given.epochs}")
        for a, b in met[:1]:
            begin = ", ".join(map(str, orders[one][a][:8]))
            print(f"  the first: epoch {a + 1} of seed {one} is epoch {b + 1} of seed {other} ({begin}, ...)")


if __name__ == "__main__":
    main()
