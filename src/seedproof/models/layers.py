"""Where a parameter sits: its layer and the kind of its weight, from its name in Transformers.

The kinds are those of the paper's Figures 4 and 10-12. What has none of the names below keeps its module's own name as its
kind: it is shown as what it is, and no analysis takes it for something else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

JOINED = "query, key and value"
"""The kind of one matrix for all three (ModernBERT, DeBERTa, GPT-2)."""
DECODER = "decoder"
"""The kind of everything in the decoder of a model that has an encoder too (T5, BART): its layers are not the encoder's."""

# Of a module behind the layer's number: the attention of a text to itself, under the names that it has.
_SELF = (
    r"(self_|rel_|post_)?(attn|attention)(\.self|\.attn|\.attention|\.self_attention)?|self_attn\.self|layer\.0\.SelfAttention"
    r"|attentions|multi_head_attention"
)
_ATTENTION = {
    "query": r"query|q|q_proj|q_lin|q_head|query_proj|Wq",
    "key": r"key|k|k_proj|k_lin|k_head|key_proj|Wk",
    "value": r"value|v|v_proj|v_lin|v_head|value_proj|Wv",
    JOINED: r"Wqkv|in_proj|qkv|qkv_proj|query_key_value|c_attn",
    "attention output": r"output\.dense|output|dense|o|o_proj|out_proj|out_lin|Wo|c_proj|post_proj|conv1d",
}
_FEED_FORWARD = {
    "intermediate": r"(ffn\.\d\.)?intermediate\.(dense|conv1d)|feed_forward\.dense\.dense|ffn(\.0|\.up_proj)?|ffns?\.lin1"
    r"|mlp\.(Wi|gate_proj|up_proj|gate_up_proj|fc1|c_fc|fc_in|dense1|dense_h_to_4h)|fc1|ffn?\.(layer|linear)_1"
    r"|layer\.1\.DenseReluDense\.wi(_[01])?",
    "output": r"(ffn\.\d\.)?output\.(dense|conv1d)|feed_forward\.output\.dense|ffn_output|ffn\.(2|down_proj)|ffns?\.lin2"
    r"|mlp\.(Wo|down_proj|fc2|c_proj|fc_out|dense2|dense_4h_to_h)|fc2|ffn?\.(layer|linear)_2"
    r"|layer\.1\.DenseReluDense\.wo",
}
_KINDS = [(re.compile(rf"({_SELF})\.({names})"), kind) for kind, names in _ATTENTION.items()]
_KINDS += [(re.compile(names), kind) for kind, names in _FEED_FORWARD.items()]
_NORM = re.compile(r"norm|(^|\.)ln(_|\.|$)", re.IGNORECASE)

_ALBERT = re.compile(r"^(.*)\.albert_layer_groups\.(\d+)\.albert_layers\.\d+\.(.+)$")
_BLOCK = re.compile(r"^(.*?)\.(?:layers?|blocks?|h)\.(\d+)\.(?:(\d+)\.)?(.+)$")  # Funnel's have two numbers
_LISTS = re.compile(r"^(.*?)\.(attentions|ffns|layer_norm[12])\.(\d+)\.?(.*)$")  # XLM: a list of each part

# The pooler's counterpart, a dense layer with an activation, is inside the head of many.
_POOLER = re.compile(
    r"pooler\.|^pre_classifier\.|^(classifier|head|classification_head)\.dense\.|^dense\.|^classifier\.linear_hidden\."
)
_CLASSIFIER = re.compile(r"^(classifier|score|logits_proj|classification_head)\b")
_IMAGES = re.compile(r"\b(vision|visual)")
_SUMMARY = "sequence_summary.summary."
_EMBEDDINGS = re.compile(r"embedding|\bembed_(tokens|positions|in)\b|\b(wte|wpe|shared|tokens_embed|positions_embed)\b")
# What is not called so and comes before the first layer, or is looked up for all of them: tables of relative positions (MPNet,
# LayoutLMv3), the norm of the embeddings (XLM), CANINE's way to molecules, CTRL's words, DeBERTa-v2's convolution.
_BELOW = re.compile(
    r"\b(relative_attention_bias|rel_pos_(x_|y_)?bias|layer_norm_emb|chars_to_molecules|transformer\.w|encoder\.conv)\."
)
_OF_RELATIVE = re.compile(r"^(.*\bencoder)\.LayerNorm\.")  # DeBERTa-v2's; XLM-RoBERTa-XL's is behind its last layer


# What PEFT puts into the names of a model that it wraps: two modules around it, one around a matrix or a module that it
# updates or copies, and the updates themselves, which are parts of the matrix. Each adapter has a name.
_AROUND_MODEL = re.compile(r"^base_model\.model\.")
_AROUND_MODULE = re.compile(r"\.(base_layer|original_module|modules_to_save\.[^.]+)(?=\.)")
_UPDATE = re.compile(r"\.lora_(A|B|embedding_A|embedding_B|magnitude_vector)\.[^.]+(\.weight|\.bias)?$")
_INSIDE_MATRIX = re.compile(r"\.(base_layer|lora_\w+)(\.|$)")


