"""The same text several times in the training set."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts
from seedproof.tasks import Split
from seedproof.tasks.holding_out import numbered

SOME, MANY = 0.01, 0.1


class Duplicates(Rule):
    """Copies among the training examples."""

    id = "duplicates"
    severity = "warning"
    what = f"{SOME:.0%} or more of the training examples are copies of others (a note; a warning from {MANY:.0%} on)."
    why = "Copies count as so many examples as there are, and a split by chance puts one of them into the development set."
    source = "Lee et al. 2022, arXiv 2107.06499"
    change = "Keep one of each, or split so that copies stay together (seedproof's own split does)."
    needs = ("data",)

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding where many examples are copies; two that differ in blanks only are copies."""
        split = facts.task.train
        numbers = numbered(split)
        counts = np.bincount(numbers)
        examples, copies = len(split), len(split) - len(counts)
        if copies / examples < SOME:
            return
        commonest = int(np.argmax(counts))
        text = text_of(split, int(np.argmax(numbers == commonest)))
        yield self.found(
            f"{copies:,} of {examples:,} training examples ({copies / examples:.1%}) are copies of others; the commonest text "
            f"stands {counts[commonest]} times: {text[:60]!r}",
            numbers={"copies": copies, "examples": examples, "limit": SOME},
            severity="warning" if copies / examples >= MANY else "note",
        )


def text_of(split: Split, index: int) -> str:
    """The text of an example, or both of a pair, in a line."""
    parts = [split.texts[index]] if split.pairs is None else [split.texts[index], split.pairs[index]]
    return " | ".join(" ".join(part.split()) for part in parts)
