"""One text with several labels."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts
from seedproof.tasks.holding_out import keys

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
        labels: dict[tuple[str, ...], Counter[int]] = defaultdict(Counter)
        for key, label in zip(keys(facts.task.train), facts.task.train.labels.tolist(), strict=True):
            labels[key][label] += 1
        wrong = {key: counts for key, counts in labels.items() if len(counts) > 1}
        if not wrong:
            return
        examples = len(facts.task.train)
        lost = sum(counts.total() - max(counts.values()) for counts in wrong.values())
        yield self.found(
            f"{len(wrong):,} training texts have more than one label, such as {' | '.join(min(wrong))[:60]!r}; no prediction by "
            f"the text is right on more than {1 - lost / examples:.2%} of the {examples:,} examples",
            numbers={"texts": len(wrong), "examples": examples, "highest accuracy": 1 - lost / examples},
            severity="warning" if lost / examples >= SOME else "note",
        )
