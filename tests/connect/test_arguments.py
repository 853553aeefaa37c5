"""Arguments of the baseline, and what a Trainer does with seeds."""

from __future__ import annotations

import pytest
import torch
from tests.connect.made import Rows, trainer
from transformers import Trainer, TrainingArguments

from seedproof.connect import spaced_seed, stable_arguments
from seedproof.errors import UserError


def orders(tmp_path, seed, epochs):
    """The order of each epoch, as the Trainer's loader gives it."""
    run = trainer(tmp_path, seed=seed)
    run.data_collator = lambda rows: {"index": [row["labels"] for row in rows]}
    run.train_dataset = Rows([{"labels": index} for index in range(24)])
    run.args.remove_unused_columns = False
    loader = run.get_train_dataloader()
    found = []
    for epoch in range(epochs):
        loader.set_epoch(epoch)
        found.append(tuple(index for batch in loader for index in batch["index"]))
    return found


def test_consecutive_seeds_of_a_trainer_share_their_data_orders(tmp_path):
    first, second = orders(tmp_path, 1, 3), orders(tmp_path, 2, 3)
    assert first[1:] == second[:2]
    assert len({order for seed in range(5) for order in orders(tmp_path, seed, 4)}) == 5 + 4 - 1  # of 20


def test_spaced_seeds_share_none(tmp_path):
    assert len({order for seed in range(5) for order in orders(tmp_path, spaced_seed(seed), 4)}) == 20


def test_a_head_that_model_init_draws_follows_from_the_seed(tmp_path):
    def drawn(seed, before):
        torch.manual_seed(before)
        arguments = TrainingArguments(str(tmp_path), seed=seed, use_cpu=True, report_to=[])
        return Trainer(model_init=lambda: torch.nn.Linear(3, 2), args=arguments).model.weight.detach().clone()

    assert torch.equal(drawn(1, before=5), drawn(1, before=6))
    assert not torch.equal(drawn(1, before=5), drawn(2, before=5))


@pytest.mark.parametrize(("examples", "epochs"), [(600, 20), (8551, 20), (17102, 10), (400_000, 3)])
def test_more_data_than_the_papers_is_passed_fewer_times(tmp_path, examples, epochs):
    assert stable_arguments(examples, tmp_path, use_cpu=True).num_train_epochs == epochs


def test_the_arguments_are_the_papers_baseline_and_can_be_changed(tmp_path):
    made = stable_arguments(600, tmp_path, seed=3, use_cpu=True, learning_rate=1e-5)
    assert (made.seed, made.learning_rate, made.adam_epsilon, made.weight_decay) == (3000, 1e-5, 1e-6, 0.01)
    assert (made.get_warmup_steps(100), made.lr_scheduler_type, made.optim) == (10, "linear", "adamw_torch")
    run = trainer(tmp_path)
    run.args = made
    optimizer = run.create_optimizer()
    assert type(optimizer) is torch.optim.AdamW  # which corrects the bias of its moments
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.0, 0.01}


@pytest.mark.parametrize(
    ("examples", "seed", "said"), [(0, 0, "examples = 0"), (10, -1, "the seed -1"), (10, 2**31, "4294966")]
)
def test_what_is_no_size_or_seed_is_named(tmp_path, examples, seed, said):
    with pytest.raises(UserError, match=said):
        stable_arguments(examples, tmp_path, seed=seed)
