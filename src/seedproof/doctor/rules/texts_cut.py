"""Texts that are cut at the maximum length, by class."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts
from seedproof.tasks import Split
from seedproof.tasks.labels import shown

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
        cut = {name: (count_cut(part, tokenizer, length), len(part)) for name, part in _parts(facts).items()}
        total = sum(size for _, size in cut.values())
        share = sum(each.examples for each, _ in cut.values()) / total
        shares = {name: each.examples / size for name, (each, size) in cut.items() if size >= min(FEWEST, total)}
        if share < MANY and max(shares.values(), default=0.0) < MANY:
            return
        worst = sorted(shares.items(), key=lambda item: -item[1])[:_LISTED]
        by_class = (
            f"; most by class: {', '.join(f'{name} {value:.0%}' for name, value in worst)}" if len(cut) > 1 else ""
        )
        longest = max(each.longest for each, _ in cut.values())
        yield self.found(
            f"{share:.1%} of {total:,} training texts have more than {length} tokens (the longest {longest}){by_class}",
            numbers={
                "cut": share,
                "most cut class": max(shares.values(), default=share),
                "longest": longest,
                "limit": MANY,
            },
            place=facts.place("max_length"),
        )


def _parts(facts: Facts) -> dict[str, Split]:
    """The training set by class; of a regression the whole."""
    split = facts.task.train
    if not facts.task.classes:
        return {"": split}
    found = {}
    for index, name in enumerate(facts.task.classes):
        rows = np.flatnonzero(split.labels == index)
        pairs = None if split.pairs is None else tuple(split.pairs[row] for row in rows)
        if len(rows):
            found[shown(name)] = Split(tuple(split.texts[row] for row in rows), pairs, split.labels[rows])
    return found
