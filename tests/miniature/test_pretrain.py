"""Pre-training of the miniatures, a few steps of it: what is masked, how layers are stacked, the same bits again."""

from __future__ import annotations

import itertools
import math
from random import Random

import pytest
import torch

from seedproof.errors import UserError
from seedproof.miniature import ship
from seedproof.miniature.pretrain import PairModel, Pretraining, Stage, batches, layer_list, mask_words, pretrain, stack
from seedproof.miniature.ship import MINIATURES, make_miniature
from seedproof.miniature.tokenizer import MAXIMUM_LENGTH, make_tokenizer

FAMILIES = ["bert", "roberta", "albert"]


def settings(family, *layers):
    stages = tuple(Stage(layers=depth, steps=10, learning_rate=1e-3) for depth in layers)
    return Pretraining(family=family, stages=stages, hidden_size=16, feed_forward=32, batch_size=12)


@pytest.mark.parametrize("family", FAMILIES)
def test_special_tokens_are_never_masked_and_a_fifth_of_the_words_is(family):
    chosen, tokenizer = settings(family, 1), make_tokenizer(family)
    ids = torch.cat([torch.arange(len(tokenizer)).repeat(200, 1)])
    masked, labels = mask_words(ids, chosen, tokenizer, torch.Generator().manual_seed(0))
    special = len(tokenizer.all_special_ids)
    assert torch.equal(masked[:, :special], ids[:, :special])
    asked = labels[:, special:] != -100
    assert asked.float().mean().item() == pytest.approx(0.2, abs=0.01)
    assert torch.equal(masked[:, special:][~asked], ids[:, special:][~asked])
    fractions = [
        (masked[:, special:][asked] == tokenizer.mask_token_id).float().mean().item(),
        (masked[:, special:][asked] == ids[:, special:][asked]).float().mean().item(),
    ]
    assert fractions == pytest.approx([0.8, 0.1], abs=0.02)


@pytest.mark.parametrize("family", FAMILIES)
def test_stacking_copies_the_layers_in_turn(family):
    chosen = settings(family, 2)
    small = PairModel(chosen, 2)
    large = stack(small, chosen, 6)
    old, new = layer_list(small.model), layer_list(large.model)
    assert large.model.config.num_hidden_layers == 6
    for index, layer in enumerate(new):
        for name, value in layer.state_dict().items():
            assert torch.equal(value, old[index % len(old)].state_dict()[name])
    rest = {n: v for n, v in large.state_dict().items() if ".encoder.layer." not in n}
    assert all(torch.equal(value, small.state_dict()[name]) for name, value in rest.items())


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_seed_gives_the_same_bits_and_leaves_the_global_generator_alone(family):
    torch.manual_seed(5)
    expected = torch.rand(2)
    torch.manual_seed(5)
    runs = [dict(list(pretrain(settings(family, 1, 2), lambda text: None))[-1][1].state_dict()) for _ in range(2)]
    assert all(torch.equal(runs[0][name], runs[1][name]) for name in runs[0])
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize("family", FAMILIES)
def test_no_batch_is_longer_than_the_positions(family):
    source = batches(settings(family, 1), make_tokenizer(family), Random(0))
    lengths = [tokens["input_ids"].shape[1] for tokens, _ in itertools.islice(source, 120)]
    assert max(lengths) <= MAXIMUM_LENGTH
    assert max(lengths) > 55  # the last positions are trained too


@pytest.mark.slow
def test_training_lowers_the_loss():
    said: list[str] = []
    list(
        pretrain(
            Pretraining(
                family="bert",
                stages=(Stage(layers=1, steps=200, learning_rate=5e-3),),
                hidden_size=32,
                feed_forward=64,
                batch_size=24,
            ),
            said.append,
        )
    )
    first, last = (float(text.split("word loss ")[1].split(",")[0]) for text in (said[0], said[-1]))
    assert last < first - 0.3


def test_bad_requests_are_refused(tmp_path):
    with pytest.raises(UserError, match="did you mean 'bert'"):
        make_miniature("brt", tmp_path / "new")
    with pytest.raises(UserError, match="above 0"):
        make_miniature("bert", tmp_path / "new", fraction_of_steps=0.0)
    with pytest.raises(UserError, match="a finite number above 0"):
        make_miniature("bert", tmp_path / "new", fraction_of_steps=math.inf)
    with pytest.raises(UserError, match="at most 64 bits"):
        make_miniature("bert", tmp_path / "new", seed=2**63)
    assert not (tmp_path / "new").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(UserError, match="not an empty folder"):
        make_miniature("bert", tmp_path / "full")


def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(ship, "pretrain", lambda *_: pytest.fail("half an hour for nothing"))
    (tmp_path / "file").touch()
    with pytest.raises(
        UserError, match=r"cannot be written into .*file.new \(Not a directory\); choose another folder"
    ):
        make_miniature("bert", tmp_path / "file" / "new")


def test_every_shipped_miniature_has_its_settings():
    assert {"bert", "roberta", "albert", "bert-shallow"} == set(MINIATURES)
    assert [MINIATURES[name].stages[-1].layers for name in ("bert", "roberta", "albert")] == [24, 24, 24]
