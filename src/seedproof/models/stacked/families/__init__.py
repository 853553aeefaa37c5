"""Encoder families that a stack can compute: one file each, and one line here.

A family's file has a function that reads a stock configuration as an :class:`Architecture`, or says None to what its
models compute otherwise. Models of other families have the plain engine.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from seedproof.models.stacked.architecture import Architecture
from seedproof.models.stacked.functions import ACTIVATIONS

FAMILIES: Mapping[str, Callable[[Any], Architecture | None]] = MappingProxyType(
    {
        name: importlib.import_module(f"{__name__}.{name.replace('-', '_')}").architecture
        for name in ("bert", "roberta", "xlm-roberta", "camembert", "albert", "electra", "distilbert")
    }
)
"""Families by ``model_type`` of the configuration, which is the name of the family's file too."""


def architecture_of(config: Any) -> Architecture | None:
    """The architecture of the sequence classification model of a Transformers configuration.

    None where a stack does not compute it: another family, a decoder, another activation, or what the family's file refuses.
    """
    family = FAMILIES.get(config.model_type)
    if family is None or getattr(config, "is_decoder", False):
        return None
    found = family(config)
    return None if found is None or found.activation not in ACTIVATIONS else found
