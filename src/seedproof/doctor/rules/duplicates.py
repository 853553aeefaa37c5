"""The same text several times in the training set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts
from seedproof.tasks.holding_out import keys

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
        counts = Counter(keys(facts.task.train))
        examples = len(facts.task.train)
        copies = examples - len(counts)
        if copies / examples < SOME:
            return
        text, most = counts.most_common(1)[0]
        yield self.found(
            f"{copies:,} of {examples:,} training examples ({copies / examples:.1%}) are copies of others; the commonest text "
            f"stands {most} times: {' | '.join(text)[:60]!r}",
            numbers={"copies": copies, "examples": examples, "limit": SOME},
            severity="warning" if copies / examples >= MANY else "note",
        )
