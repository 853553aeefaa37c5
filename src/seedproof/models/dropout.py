"""The dropout of a model: every site where it drops, whatever the site is called in its configuration.

Transformers has about thirty names for dropout probabilities, some of them in no configuration. What drops are modules, and
probabilities that a module keeps, or looks up in its configuration, for a functional dropout.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from torch import nn
from torch.nn.modules.dropout import _DropoutNd

# What the configurations of Transformers called their dropout probabilities when stores began.
FIRST_NAMES = (
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "classifier_dropout",
    "classifier_dropout_prob",
    "dropout",
    "attention_dropout",
    "activation_dropout",
    "seq_classif_dropout",
    "hidden_dropout",
    "classifier_dropout_rate",
    "pooler_dropout",
    "mlp_dropout",
    "embedding_dropout",
)
_PROBABILITY = re.compile(r"dropout|pdrop|drop_prob|drop_rate")
# Whole layers or paths are dropped, or tokens before they are seen: something else.
_OTHER = re.compile(r"layer_?drop|path|token_dropout")


def set_named(config: Any, p: float) -> None:
    """Set the entries of a configuration that are called as in ``FIRST_NAMES``."""
    for name in FIRST_NAMES:
        if hasattr(config, name):
            setattr(config, name, p)


def set_all(config: Any, p: float) -> None:
    """Set every dropout probability of a configuration and of the configurations in it; before the model is built."""
    set_named(config, p)
    for holder, name in _entries(config):
        setattr(holder, name, p)


def set_in_modules(model: nn.Module, p: float) -> None:
    """Set every dropout probability of a model that is built, its configurations' included."""
    for holder, name, _ in _sites(model):
        setattr(holder, name, p)


def dropouts(model: nn.Module) -> dict[str, float]:
    """The probability of each site of a model that drops, by the name of its module, or of the module's number."""
    return {site: float(getattr(holder, name)) for holder, name, site in _sites(model)}


def _sites(model: nn.Module) -> Iterator[tuple[Any, str, str]]:
    """Each site that drops: what holds its probability, under which name, and what to call it."""
    configurations: dict[int, Any] = {}
    for module_name, module in model.named_modules():
        if isinstance(module, _DropoutNd):
            yield module, "p", module_name
            continue
        for name, value in vars(module).items():
            if _is_probability(name, value):
                yield module, name, f"{module_name}.{name}".lstrip(".")
        config = vars(module).get("config")
        if config is not None:
            configurations[id(config)] = config
    seen = set()
    for config in configurations.values():
        for holder, name in _entries(config):
            if (id(holder), name) not in seen:
                seen.add((id(holder), name))
                yield holder, name, f"config.{name}"


def _entries(config: Any) -> Iterator[tuple[Any, str]]:
    from transformers import PreTrainedConfig

    for name, value in list(vars(config).items()):
        if isinstance(value, PreTrainedConfig):
            yield from _entries(value)
        elif isinstance(value, float) and _is_probability(name, value):  # one declared as a whole number takes no share
            yield config, name


def _is_probability(name: str, value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1:
        return False
    return bool(_PROBABILITY.search(name)) and not _OTHER.search(name)
