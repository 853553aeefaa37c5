"""Mixout: its formula, expectation, mask and both gradients; and its place in models of Transformers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from tests.families import tiny_configuration
from torch import Tensor, nn
from transformers import (
    AlbertConfig,
    AutoModelForSequenceClassification,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    PreTrainedConfig,
    RobertaConfig,
)

from seedproof.errors import UserError
from seedproof.methods.flow import CannotPass, products
from seedproof.methods.mixing import MixLinear, apply_mixout, mixed_layers, mixout

SIZES = {
    "vocab_size": 30,
    "hidden_size": 8,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 20,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
DISTIL = {"vocab_size": 30, "dim": 8, "n_layers": 2, "n_heads": 2, "hidden_dim": 16, "dropout": 0.0}
CONFIGS: dict[str, PreTrainedConfig] = {
    "bert": BertConfig(**SIZES),
    "roberta": RobertaConfig(**SIZES),
    "albert": AlbertConfig(**SIZES, embedding_size=4, classifier_dropout_prob=0.0),
    "electra": ElectraConfig(**SIZES, embedding_size=4),
    "deberta": DebertaV2Config(**SIZES, pooler_dropout=0.0, pooler_hidden_size=8),
    "distilbert": DistilBertConfig(**DISTIL, attention_dropout=0.0, seq_classif_dropout=0.0),
}
families = pytest.mark.parametrize("family", CONFIGS)
BATCH = {"input_ids": torch.tensor([[1, 5, 6, 7, 2]]), "labels": torch.tensor([1])}


def model_of(family: str) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return AutoModelForSequenceClassification.from_config(CONFIGS[family])


def linear_layers(model: nn.Module) -> list[str]:
    return [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]


def tensors(*shape: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    weight, target = (torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    return weight.requires_grad_(), target


def columns_kept(mixed: Tensor, target: Tensor) -> Tensor:
    """The mask, read off a result: where it differs from what a dropped column holds, the target itself."""
    return ~torch.isclose(mixed, target)


def test_result_is_the_published_formula() -> None:
    """((1 - m) T + m W - p T) / (1 - p) with one m per input column, repeated over all output rows."""
    weight, target = tensors(6, 40)
    mixed = mixout(weight, target, 0.4, generator=torch.Generator().manual_seed(1))
    kept = columns_kept(mixed, target)
    assert torch.equal(kept, kept[:1].expand_as(kept))
    assert 0 < kept[0].sum() < 40
    m = kept.double()
    torch.testing.assert_close(mixed, ((1 - m) * target + m * weight - 0.4 * target) / (1 - 0.4))


def test_a_vector_is_masked_entry_by_entry() -> None:
    weight, target = tensors(200)
    kept = columns_kept(mixout(weight, target, 0.5, generator=torch.Generator().manual_seed(1)), target)
    assert 60 < kept.sum() < 140


@pytest.mark.parametrize("p", [0.1, 0.9])
def test_expectation_is_the_weight(p: float) -> None:
    """Over many masks the mean is W within five standard errors; the fraction of kept columns is 1 - p."""
    weight, target = tensors(2, 50)
    generator = torch.Generator().manual_seed(2)
    draws = torch.stack([mixout(weight, target, p, generator=generator).detach() for _ in range(4000)])
    standard_error = (weight - target).abs() * (p / (1 - p) / 4000) ** 0.5
    assert ((draws.mean(0) - weight).abs() < 5 * standard_error).all()
    fraction = columns_kept(draws, target.expand_as(draws)).double().mean().item()
    assert fraction == pytest.approx(1 - p, abs=0.01)


@pytest.mark.parametrize(("legacy", "slope"), [(False, 10.0), (True, 1.0)])
def test_both_gradients(legacy: bool, slope: float) -> None:
    """At p = .9 a kept column's gradient is 10 times the result's, in the authors' code once; a dropped one's 0."""
    weight, target = tensors(3, 60)
    target.requires_grad_()
    incoming = torch.randn(3, 60, generator=torch.Generator().manual_seed(9), dtype=torch.float64)
    mixed = mixout(weight, target, 0.9, generator=torch.Generator().manual_seed(4), legacy_gradient=legacy)
    mixed.backward(incoming)
    kept = columns_kept(mixed, target).double()
    assert kept.sum() > 0
    torch.testing.assert_close(weight.grad, slope * kept * incoming, rtol=1e-12, atol=0)
    assert target.grad is None


def test_the_legacy_gradient_changes_no_value() -> None:
    weight, target = tensors(3, 60)
    one, other = (
        mixout(weight, target, 0.3, generator=torch.Generator().manual_seed(4), legacy_gradient=legacy)
        for legacy in (False, True)
    )
    assert torch.equal(one, other)


def test_the_default_gradient_is_the_derivative() -> None:
    """Numerically, for a fixed mask; the legacy one is not a derivative."""
    weight, target = tensors(2, 5)

    def mix(value: Tensor, legacy: bool) -> Tensor:
        return mixout(value, target, 0.5, generator=torch.Generator().manual_seed(0), legacy_gradient=legacy)

    assert torch.autograd.gradcheck(lambda value: mix(value, False), (weight,))
    assert not torch.autograd.gradcheck(lambda value: mix(value, True), (weight,), raise_exception=False)


def test_identities() -> None:
    """p = 0 and evaluation return the weight itself; at the target there is nothing to mix, to the last bit."""
    weight, target = tensors(3, 4)
    assert mixout(weight, target, 0.0) is weight
    assert mixout(weight, target, 0.9, training=False) is weight
    assert torch.equal(mixout(target, target, 0.9), target)


def test_the_generator_decides_the_mask_alone() -> None:
    """Equal generators give equal masks and the global generator is not touched."""
    weight, target = tensors(3, 40)
    state = torch.get_rng_state()
    one, other = (mixout(weight, target, 0.5, generator=torch.Generator().manual_seed(8)) for _ in range(2))
    assert torch.equal(one, other)
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize("p", [-0.1, 1.0, float("nan")])
def test_bad_p(p: float) -> None:
    weight, target = tensors(2, 2)
    with pytest.raises(UserError, match="at least 0 and below 1"):
        mixout(weight, target, p, training=False)


def test_shapes_must_agree() -> None:
    with pytest.raises(UserError, match=re.escape("target has shape (1, 2), weight (2, 2)")):
        mixout(torch.zeros(2, 2), torch.zeros(1, 2), 0.5)


LEE_LAYERS = {
    "bert": r"query|key|value|attention\.output\.dense|intermediate\.dense|bert\.pooler\.dense|classifier",
    "roberta": r"query|key|value|attention\.output\.dense|intermediate\.dense|classifier\.dense|classifier\.out_proj",
    "albert": r"embedding_hidden_mapping_in|query|key|value|attention\.dense|ffn|albert\.pooler|classifier",
    # its first layer takes the projected embeddings, which takes the dropout's output
    "electra": r"embeddings_project|1\.attention\.self\.(query|key|value)|attention\.output\.dense|intermediate\.dense"
    r"|classifier\.dense|classifier\.out_proj",
    "deberta": r"(query|key|value)_proj|attention\.output\.dense|intermediate\.dense|pooler\.dense|classifier",
    "distilbert": r"(q|k|v|out)_lin|ffn\.lin1|pre_classifier|classifier",
}


@families
def test_lee_mixes_the_layers_after_dropout(family: str) -> None:
    """Exactly the layers of the paper's list under each family's names; only the last layer of the head toward 0."""
    model = model_of(family)
    linear = linear_layers(model)
    weights = {name: model.get_submodule(name).weight.clone() for name in linear}
    mixed = apply_mixout(model, 0.9)
    assert list(mixed) == [name for name in linear if re.search(rf"(^|\.)({LEE_LAYERS[family]})$", name)]
    assert any(name.endswith(("output.dense", "ffn_output", "lin2")) for name in set(linear) - set(mixed))
    for name in mixed:
        expected = torch.zeros_like(weights[name]) if name == mixed[-1] else weights[name]
        assert torch.equal(model.get_submodule(name).target, expected)


NAMED_LAYERS = LEE_LAYERS | {
    "albert": r"query|key|value|attention\.dense|ffn|albert\.pooler|classifier",
    "electra": r"query|key|value|attention\.output\.dense|intermediate\.dense|classifier\.dense|classifier\.out_proj",
}


@families
def test_runs_of_old_stores_mix_what_they_mixed(family: str) -> None:
    model = model_of(family)
    linear = linear_layers(model)
    expected = [name for name in linear if re.search(rf"(^|\.)({NAMED_LAYERS[family]})$", name)]
    assert list(apply_mixout(model, 0.9, covers="names")) == expected


@families
def test_the_layers_are_told_without_weights_as_with_them(family: str) -> None:
    with torch.device("meta"):
        skeleton = AutoModelForSequenceClassification.from_config(CONFIGS[family])
    try:
        told = mixed_layers(skeleton)
    except CannotPass:
        assert family == "deberta"  # asks for numbers on its way
    else:
        assert told == mixed_layers(model_of(family))


def test_looking_at_the_flow_leaves_model_and_generators_alone() -> None:
    model = model_of("bert").train()
    before, state = {name: value.clone() for name, value in model.state_dict().items()}, torch.get_rng_state()
    products(model)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(module.training for module in model.modules())
    assert torch.equal(state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("family", "where", "message"),
    [
        (
            "xlnet",
            "lee",
            r"10 of the 16 matrices that take a dropout's output .*\(transformer\.layer\.0\.rel_attn\.q, ",
        ),
        ("xlnet", "linear", r"10 of the 16 matrices in XLNet.* are not those of an nn\.Linear"),
        ("gpt2", "lee", r"transformer\.h\.0\.attn\.c_attn\.weight"),
    ],
)
def test_a_part_of_what_should_be_mixed_is_refused(family: str, where: str, message: str) -> None:
    with torch.random.fork_rng():
        model = AutoModelForSequenceClassification.from_config(tiny_configuration(family))
    with pytest.raises(UserError, match=message):
        apply_mixout(model, 0.9, where=where)
    assert not any(isinstance(module, MixLinear) for module in model.modules())


@families
def test_linear_mixes_every_linear_toward_its_start(family: str) -> None:
    model = model_of(family)
    linear = linear_layers(model)
    assert list(apply_mixout(model, 0.1, where="linear")) == linear
    for name in linear:
        layer = model.get_submodule(name)
        assert isinstance(layer, MixLinear)
        assert torch.equal(layer.target, layer.weight)
        assert layer.target.data_ptr() != layer.weight.data_ptr()


@pytest.mark.slow
@families
@pytest.mark.parametrize("where", ["lee", "linear"])
def test_a_mixed_model_trains_evaluates_and_saves_as_stock(family: str, where: str, tmp_path: Path) -> None:
    """In evaluation it computes what a stock model computes; training sees masks; saved weights open unchanged."""
    model = model_of(family)
    keys = list(model.state_dict())
    apply_mixout(model, 0.5, where=where)
    assert list(model.state_dict()) == keys
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model.train()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        for _ in range(3):
            optimizer.zero_grad()
            model(**BATCH).loss.backward()
            optimizer.step()
        with torch.no_grad():
            assert len({model(**BATCH).loss.item() for _ in range(4)}) > 1
    model.save_pretrained(tmp_path)
    stock, loading = AutoModelForSequenceClassification.from_pretrained(tmp_path, output_loading_info=True)
    assert not any(loading[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert not any(isinstance(module, MixLinear) for module in stock.modules())
    saved, opened = model.state_dict(), stock.state_dict()
    assert all(torch.equal(saved[key], opened[key]) for key in keys)
    with torch.no_grad():  # to rounding: memory-mapped weights are aligned differently
        torch.testing.assert_close(model.eval()(**BATCH).logits, stock.eval()(**BATCH).logits)


def test_only_linear_weights_are_mixed() -> None:
    """At the start mixing changes no value, so that whatever is not mixed has the gradient of plain training."""
    model, plain = model_of("bert"), model_of("bert")
    apply_mixout(model, 0.5, where="linear")
    for network in (model, plain):
        network.train()(**BATCH).loss.backward()
    gradients = dict(plain.named_parameters())
    for name, parameter in model.named_parameters():
        mixed = name.endswith("weight") and isinstance(model.get_submodule(name.rpartition(".")[0]), MixLinear)
        if not mixed and parameter.grad is not None:
            torch.testing.assert_close(parameter.grad, gradients[name].grad)


def test_a_model_without_known_layers_is_refused() -> None:
    """Mixing nothing silently would run plain fine-tuning under Mixout's name; so would mixing twice."""
    with pytest.raises(UserError, match="a text cannot be passed through Sequential"):
        apply_mixout(nn.Sequential(nn.Linear(2, 2)), 0.5)
    with pytest.raises(UserError, match="no linear layers to mix"):
        apply_mixout(nn.Sequential(nn.Linear(2, 2)), 0.5, covers="names")
    model = model_of("bert")
    apply_mixout(model, 0.5, where="linear")
    with pytest.raises(UserError, match=r"in BertForSequenceClassification are not those of an nn\.Linear"):
        apply_mixout(model, 0.5)


def test_unknown_where_and_bad_p_change_nothing() -> None:
    model = model_of("bert")
    with pytest.raises(UserError, match="did you mean 'linear'"):
        apply_mixout(model, 0.5, where="linaer")
    with pytest.raises(UserError, match="p = 1"):
        apply_mixout(model, 1.0)
    assert not any(isinstance(module, MixLinear) for module in model.modules())
