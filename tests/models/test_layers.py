"""Every parameter of the supported families has its location: names of Transformers are not ours to rely on untested."""

from __future__ import annotations

import re
from collections import Counter

import pytest
import torch
from peft import LoraConfig, get_peft_model
from tests.families import FAMILIES, LIMITATIONS, tiny_configuration
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    AutoModelForSequenceClassification,
    BertConfig,
    BertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    ElectraConfig,
    ElectraForSequenceClassification,
    RobertaConfig,
    RobertaForSequenceClassification,
)

from seedproof.methods.levels import levels
from seedproof.models.checkpoint import quiet_transformers
from seedproof.models.layers import Location, locate, locate_all, stock_name

SIZES = {"vocab_size": 30, "hidden_size": 8, "num_attention_heads": 2, "intermediate_size": 16, "num_hidden_layers": 3}
MODELS = {
    "bert": lambda: BertForSequenceClassification(BertConfig(**SIZES)),
    "roberta": lambda: RobertaForSequenceClassification(RobertaConfig(**SIZES)),
    "electra": lambda: ElectraForSequenceClassification(ElectraConfig(**SIZES, embedding_size=8)),
    "distilbert": lambda: DistilBertForSequenceClassification(
        DistilBertConfig(vocab_size=30, dim=8, n_heads=2, hidden_dim=16, n_layers=3)
    ),
    "albert": lambda: AlbertForSequenceClassification(AlbertConfig(**SIZES, embedding_size=4)),
}
IN_A_LAYER = {"query", "key", "value", "attention output", "intermediate", "output"}


@pytest.mark.parametrize("family", MODELS)
def test_each_layer_has_one_weight_of_each_kind(family):
    found = [locate(name) for name, _ in MODELS[family]().named_parameters()]
    layers = {location.layer for location in found} - {None}
    assert layers == ({0} if family == "albert" else {0, 1, 2})
    for layer in layers:
        kinds = Counter(location.kind for location in found if location.layer == layer and location.part == "weight")
        assert {kind: kinds[kind] for kind in IN_A_LAYER} == dict.fromkeys(IN_A_LAYER, 1)
        assert set(kinds) == IN_A_LAYER | {"norm"}


@pytest.mark.parametrize("family", MODELS)
def test_head_pooler_and_embeddings_are_told_apart(family):
    locate_all = {name: locate(name) for name, _ in MODELS[family]().named_parameters()}
    kinds = {location.kind for location in locate_all.values() if location.layer is None}
    assert {"embeddings", "pooler", "classifier"} <= kinds
    assert sum(location.kind == "classifier" and location.part == "weight" for location in locate_all.values()) == 1


def test_places_by_hand():
    assert locate("roberta.encoder.layer.11.attention.output.LayerNorm.bias") == Location(11, "norm", "bias")
    assert locate("albert.encoder.albert_layer_groups.0.albert_layers.0.ffn_output.weight") == Location(
        0, "output", "weight"
    )
    assert locate("classifier.out_proj.weight") == Location(None, "classifier", "weight")
    assert locate("something.else.weight") == Location(None, "other", "weight")


APART = {"query", "key", "value", "attention output", "intermediate", "output", "norm"}
AS_ONE = APART - {"query", "key", "value"} | {"query, key and value"}
OTHERS = {
    "modernbert": (2, AS_ONE, {"pooler", "classifier", "embeddings", "other"}),
    "eurobert": (2, APART, {"pooler", "classifier", "embeddings", "other"}),
    "nomic_bert": (2, APART, {"pooler", "classifier", "embeddings"}),
    "xlnet": (2, APART | {"rel_attn.r", "rel_attn.seg_embed"}, {"pooler", "classifier", "embeddings", "other"}),
    "xlm": (2, APART, {"classifier", "embeddings"}),
    "t5": (
        2,
        APART | {"layer.0.SelfAttention.relative_attention_bias"},
        {"pooler", "classifier", "embeddings", "decoder", "other"},
    ),
    "deberta": (2, AS_ONE, {"pooler", "classifier", "embeddings"}),
    "deberta-v2": (2, APART, {"pooler", "classifier", "embeddings"}),
    "mpnet": (2, APART, {"pooler", "classifier", "embeddings"}),
    "bart": (2, APART, {"pooler", "classifier", "embeddings", "decoder"}),
    "gpt2": (2, AS_ONE, {"classifier", "embeddings", "other"}),
    "funnel": (12, APART | {"attention.r_kernel", "attention.seg_embed"}, {"pooler", "classifier", "embeddings"}),
}


