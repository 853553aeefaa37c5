"""Models, examples and plans of a benchmark, made anew and alike in every worker."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from seedproof.bench.contenders import Problem, Shape
from seedproof.bench.lengths import TASKS, draw_lengths
from seedproof.bench.roofline import Size
from seedproof.errors import UserError
from seedproof.generators import own_generators
from seedproof.models.loading import load_classifier, load_tokenizer
from seedproof.models.source import find_model
from seedproof.models.tokens import TokenizedSplit, tokenize
from seedproof.recipes import recipe, resolve
from seedproof.recipes.base import Recipe
from seedproof.recipes.card import settings_of_card
from seedproof.spec import Seeds
from seedproof.tasks import Split, load_task
from seedproof.training.engine import RunData
from seedproof.training.plan import Plan, make_plan

MINIATURE = "miniature/bert"
MINIATURE_TASK = "miniature/entailment"
GENERATED = 4096
"""Examples with generated lengths."""
LABELS = 2


@dataclass(frozen=True)
class Inputs:
    """What a contender needs for its runs, by their seeds.

    Args:
        problem: what to train.
        steps: of the plan; 0: the recipe's own, evaluated after every epoch.
    """

    problem: Problem
    steps: int

    @cached_property
    def recipe(self) -> Recipe:
        """devlin with the batch size of the problem, resolved."""
        settings: dict[str, Any] = {"batch_size": self.problem.batch}
        if self.steps:
            settings["max_steps"] = self.steps + 1  # the evaluation after the last step is never reached
        card = settings_of_card(find_model(MINIATURE)) if self.problem.shape is None else None
        return resolve(recipe("devlin", **settings), "bert", card).recipe

    @cached_property
    def data(self) -> RunData:
        """The examples; training examples are whole batches."""
        problem = self.problem
        if problem.data == "miniature" or problem.data_dir is not None:
            return self._real()
        rng = np.random.default_rng(0)
        if isinstance(problem.data, int):
            lengths = np.full(GENERATED // problem.batch * problem.batch, problem.data)
        else:
            lengths = draw_lengths(TASKS[problem.data], GENERATED)
        return self._data(self._random(lengths, rng), self._random(lengths[:64], rng))

    def model(self, seed: int) -> Any:
        """A classifier with the seed's head (or, where all is random, the seed's weights)."""
        if self.problem.shape is None:
            source = find_model(MINIATURE)
            loaded = load_classifier(
                source,
                labels=LABELS,
                problem_type="single_label_classification",
                head_seed=seed,
                dropout=self.recipe.dropout,
            )
            return loaded.model
        with own_generators(seed=seed):
            return _random_model(self.problem.shape)

    def shared_model(self, seed: int) -> Any | None:
        """Random weights for all members, drawn once: a step's cost does not depend on them, and a large model takes seconds.

        None for the miniature, whose members have their own heads.
        """
        model = self.model(seed)  # what is loaded once should not be counted
        return None if self.problem.shape is None else model

    def plan(self, seed: int) -> Plan:
        """The run's batches and rates."""
        seeds = Seeds.from_number(seed)
        return make_plan(self.recipe, seeds, len(self.data.train), evaluations=1 if self.steps else None)

    def lengths(self, seed: int) -> list[np.ndarray]:
        """The lengths in each batch of a run, int64 (batch,)."""
        lengths = np.array([len(row) for row in self.data.train.ids])
        return [lengths[batch] for batch in self.plan(seed).batches]

    def size(self) -> Size:
        """What the lower bound is counted from; no weights are drawn for it."""
        with torch.device("meta" if self.problem.shape else "cpu"):
            model = self.model(0)
        config = model.config
        return Size(
            layers=config.num_hidden_layers,
            width=config.hidden_size,
            inner=config.intermediate_size,
            labels=config.num_labels,
            parameters=sum(value.numel() for value in model.parameters()),
        )

    def _random(self, lengths: np.ndarray, rng: np.random.Generator) -> TokenizedSplit:
        shape = self.problem.shape
        assert shape is not None
        if lengths.max() > shape.positions:
            raise UserError(f"{lengths.max()} tokens are more than the model's {shape.positions} positions")
        ids = [rng.integers(5, shape.words, length).tolist() for length in lengths]
        segments = [[int(2 * position >= len(row)) for position in range(len(row))] for row in ids]
        return TokenizedSplit(ids, segments, rng.integers(0, LABELS, len(ids)), 0, 0)

    def _real(self) -> RunData:
        if self.problem.data == "miniature":
            task, tokenizer = load_task(MINIATURE_TASK), load_tokenizer(find_model(MINIATURE))
        else:
            task = load_task(f"glue/{self.problem.data}", data_dir=self.problem.data_dir)
            tokenizer = _bert_tokenizer(self.problem.vocabulary)
        longest = self.recipe.max_length

        def tokens(split: Split) -> TokenizedSplit:
            return tokenize(split, tokenizer, max_length=longest, positions=None)

        made = self._data(tokens(task.train), tokens(task.dev))
        return dataclasses.replace(made, score=task.score, metric=task.metrics[0])

    def _data(self, train: TokenizedSplit, dev: TokenizedSplit) -> RunData:
        # The Trainer draws batches over the end of an epoch as the plan does only where epochs are whole batches.
        count = len(train) // self.problem.batch * self.problem.batch
        segments = None if train.segments is None else train.segments[:count]
        whole = TokenizedSplit(train.ids[:count], segments, train.labels[:count], train.truncated, train.pad_id)
        return RunData(train=whole, evaluation={"dev": dev}, score=lambda _: {"none": 0.0}, metric="none")


def _random_model(shape: Shape) -> Any:
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=shape.words,
        hidden_size=shape.width,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=4 * shape.width,
        max_position_embeddings=shape.positions,
        num_labels=LABELS,
        problem_type="single_label_classification",
    )
    return BertForSequenceClassification(config)


def _bert_tokenizer(vocabulary: str | None) -> Any:
    from transformers import BertTokenizerFast

    if vocabulary is None or not Path(vocabulary).is_file():
        raise UserError(f"there is no vocabulary at {vocabulary}; give BERT's vocab.txt with --vocabulary")
    return BertTokenizerFast(vocabulary)
