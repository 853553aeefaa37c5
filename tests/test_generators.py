"""Generators of a caller: what is drawn inside moves none, and no GPU is asked for that is not used."""

import pytest
import torch

from seedproof.generators import own_generators
from seedproof.models.loading import load_classifier
from seedproof.models.source import find_model


def test_inside_a_seed_and_afterwards_as_before():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    with own_generators(seed=7):
        drawn = torch.rand(4)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(7)
    assert torch.equal(drawn, torch.rand(4))


def test_after_an_error_too():
    before = torch.get_rng_state()
    with pytest.raises(RuntimeError, match="shapes"), own_generators(seed=7):
        torch.rand(4, 2) @ torch.rand(4, 2)
    assert torch.equal(torch.get_rng_state(), before)


def test_to_load_a_model_takes_no_memory_of_a_gpu(tiny_model, monkeypatch):
    """Whoever starts a study on a machine of eight GPUs had a context on each, and a warning that this is slow."""

    def asked(*_, **__):
        raise AssertionError("the generator of a GPU was asked for")

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 8)
    monkeypatch.setattr(torch.cuda, "get_rng_state", asked)
    monkeypatch.setattr(torch.cuda, "manual_seed_all", asked)
    source = find_model(str(tiny_model))
    load_classifier(source, labels=2, problem_type="single_label_classification", head_seed=0)
