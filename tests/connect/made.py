"""A Trainer that takes milliseconds: a BERT of two layers on 24 rows of tokens whose label the first token tells."""

from __future__ import annotations

import math

import torch
from transformers import BertConfig, BertForSequenceClassification, Trainer, TrainingArguments

import seedproof as sp
from seedproof.connect import StabilityCallback

ROWS = [{"input_ids": [1, 2 + index % 2, 4 + index % 5, 3], "labels": index % 2} for index in range(24)]


class Rows(torch.utils.data.Dataset):
    """Rows as a data set of PyTorch."""

    def __init__(self, rows=ROWS):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        return dict(self.rows[index])


class Breaking(BertForSequenceClassification):
    """Its loss is not a number at one step."""

    breaks_at = math.inf
    calls = 0

    def forward(self, *args, **kwargs):
        output = super().forward(*args, **kwargs)
        if self.training:
            self.calls += 1
            if self.calls == self.breaks_at:
                output.loss = output.loss * math.nan
        return output


def model(kind=BertForSequenceClassification, labels=2, dropout=0.1):
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=12,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
        num_labels=labels,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    return kind(config)


def trainer(folder, made=None, *, train=None, dev=None, callbacks=None, kind=Trainer, **changed):
    settings = {
        "max_steps": 4,
        "per_device_train_batch_size": 8,
        "learning_rate": 1e-2,
        "save_strategy": "no",
        "report_to": [],
        "use_cpu": True,
        "disable_tqdm": True,
        "seed": 1,
        "logging_strategy": "no",
        "remove_unused_columns": False,
    }
    return kind(
        model=model() if made is None else made,
        args=TrainingArguments(output_dir=str(folder / "trainer"), **(settings | changed)),
        train_dataset=Rows() if train is None else train,
        eval_dataset=Rows(ROWS[:10]) if dev is None else dev,
        callbacks=callbacks,
    )


def watched(folder, made=None, store="store", **changed):
    options = changed.pop("options", {})
    run = trainer(folder, made, **changed)
    run.add_callback(StabilityCallback(folder / store, **options))
    run.train()
    return run


def rows(folder):
    return sp.open_results(folder / "store").runs().to_dict("records")
