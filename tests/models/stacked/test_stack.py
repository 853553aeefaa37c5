"""Every parameter of a stock model has its own place in the stack, and comes back from it bit for bit."""

from __future__ import annotations

import itertools

import pytest
import torch
from tests.fleets import families, make_model

from seedproof.errors import UserError
from seedproof.models.stacked.layout import Layout
from seedproof.models.stacked.stack import Stack
from seedproof.training.groups import parameter_groups


def make_stack(family, members=3, **settings):
    models = [make_model(family, seed) for seed in range(members)]
    stack = Stack(Layout.of(models[0]), members, **settings)
    for member, model in enumerate(models):
        stack.load(member, model.state_dict())
    return models, stack


@families
def test_every_parameter_has_one_place_and_its_decay(family):
    model = make_model(family)
    layout = Layout.of(model)
    parameters = dict(model.named_parameters())
    assert layout.names == tuple(parameters)
    assert layout.size == sum(value.numel() for value in parameters.values())
    decaying = parameter_groups(model, 0.1, {}, ())[0]["params"]
    for slab in layout.slabs:
        assert [entry.start for entry in slab.entries] == [0, *itertools.accumulate(e.size for e in slab.entries)][:-1]
        for entry in slab.entries:
            value = parameters.pop(entry.name)
            assert entry.shape == tuple(value.shape)
            assert slab.decays is any(value is other for other in decaying)
    assert not parameters


def test_layouts_are_equal_where_shapes_are():
    assert Layout.of(make_model("bert", 1)) == Layout.of(make_model("bert", 2))
    assert Layout.of(make_model("bert")) != Layout.of(make_model("bert", num_hidden_layers=2))
    assert Layout.of(make_model("bert")) != Layout.of(make_model("bert", labels=3))


@families
def test_weights_come_back_bit_for_bit(family):
    models, stack = make_stack(family)
    for member, model in enumerate(models):
        found = stack.weights(member)
        assert found.keys() == set(stack.layout.names)
        for name, value in model.named_parameters():
            assert torch.equal(found[name], value)
    stack.weights(0)[stack.layout.names[0]].zero_()  # a copy
    assert torch.equal(stack.weights(0)[stack.layout.names[0]], models[0].get_parameter(stack.layout.names[0]))


@families
def test_keep_copies_members_in_the_order_asked_for(family):
    models, stack = make_stack(family)
    kept = stack.keep([2, 0, 2])
    stack.values[0].zero_()
    assert kept.members == 3
    assert [value.shape for value in kept.gradients] == [value.shape for value in kept.values]
    for member, source in enumerate((2, 0, 2)):
        for name, value in models[source].named_parameters():
            assert torch.equal(kept.weights(member)[name], value)
            assert torch.equal(kept.slot(name).value[member], value)
    assert stack.keep([1], trains=False).gradients == []


@families
def test_norms_are_those_of_each_parameter(family):
    models, stack = make_stack(family)
    norms = stack.norms(stack.values)
    for member, model in enumerate(models):
        expected = torch.stack([value.detach().norm() for value in model.parameters()])
        torch.testing.assert_close(norms[member], expected)


def test_joined_slots_and_their_order():
    models, stack = make_stack("bert")
    names = [f"bert.encoder.layer.1.attention.self.{part}" for part in ("query", "key", "value")]
    for part in ("weight", "bias"):
        joined = stack.slot(*[f"{name}.{part}" for name in names]).value
        for member, model in enumerate(models):
            assert torch.equal(joined[member], torch.cat([model.get_parameter(f"{name}.{part}") for name in names]))
    with pytest.raises(ValueError, match="one behind the other"):
        stack.slot(*[f"{name}.weight" for name in names[::2]])


def test_the_first_gradient_of_a_step_replaces_and_further_ones_add():
    _, stack = make_stack("albert")
    slot = stack.slot("albert.pooler.weight")
    left, right = torch.randn(3, 16, 5), torch.randn(3, 5, 16)
    for _ in range(2):  # what the first round left is gone in the second
        stack.start_backward()
        slot.add_matmul(left, right)
        torch.testing.assert_close(slot.gradient, left @ right)
        slot.add_matmul(left, right)
        slot.add(torch.ones(3, 16, 16))
        torch.testing.assert_close(slot.gradient, 2 * (left @ right) + 1)
    table = stack.slot("albert.embeddings.word_embeddings.weight")
    for _ in range(2):
        stack.start_backward()
        table.add_rows(torch.tensor([0, 4, 4, 37]), torch.ones(4, 8))
        expected = torch.zeros(3 * 37, 8).index_add(0, torch.tensor([0, 4, 4, 37]), torch.ones(4, 8))
        assert torch.equal(table.gradient.reshape(-1, 8), expected)
        assert table.gradient[1, 0].eq(1).all()


def test_writing_leaves_no_trace_of_autograd():
    models, stack = make_stack("bert")
    stack.write(stack.gradients, 1, dict(models[0].named_parameters()))
    assert not any(value.requires_grad for value in (*stack.values, *stack.gradients))


def test_other_models_are_refused():
    _, stack = make_stack("bert")
    for other in (make_model("bert", labels=3), make_model("bert", num_hidden_layers=2)):
        with pytest.raises(UserError, match="must be alike"):
            stack.load(0, other.state_dict())


def test_a_stack_that_only_evaluates_has_no_gradients():
    _, stack = make_stack("bert", trains=False)
    with pytest.raises(RuntimeError, match="made to evaluate"):
        stack.slot("classifier.weight").add(torch.zeros(3, 2, 16))