@dataclass(frozen=True, slots=True)
class Location:
    """Where a parameter sits."""

    layer: int | None
    """0 is the lowest layer of the encoder; None: embeddings, pooler, classifier. ALBERT's shared layers are layer 0."""
    kind: str
    """query, key, value, or the three as one; attention output, intermediate, output, norm, embeddings, pooler, classifier,
    decoder, other; inside a layer the module's own name where it is none of these."""
    part: str
    """``weight`` or ``bias``."""


def locate(name: str) -> Location:
    """Find the location of a parameter by its name alone; :func:`locate_all` knows more, from all of a model's names.

    >>> locate("bert.encoder.layer.3.attention.self.query.weight")
    Location(layer=3, kind='query', part='weight')
    """
    return locate_all([name])[0]


def locate_all(names: Iterable[str]) -> list[Location]:
    """Find the locations of the parameters of a model, in the order of their names.

    Layers are counted from the lowest over all stacks of a model, in the order in which their parameters stand (Funnel's
    blocks, CANINE's encoders). In a model that PEFT has wrapped, a part of an update is a weight where its matrix is.
    """
    listed = [stock_name(name) for name in names]
    has_encoder = any(".encoder." in name for name in listed)
    found = [_in_layer(name) for name in listed]
    stacks = list(dict.fromkeys(key[0] for key, _ in filter(None, found)))
    keys = sorted({key for key, _ in filter(None, found)}, key=lambda key: (stacks.index(key[0]), key[1]))
    numbers = _numbers(keys)
    result = []
    for name, inside in zip(listed, found, strict=True):
        part = "bias" if name.endswith("bias") else "weight"
        if has_encoder and ".decoder." in name:
            result.append(Location(None, DECODER, part))
        elif inside is not None:
            result.append(Location(numbers[inside[0]], _kind_in_layer(inside[1]), part))
        else:
            result.append(Location(None, _kind_outside(name, listed), part))
    return result


def stock_name(name: str) -> str:
    """The name that a parameter has in the stock model, from that in one that PEFT has wrapped or put updates into.

    >>> stock_name("base_model.model.bert.encoder.layer.3.attention.self.query.lora_B.default.weight")
    'bert.encoder.layer.3.attention.self.query.weight'
    """
    stock = _AROUND_MODULE.sub("", _AROUND_MODEL.sub("", name))
    return _UPDATE.sub(lambda match: ".bias" if match[2] == ".bias" else ".weight", stock)


def is_inside_matrix(module: str) -> bool:
    """Whether a module, by its name, is one of those that PEFT makes of a matrix: the matrix as it was, or an update."""
    return _INSIDE_MATRIX.search(module) is not None


_Key = tuple[str, tuple[int, ...]]
"""A stack of layers by what stands before their numbers, and a layer's numbers in it."""


def _numbers(keys: Sequence[_Key]) -> dict[_Key, int]:
    """Each layer's number: its own where a model has one stack with one number a layer, else its index among all."""
    stacks = {stack for stack, _ in keys if not stack.endswith(".decoder")}
    if len(stacks) <= 1 and all(len(numbers) == 1 for _, numbers in keys):
        return {key: key[1][0] for key in keys}
    return {key: index for index, key in enumerate(keys)}


def _in_layer(name: str) -> tuple[_Key, str] | None:
    """The layer of a parameter and its module in it; None outside of the layers, or in a part that sees images."""
    if _IMAGES.search(name):
        return None
    module = re.sub(r"\.(weight|bias)$", "", name)
    if match := _ALBERT.match(module):
        return (match[1], (int(match[2]),)), match[3]
    if match := _LISTS.match(module):
        return (match[1], (int(match[3]),)), f"{match[2]}.{match[4]}".rstrip(".")
    if match := _BLOCK.match(module):
        numbers = (int(match[2]),) if match[3] is None else (int(match[2]), int(match[3]))
        return (match[1], numbers), match[4]
    return None


def _kind_in_layer(module: str) -> str:
    if _NORM.search(module):
        return "norm"
    return next((kind for pattern, kind in _KINDS if pattern.fullmatch(module)), module)


def is_called_embedding(name: str) -> bool:
    """Whether a parameter outside of the layers is called one of the embeddings; some that belong to them are not."""
    return _EMBEDDINGS.search(name) is not None


def _kind_outside(name: str, names: Sequence[str]) -> str:
    if _SUMMARY in name:  # XLNet's is followed by another layer, XLM's is the classifier itself
        return "pooler" if any(other.startswith("logits_proj") for other in names) else "classifier"
    if _EMBEDDINGS.search(name) or _BELOW.search(name):
        return "embeddings"
    if (match := _OF_RELATIVE.match(name)) and f"{match[1]}.rel_embeddings.weight" in names:
        return "embeddings"
    if _POOLER.search(name):
        return "pooler"
    return "classifier" if _CLASSIFIER.search(name) else "other"
