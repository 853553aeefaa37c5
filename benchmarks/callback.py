"""What ``StabilityCallback`` costs a step of the Trainer: blocks of ten steps of one training, with it and without it in turns.

    python benchmarks/callback.py [--pairs 12] [--batch-size 16] [--length 64] [--threads 1]

The model is as large as MiniLM (BERT, 6 layers of 384, vocabulary 30,522), with random weights and random tokens. One step of
a block looks at the gradients, as every tenth does by default. In blocks without it the callback does nothing and the
Trainer has its own ``training_step``; of what is measured only the hooks on the parameters stay, which then return at once.
The order of a pair is reversed from one to the next. Processor time is counted, so that other work on the machine disturbs
little, and the ratio is taken within each pair. Printed: the median step, and the median ratio with the quartiles of the
pairs. Start and end of a training (reading the data, one evaluation if there was none) are not in it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments
from transformers.utils import logging

from seedproof.connect import StabilityCallback

BLOCK = 10


class Alternating(StabilityCallback):
    """Watches every other block; ``seconds`` has the processor time of each block after the first."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.seconds: dict[bool, list[float]] = {True: [], False: []}
        self.trainer: Trainer | None = None
        self._watches, self._kept, self._began = True, None, 0.0

    def on_step_begin(self, args, state, control, **kwargs) -> None:
        if state.global_step % BLOCK == 0:
            self._switch(state.global_step // BLOCK)
            self._began = time.process_time()
        super().on_step_begin(args, state, control, **kwargs)

    def on_step_end(self, args, state, control, **kwargs) -> None:
        super().on_step_end(args, state, control, **kwargs)
        if state.global_step % BLOCK == 0 and state.global_step > BLOCK:
            self.seconds[self._watches].append(time.process_time() - self._began)

    def on_train_end(self, args, state, control, **kwargs) -> None:
        self._set(watches=True)
        super().on_train_end(args, state, control, **kwargs)

    def _switch(self, block: int) -> None:
        pair, second = divmod(block - 1, 2)
        self._set(watches=bool((pair + second) % 2))  # with, without; without, with; ...

    def _set(self, *, watches: bool) -> None:
        if watches == self._watches:
            return
        own = vars(self.trainer)
        if watches:
            self._watching, own["training_step"] = self._kept
        else:
            self._kept = self._watching, own.pop("training_step")
            self._watching._gradients.begin(looks=False)  # else hooks would go on as in the last step, which looked
            self._watching._view.begin(frozenset())
            self._watching = None
        self._watches = watches


def train(folder: Path, pairs: int, batch_size: int, length: int) -> dict[bool, list[float]]:
    """Seconds of each block, with and without."""
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(1000, 30000, (64, length), generator=generator).tolist()
    rows = [{"input_ids": row, "labels": index % 2} for index, row in enumerate(tokens)]
    model = BertForSequenceClassification(
        BertConfig(hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536)
    )
    arguments = TrainingArguments(
        str(folder / "trainer"),
        max_steps=BLOCK * (1 + 2 * pairs),
        per_device_train_batch_size=batch_size,
        use_cpu=True,
        report_to=[],
        disable_tqdm=True,
        logging_strategy="no",
        save_strategy="no",
        remove_unused_columns=False,
    )
    callback = Alternating(folder / "store")
    callback.trainer = Trainer(model, arguments, train_dataset=rows, eval_dataset=rows[:2], callbacks=[callback])
    callback.trainer.train()
    return callback.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=12)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--length", type=int, default=64)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    logging.set_verbosity_error()
    with tempfile.TemporaryDirectory() as folder:
        found = train(Path(folder), given.pairs, given.batch_size, given.length)
    ratios = [one / other for one, other in zip(found[True], found[False], strict=True)]
    low, middle, high = statistics.quantiles(ratios, n=4)
    print(
        f"a step of {given.batch_size} x {given.length} tokens: {1000 * statistics.median(found[False]) / BLOCK:.0f} ms without"
    )
    print(f"with the callback: {100 * (middle - 1):+.2f} % (quartiles {100 * (low - 1):+.2f}, {100 * (high - 1):+.2f})")


if __name__ == "__main__":
    main()
