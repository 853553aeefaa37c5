"""Where a parameter sits: its layer and the kind of its weight, from its name in Transformers.

The kinds are those of the paper's Figures 4 and 10-12; other architectures fall back to the name of the module.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

# The part of a name behind the layer's number, per kind; BERT, RoBERTa and ELECTRA; ALBERT; DistilBERT.
_KINDS = {
    "query": ("attention.self.query", "attention.query", "attention.q_lin"),
    "key": ("attention.self.key", "attention.key", "attention.k_lin"),
    "value": ("attention.self.value", "attention.value", "attention.v_lin"),
    "attention output": ("attention.output.dense", "attention.dense", "attention.out_lin"),
    "intermediate": ("intermediate.dense", "ffn.lin1", "ffn"),
    "output": ("output.dense", "ffn_output", "ffn.lin2"),
}
_MODULE_KIND = {module: kind for kind, modules in _KINDS.items() for module in modules}
_LAYER = re.compile(r"\.(?:layer|layers|blocks?|h)\.(\d+)\.(.+)\.(weight|bias)$")
_ALBERT = re.compile(r"\.albert_layer_groups\.(\d+)\.albert_layers\.(\d+)\.(.+)\.(weight|bias)$")
# RoBERTa and ELECTRA have the pooler's counterpart, a dense layer with an activation, inside their classifier.
_POOLERS = ("pooler", "classifier.dense", "pre_classifier")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a parameter sits."""

    layer: int | None
    """0 is the lowest layer of the encoder; None: embeddings, pooler, classifier. ALBERT's shared layers are layer 0."""
    kind: str
    """query, key, value, attention output, intermediate, output, norm, embeddings, pooler, classifier, or other."""
    part: str
    """``weight`` or ``bias``."""


def locate(name: str) -> Place:
    """Find the place of a parameter by its name in the model.

    >>> locate("bert.encoder.layer.3.attention.self.query.weight")
    Place(layer=3, kind='query', part='weight')
    """
    part = name.rsplit(".", 1)[-1]
    if match := _ALBERT.search(name):
        return Place(int(match[1]), _kind_in_layer(match[3]), part)
    if match := _LAYER.search(name):
        return Place(int(match[1]), _kind_in_layer(match[2]), part)
    if "embedding" in name:
        return Place(None, "embeddings", part)
    if any(f"{pooler}." in name for pooler in _POOLERS):
        return Place(None, "pooler", part)
    if name.startswith(("classifier", "score")):
        return Place(None, "classifier", part)
    return Place(None, "other", part)


def _kind_in_layer(module: str) -> str:
    if "norm" in module.lower():
        return "norm"
    return _MODULE_KIND.get(module, module)
