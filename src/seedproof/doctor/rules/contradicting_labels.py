"""One text with several labels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts
from seedproof.doctor.rules.duplicates import text_of
from seedproof.tasks.holding_out import numbered

SOME = 0.005


class ContradictingLabels(Rule):
    """Training examples whose text stands under another label, too."""

    id = "contradicting-labels"
    severity = "warning"
    what = f"The same training text has several labels (a note below {SOME:.1%} of the examples)."
    why = "No model can learn both: the training accuracy is bounded, and which label wins depends on the order of the data."
    source = "Northcutt et al. 2021, arXiv 2103.14749"
    change = "Look at these texts: relabel them, or drop them from both parts."
    needs = ("data",)

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding where a text has several classes; ratings of a regression may differ."""
        if not facts.task.classes:
            return
        split = facts.task.train
        _, labels = np.unique(split.labels, axis=0, return_inverse=True)
        numbers, examples = numbered(split), len(split)
        pairs, counts = np.unique(np.stack([numbers, labels.ravel()]), axis=1, return_counts=True)
        most = np.zeros(numbers.max() + 1, np.int64)
        np.maximum.at(most, pairs[0], counts)
        wrong = np.bincount(pairs[0]) > 1
        if not wrong.any():
            return
        lost = int((np.bincount(numbers) - most).sum())
        example = text_of(split, int(np.argmax(wrong[numbers])))
        yield self.found(
            f"{wrong.sum():,} training texts have more than one label, such as {example[:60]!r}; no prediction by "
            f"the text is right on more than {1 - lost / examples:.2%} of the {examples:,} examples",
            numbers={"texts": int(wrong.sum()), "examples": examples, "highest accuracy": 1 - lost / examples},
            severity="warning" if lost / examples >= SOME else "note",
        )
