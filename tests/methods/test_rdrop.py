"""R-Drop trains on the losses of two passes with other masks, and on what they disagree on."""

from __future__ import annotations

import copy

import pytest
import torch
from tests.fleets import make_run, plain_steps

from seedproof.errors import UserError
from seedproof.methods import method
from seedproof.training.engine import step_seed


@pytest.mark.parametrize(("labels", "several"), [(3, False), (1, False), (3, True)])
def test_the_gradients_are_those_of_two_passes_by_hand_and_their_mean_loss_is_recorded(labels, several):
    run = make_run("bert", "devlin + rdrop(alpha=0.7)", seed=6, dropout=0.2, labels=labels, several=several)
    engine, model = run.plain(), copy.deepcopy(run.model).train()
    batch = run.data.train.batch(run.plan.batches[0], torch.device("cpu"))
    with torch.random.fork_rng():
        torch.manual_seed(step_seed(6, 1))
        first, second = model(**batch), model(**batch)
    assert not torch.equal(first.logits, second.logits)
    if labels == 1:
        between = ((first.logits - second.logits) ** 2).mean()
    elif several:
        one, other = torch.sigmoid(first.logits), torch.sigmoid(second.logits)
        sides = ((one, other), (other, one), (1 - one, 1 - other), (1 - other, 1 - one))
        between = sum((p * (p / q).log()).mean() / 2 for p, q in sides)
    else:
        one, other = torch.softmax(first.logits, -1), torch.softmax(second.logits, -1)
        between = sum((p * (p / q).log()).sum(-1).mean() / 2 for p, q in ((one, other), (other, one)))
    (first.loss + second.loss + 0.7 * between).backward()
    losses, [(gradients, _)] = plain_steps(engine, 1)
    for name, value in model.named_parameters():
        torch.testing.assert_close(gradients[name], value.grad, rtol=1e-4, atol=1e-6, msg=name)
    assert losses == [pytest.approx((first.loss + second.loss).item() / 2, rel=1e-5)]


def test_without_dropout_it_is_refused():
    run = make_run("bert", dropout=0.0)
    with pytest.raises(UserError, match=r"has dropout = 0 for this model; set dropout=0.1, or leave rdrop out"):
        method("rdrop").check(run.recipe)
