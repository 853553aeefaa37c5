"""The Transformers Trainer on the plan of a run: the same batches in the same order."""

from __future__ import annotations

import importlib.util
import tempfile
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from seedproof.bench.contenders import Contender
from seedproof.bench.inputs import Inputs
from seedproof.errors import UserError

LOADERS = 2
"""Processes that make batches for a GPU; on a CPU the cores have other work."""


def train(contender: Contender, inputs: Inputs, seed: int, after_step: Callable[[], None]) -> None:
    """Train one run.

    Raises:
        UserError: the Trainer's own dependency is missing.
    """
    if importlib.util.find_spec("accelerate") is None:
        raise UserError("the Trainer needs accelerate; install it with 'pip install \"seedproof[bench]\"'")
    from transformers import Trainer, TrainerCallback

    class Ordered(Trainer):  # type: ignore[misc]
        """Takes the examples as the plan has them."""

        def _get_train_sampler(self, *_: Any) -> Any:
            return torch.utils.data.SequentialSampler(order)

    class Watch(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, *_: Any, **__: Any) -> None:
            after_step()

    plan = inputs.plan(seed)
    order = [int(index) for batch in plan.batches for index in batch]
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = Ordered(
            model=inputs.model(seed),
            args=_arguments(contender, inputs, plan.steps, plan.steps_per_epoch, folder),
            train_dataset=order,
            eval_dataset=[-1 - index for index in range(len(inputs.data.evaluation["dev"]))],
            data_collator=_Collator(inputs, contender.pad_to),
            callbacks=[Watch()],
        )
        made.train()


def _arguments(contender: Contender, inputs: Inputs, steps: int, per_epoch: int, folder: str) -> Any:
    from transformers import TrainingArguments

    recipe, on_gpu = inputs.recipe, contender.device == "cuda"
    evaluation = {"eval_strategy": "steps", "eval_steps": per_epoch} if contender.whole else {"eval_strategy": "no"}
    return TrainingArguments(
        output_dir=folder,
        max_steps=steps,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=64,
        learning_rate=recipe.peak_learning_rate,
        weight_decay=recipe.required("weight_decay"),
        adam_epsilon=recipe.eps,
        max_grad_norm=recipe.max_grad_norm,
        lr_scheduler_type="linear",
        warmup_steps=int(recipe.warmup_ratio * steps),
        optim="adamw_torch_fused",
        bf16=contender.precision == "bf16",
        use_cpu=not on_gpu,
        torch_compile=contender.compiles,
        dataloader_num_workers=LOADERS if on_gpu else 0,
        dataloader_pin_memory=on_gpu,
        remove_unused_columns=False,
        logging_strategy="no",
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        **evaluation,
    )


class _Collator:
    """Batches of the training examples of these numbers; -1, -2, ... are the development examples."""

    def __init__(self, inputs: Inputs, pad_to: int | None) -> None:
        self._train, self._dev = inputs.data.train, inputs.data.evaluation["dev"]
        self._pad_to = pad_to

    def __call__(self, indices: list[int]) -> dict[str, Tensor]:
        cpu = torch.device("cpu")
        is_dev = indices[0] < 0
        batch = self._dev.batch([-1 - i for i in indices], cpu) if is_dev else self._train.batch(indices, cpu)
        if self._pad_to is None:
            return batch
        missing = self._pad_to - batch["input_ids"].shape[1]
        padding = {"input_ids": self._train.pad_id}
        return {
            name: value if name == "labels" else nn.functional.pad(value, (0, missing), value=padding.get(name, 0))
            for name, value in batch.items()
        }
