"""Pairs without segment ids, for a model that tells segments apart."""

from __future__ import annotations

from collections.abc import Iterable

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts


class SegmentIdsMissing(Rule):
    """The model was pre-trained with segment ids, and is not given any."""

    id = "segment-ids-missing"
    severity = "warning"
    what = "The examples are pairs and the model tells segments apart, but it is not told which token belongs to which text."
    why = "The model was pre-trained to find the second text by these ids; without them every token is marked as the first."
    source = "Devlin et al. 2019, arXiv 1810.04805, section 3"
    change = "Give both texts to the tokenizer, tokenizer(first, second), and pass token_type_ids on; --set segment_ids=true."
    needs = ("data", "model", "segments")

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding for pairs, a model with segments, and no ids."""
        if facts.task.train.pairs is None or facts.value("segments"):
            return
        from seedproof.models.facts import segments, skeleton

        if (known := segments(skeleton(facts.source))) > 1:
            yield self.found(
                f"the examples are pairs, {facts.source.name} tells {known} segments apart, and segment ids are off",
                numbers={"segments": known},
                place=facts.place("segments"),
            )
