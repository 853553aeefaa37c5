"""A stock script of the Trainer, and faults that can be planted into it."""

from __future__ import annotations

CLEAN = '''\
"""Fine-tune an encoder on a table, over five seeds."""

import torch
from datasets import load_dataset
from transformers import AutoModelForSequenceClassification, AutoTokenizer, DataCollatorWithPadding, Trainer, TrainingArguments

from seedproof.connect import StabilityCallback

MODEL = "miniature/bert-shallow"
LABELS = {"no": 0, "yes": 1}
data = load_dataset("csv", data_files={"train": "train.csv", "validation": "dev.csv"})
tokenizer = AutoTokenizer.from_pretrained(MODEL)


def tokenize(batch):
    encoded = tokenizer(batch["text"], truncation=True, max_length=128)
    return {**encoded, "labels": [LABELS[label] for label in batch["label"]]}


def model_init():
    return AutoModelForSequenceClassification.from_pretrained(
        MODEL, num_labels=2, id2label={0: "no", 1: "yes"}, label2id=LABELS, dtype=torch.float32
    )


def main(seed):
    args = TrainingArguments(
        output_dir=f"out/{seed}",
        learning_rate=2e-5,
        num_train_epochs=20,
        per_device_train_batch_size=16,
        warmup_steps=0.1,
        metric_for_best_model="matthews_correlation",
        seed=seed,
    )
    trainer = Trainer(
        model_init=model_init,
        args=args,
        train_dataset=data["train"].map(tokenize, batched=True),
        eval_dataset=data["validation"].map(tokenize, batched=True),
        data_collator=DataCollatorWithPadding(tokenizer),
    )
    trainer.add_callback(StabilityCallback("out/stability"))
    trainer.train()


if __name__ == "__main__":
    for seed in range(0, 5000, 1000):
        main(seed)
'''

FAULTS = {
    "no-bias-correction": ("args=args,", "args=args, optimizers=(BertAdam(model.parameters(), lr=2e-5), None),"),
    "too-few-steps": ("num_train_epochs=20", "num_train_epochs=3"),
    "short-warmup": ("warmup_steps=0.1", "warmup_steps=1"),
    "rate-high-for-depth": ("learning_rate=2e-5", "learning_rate=1e-3"),
    "eps-out-of-range": ("batch_size=16,", "batch_size=16,\n        adam_epsilon=0.1,"),
    "sixteen-bit-weights": ("dtype=torch.float32", "dtype=torch.bfloat16"),
    "no-clipping": ("seed=seed,", "seed=seed,\n        max_grad_norm=0,"),
    "head-before-seed": ("model_init=model_init", "model=model_init()"),
    "shared-data-orders": ("range(0, 5000, 1000)", "range(5)"),
    "nan-filter": ('    trainer.add_callback(StabilityCallback("out/stability"))\n', ""),
    "metric-hides-imbalance": ('"matthews_correlation"', '"accuracy"'),
    "texts-cut": ("max_length=128", "max_length=4"),
    "label-order": ('{0: "no", 1: "yes"}', '{0: "yes", 1: "no"}'),
}
"""Text of the script that each rule finds nothing in, and what to write in its place; for ``metric-hides-imbalance`` nine of
ten rows must be of one class."""


def with_faults(*names: str) -> str:
    """The script with some of the faults."""
    text = CLEAN
    for name in names:
        right, wrong = FAULTS[name]
        assert text.count(right) == 1
        text = text.replace(right, wrong)
    return text


def rows(count: int, name: str, share: float = 0.5) -> str:
    """A table of distinct texts, ``share`` of them of the class no."""
    lines = [
        f"a {name} text of some words {index},{'no' if index < share * count else 'yes'}" for index in range(count)
    ]
    return "\n".join(["text,label", *lines]) + "\n"
