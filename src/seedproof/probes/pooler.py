"""Saturation of the pooler's tanh (the paper's code records it; it was never published)."""

from __future__ import annotations

from typing import Any

from seedproof.probes.base import Observation, Probe, Values

THRESHOLD = 0.99
"""A tanh unit counts as saturated beyond this; there its derivative is below .02."""

TANH_FAMILIES = ("bert", "albert", "roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "roberta-prelayernorm")
"""``model_type`` of the families whose pooler, or its counterpart in the head, ends in a tanh."""


def has_tanh(config: Any) -> bool:
    """Whether the head of a model with this configuration has a tanh, so that there is something to saturate."""
    return getattr(config, "model_type", None) in TANH_FAMILIES


class PoolerSaturation(Probe):
    """Fraction of the pooler's units with ``|tanh| > .99`` over the development set, at evaluations.

    Of the tanh behind ``pooler.dense`` (BERT), ``pooler`` (ALBERT) or ``classifier.dense`` (RoBERTa). Of a model whose head
    has no tanh (ELECTRA, DistilBERT) nothing is recorded.
    """

    name = "pooler"
    description = (
        "fraction of the pooler's saturated tanh units, at evaluations; costs nearly nothing. For: a run's page"
    )
    needs = ("saturated",)

    def observe(self, observation: Observation) -> Values | None:
        """Record the fraction."""
        return None if observation.saturated is None else {"saturated": observation.saturated}