@pytest.mark.parametrize(
    "family", [pytest.param(each, marks=pytest.mark.newest if each == "nomic_bert" else ()) for each in OTHERS]
)
def test_weights_of_other_families_have_their_kind_or_their_own_name(family):
    layers, inside, outside = OTHERS[family]
    with torch.device("meta"):
        model = AutoModelForSequenceClassification.from_config(tiny_configuration(family))
    found = [
        location for location in locate_all(name for name, _ in model.named_parameters()) if location.part == "weight"
    ]
    assert {location.layer for location in found} - {None} == set(range(layers))
    assert {location.kind for location in found if location.layer is not None} == inside
    assert {location.kind for location in found if location.layer is None} == outside


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # PEFT asks for it
@pytest.mark.parametrize("family", MODELS)
def test_what_peft_wraps_is_where_it_was(family):
    stock = [name for name, _ in MODELS[family]().named_parameters()]
    targets = [name.removesuffix(".weight") for name in stock if locate(name).kind in ("query", "value")]
    config = LoraConfig(task_type="SEQ_CLS", target_modules=targets, r=2, use_dora=True)
    names = [name for name, _ in get_peft_model(MODELS[family](), config).named_parameters()]
    assert {stock_name(name) for name in names} == set(stock)
    where = dict(zip(stock, locate_all(stock), strict=True))
    assert locate_all(names) == [where[stock_name(name)] for name in names]


@pytest.mark.parametrize(
    "update", ["lora_A.mine.weight", "lora_B.mine.bias", "lora_embedding_A.mine", "base_layer.bias"]
)
def test_updates_are_parts_of_their_matrix(update):
    part = "bias" if update.endswith("bias") else "weight"
    assert locate(f"base_model.model.roberta.encoder.layer.3.attention.self.key.{update}") == Location(3, "key", part)


def test_a_decoder_without_an_encoder_is_the_model():
    names = ["model.decoder.layers.3.self_attn.q_proj.weight", "model.decoder.layers.3.fc2.bias"]
    assert locate_all(names) == [Location(3, "query", "weight"), Location(3, "output", "bias")]


DEBERTA = {"relative_attention": True, "norm_rel_ebd": "layer_norm", "conv_kernel_size": 3, "pos_att_type": ["p2c"]}
AT_THE_TOP = {
    "canine": r"canine\.projection\.",  # behind the molecules that are classified: without a gradient
    "esm": r"esm\.contact_head\.",
    "layoutlmv3": r"layoutlmv3\.(cls_token|patch_embed|pos_embed|norm)",
    "perceiver": r"perceiver\.",
    "xlnet": r"transformer\.mask_emb",
}
"""Further parameters that are known neither as embeddings nor by a layer: they get no gradient, or no level."""
FINAL = r"(^|\.)(ln|ln_f|norm|norm_f|(final_)?(layer_?)?norm|emb_layer_norm_after)\.(weight|bias)$"
IMAGES = r"\b(vision|visual|multi_modal|connector)"


def without_weights(family, **settings):
    with quiet_transformers(), torch.device("meta"):
        return AutoModelForSequenceClassification.from_config(tiny_configuration(family, **settings))


@pytest.mark.parametrize(
    ("family", "settings", "below", "above"),
    [
        ("mpnet", {}, "mpnet.encoder.relative_attention_bias.weight", "classifier.dense.weight"),
        ("deberta-v2", DEBERTA, "deberta.encoder.LayerNorm.weight", "pooler.dense.weight"),
        ("deberta-v2", DEBERTA, "deberta.encoder.conv.conv.weight", "pooler.dense.weight"),
        ("xlm", {}, "transformer.layer_norm_emb.weight", "sequence_summary.summary.weight"),
        ("flaubert", {}, "transformer.layer_norm_emb.bias", "sequence_summary.summary.weight"),
        ("canine", {}, "canine.chars_to_molecules.conv.weight", "canine.projection.conv.weight"),
        ("ctrl", {}, "transformer.w.weight", "transformer.layernorm.weight"),
        ("xlm-roberta-xl", {}, "roberta.embeddings.word_embeddings.weight", "roberta.encoder.LayerNorm.weight"),
        ("modernbert", {}, "model.embeddings.norm.weight", "model.final_norm.weight"),
        ("esm", {}, "esm.embeddings.word_embeddings.weight", "esm.encoder.emb_layer_norm_after.weight"),
        ("megatron-bert", {}, "bert.embeddings.word_embeddings.weight", "bert.encoder.ln.weight"),
    ],
)
def test_what_comes_before_the_first_layer_is_below_it_whatever_it_is_called(family, settings, below, above):
    """And norms behind the last layer are above it: llrd and freeze go by it."""
    found = levels(without_weights(family, **settings), "freeze")
    assert (found.of[below], found.of[above]) == (0, found.top)


@pytest.mark.slow
def test_no_family_has_a_parameter_of_which_it_is_not_known_where_it_is():
    """What is neither embeddings, nor in a layer, pooler or head is a norm behind the last layer, or named above."""
    for family in sorted(set(FAMILIES) - set(LIMITATIONS) - {"layoutlmv2"}):
        names = [name for name, _ in without_weights(family).named_parameters()]
        known = re.compile("|".join(filter(None, (FINAL, IMAGES, AT_THE_TOP.get(family)))), re.IGNORECASE)
        unknown = [
            name
            for name, each in zip(names, locate_all(names), strict=True)
            if each.layer is None and each.kind == "other" and not known.search(name)
        ]
        assert not unknown, family
