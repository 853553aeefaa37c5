"""Development examples that stand in the training set."""

from __future__ import annotations

from collections.abc import Iterable

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts


class TrainDevOverlap(Rule):
    """The same text is trained on and scored."""

    id = "train-dev-overlap"
    severity = "serious"
    what = (
        "Examples of an evaluated set, such as the development set, stand in the training set (serious where they are as large a "
        "part of it as the difference looked for)."
    )
    why = "Their part of the score shows what was memorised, not what would be right on a new text."
    source = "Elangovan et al. 2021, arXiv 2102.01818"
    change = "Drop them from the training set, or split again with copies together."
    needs = ("data",)

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding for each evaluated split that shares texts with the training set."""
        for name, count in facts.task.data_report.copies.items():
            examples = len(facts.task.evaluation_splits[name])
            if count:
                yield self.found(
                    f"{count:,} of {examples:,} {'development' if name == 'dev' else name} examples ({count / examples:.1%}) "
                    "stand in the training set",
                    numbers={"examples": count, "of": examples, "difference": facts.difference},
                    severity="serious" if count / examples >= facts.difference else "warning",
                )
