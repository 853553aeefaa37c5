"""Fine-tune an encoder on a table, over seeds."""

import torch
from datasets import load_dataset
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainingArguments,
)

from seedproof.connect import StabilityCallback

MODEL = "encoder"
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
        train_dataset=data["train"].map(tokenize, batched=True, remove_columns="label"),
        eval_dataset=data["validation"].map(tokenize, batched=True, remove_columns="label"),
        data_collator=DataCollatorWithPadding(tokenizer),
    )
    trainer.add_callback(StabilityCallback("out/stability"))
    trainer.train()


if __name__ == "__main__":
    for seed in range(0, 2000, 1000):
        main(seed)
