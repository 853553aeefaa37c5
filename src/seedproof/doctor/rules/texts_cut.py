"""Texts that are cut at the maximum length, by class."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts
from seedproof.tasks import Split
from seedproof.tasks.classes import shown

MANY = 0.05
FEWEST = 20
"""Examples of a class that are counted; of fewer a fraction says little."""
_LISTED = 5


class TextsCut(Rule):
    """Many texts of a class are longer than what the model is given."""

    id = "texts-cut"
    severity = "warning"
    what = f"{MANY:.0%} or more of the training texts, or of those of one class, are cut at the maximum length."
    why = "What is cut off is not seen. Where one class is cut more often than others, length stands in for the label."
    source = "Sun et al. 2019, arXiv 1905.05583"
    change = "Raise max_length up to the model's positions, or cut the middle and keep both ends."
    needs = ("data", "model", "max_length")

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding with the fraction of every class that is cut."""
        from seedproof.models.loading import load_tokenizer
        from seedproof.models.tokens import count_cut

        tokenizer, length = load_tokenizer(facts.source), int(facts.value("max_length"))
        whole, texts = count_cut(facts.task.train, tokenizer, length), len(facts.task.train)
        share = whole.examples / texts
        parts = {name: part for name, part in _parts(facts).items() if len(part) >= min(FEWEST, texts)}
        by_class = {name: count_cut(part, tokenizer, length).examples / len(part) for name, part in parts.items()}
        most = max(by_class.values(), default=share)
        if max(share, most) < MANY:
            return
        worst = sorted(by_class.items(), key=lambda item: -item[1])[:_LISTED]
        listed = f"; most by class: {', '.join(f'{name} {value:.0%}' for name, value in worst)}" if worst else ""
        yield self.found(
            f"{share:.1%} of {texts:,} training texts have more than {length} tokens (the longest {whole.longest}){listed}",
            numbers={"cut": share, "most cut class": most, "longest": whole.longest, "limit": MANY},
            place=facts.place("max_length"),
        )


def _parts(facts: Facts) -> dict[str, Split]:
    """The training set by class, or by label where an example may have several; none of a regression."""
    split, classes = facts.task.train, facts.task.classes
    if not classes:
        return {}
    has = split.labels if split.labels.ndim == 2 else split.labels[:, None] == np.arange(len(classes))
    masks = {shown(name): has[:, index].astype(bool) for index, name in enumerate(classes)}
    return {name: split.take(mask) for name, mask in masks.items() if mask.any()}
