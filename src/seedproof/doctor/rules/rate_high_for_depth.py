"""A learning rate that is high for the model's depth."""

from __future__ import annotations

from collections.abc import Iterable

from seedproof.doctor.base import Finding, Rule, Unknown
from seedproof.doctor.facts import Facts

DEEP = 18
"""Layers from which on a model counts as deep: between the 12 of base and the 24 of large models."""
BASELINE = 2e-5
"""Rate of the stable baseline for 24 layers of BERT, RoBERTa and ALBERT (arXiv 2006.04884)."""
_DEEP = {"bert": BASELINE, "roberta": BASELINE, "albert": BASELINE}
_DEEP_ELSE, _SHALLOW = 5e-5, 1e-4
"""Limits for the others: 5e-5 is ELECTRA-large's published rate and the highest that BERT was published to be tried with, 1e-4
that of ELECTRA-base (google-research/electra, configure_finetuning.py; arXiv 1810.04805, appendix A.3)."""


class RateHighForDepth(Rule):
    """The peak learning rate is above one that models of this depth and family are known to bear."""

    id = "rate-high-for-depth"
    severity = "warning"
    what = (
        f"The peak learning rate is above {BASELINE:g} for 24 layers of BERT, RoBERTa or ALBERT, {_DEEP_ELSE:g} for as many of "
        f"another family, {_SHALLOW:g} for 12, or the rate in the model's card (serious for BERT-large without bias correction)."
    )
    why = (
        "Deep models fail at rates that shallow ones bear. Without bias correction BERT-large fails on many seeds at 2e-5 and "
        "more; with it runs of BERT-large were seen to fail at 5e-5, the highest rate that its authors tried, and of "
        "RoBERTa-large at 3e-5."
    )
    source = "Mosbach et al. 2021, arXiv 2006.04884, section 5; Du and Nguyen 2023, arXiv 2302.07778"
    change = (
        f"Take {BASELINE:g} for a model of 24 layers, the rate of the paper's baseline (arXiv 2006.04884, section 6), at most "
        f"{_DEEP_ELSE:g} for BERT of 12; ELECTRA was published with {_DEEP_ELSE:g} for 24 and {_SHALLOW:g} for 12."
    )
    needs = ("learning_rate", "model")

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding above the limit; serious where many runs were seen to fail for it."""
        if _is_adapter(facts):
            raise Unknown("adapters (LoRA) are trained, for which the published limits, of all weights, do not hold")
        rate, layers, family = float(facts.value("learning_rate")), layers_of(facts), facts.source.family
        is_deep = layers >= DEEP
        own = facts.source.card.get("learning_rate")
        usual = _DEEP.get(family, _DEEP_ELSE) if is_deep else _SHALLOW
        usual = float(own) if isinstance(own, (int, float)) else usual
        if rate <= usual:
            return
        is_uncorrected = facts.get("bias_correction") is False
        fails = is_deep and own is None and family == "bert" and is_uncorrected
        limit = "the rate in the model's card" if own is not None else f"the limit for {layers} layers of {family}"
        yield self.found(
            f"the peak learning rate is {rate:g}{', without bias correction' if is_uncorrected else ''}, {limit} {usual:g}",
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
