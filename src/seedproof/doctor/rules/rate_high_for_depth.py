"""A learning rate that is high for the model's depth."""

from __future__ import annotations

from collections.abc import Iterable

from seedproof.doctor.base import Finding, Rule, Unknown
from seedproof.doctor.facts import Facts

DEEP = 18
"""Layers from which on a model counts as deep: between the 12 of base and the 24 of large models."""
_USUAL = {True: 2e-5, False: 1e-4}
"""The highest rate of published recipes, for deep models (arXiv 2006.04884) and others (1e-4: ELECTRA-base)."""
_FAILING = {"roberta": 3e-5}
_FAILS = 5e-5
"""Rates at which a third to a half of 20 runs of large models failed, correction on; BERT's for a family without its own."""


class RateHighForDepth(Rule):
    """The peak learning rate is above those with which models of this depth are trained."""

    id = "rate-high-for-depth"
    severity = "warning"
    what = "The peak learning rate is above those with which models of this depth are published."
    why = (
        "Deep models fail at rates that shallow ones bear: with bias correction on, 10 to 13 of 20 runs of BERT-large failed at "
        "5e-5, 7 to 11 of 20 of RoBERTa-large at 3e-5."
    )
    source = "Du and Nguyen 2023, arXiv 2302.07778; Mosbach et al. 2021, arXiv 2006.04884"
    change = "Take 2e-5 for a model of 24 layers, at most 5e-5 for 12."
    needs = ("learning_rate", "model")

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding above the limit; serious at a rate at which runs of such models were seen to fail."""
        if _is_adapter(facts):
            raise Unknown("adapters (LoRA) are trained, for which the published limits, of all weights, do not hold")
        rate, layers = float(facts.value("learning_rate")), layers_of(facts)
        is_deep = layers >= DEEP
        own = facts.source.card.get("learning_rate")
        usual = float(own) if isinstance(own, (int, float)) else _USUAL[is_deep]
        if rate <= usual:
            return
        fails = is_deep and own is None and rate >= _FAILING.get(facts.source.family, _FAILS)
        limit = "the rate in the model's card" if own is not None else f"the limit for {layers} layers"
        yield self.found(
            f"the peak learning rate is {rate:g}, {limit} {usual:g}",
            numbers={"learning rate": rate, "limit": usual, "layers": layers},
            severity="serious" if fails else "warning",
            change=f"Take {usual:g} or less.",
            place=facts.place("learning_rate"),
        )


def layers_of(facts: Facts) -> int:
    """Layers of the model, by its configuration; raises Unknown where that does not say."""
    for name in ("num_hidden_layers", "n_layers", "n_layer", "num_layers"):
        if isinstance(layers := facts.source.config.get(name), int):
            return layers
    raise Unknown(f"the configuration of {facts.source.name} does not say how many layers it has")


def _is_adapter(facts: Facts) -> bool:
    in_script = facts.script is not None and bool(facts.script.named("LoraConfig"))
    return in_script or "lora" in facts.get("methods", ())
