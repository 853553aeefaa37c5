"""Predictions that never change, whatever the metric says."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from seedproof.doctor.base import Finding, Rule, Unknown
from seedproof.doctor.facts import Facts, Run
from seedproof.doctor.rules.majority_score import check_accuracy


class ConstantPredictions(Rule):
    """A run answers every development example alike."""

    id = "constant-predictions"
    severity = "serious"
    what = (
        "Every development example was given the same class. Where only a log is at hand: each evaluation has exactly the scores "
        "that a constant prediction has."
    )
    why = "F1 of a frequent class, accuracy on an unequal one and recall reward a constant answer, so the score can look good."
    source = "huggingface/sentence-transformers issue 2282 (constant output scores F1 100)"
    change = "Look at the predictions; judge by Matthews correlation or macro F1, which a constant answer cannot raise."
    needs = ("runs",)

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding over the runs that were seen to answer alike, and one for each log that fits it."""
        kept = [run for run in facts.runs if run.predicted is not None]
        constant = [run for run in kept if run.predicted]
        if constant:
            first = constant[0]
            yield self.found(
                f"{len(constant)} of {len(kept)} runs give{'s' if len(constant) == 1 else ''} every development example "
                f"one class ({first.name}: {first.predicted!r})",
                numbers={"runs": len(constant), "of": len(kept)},
                place=first.place,
            )
        logged = [run for run in facts.runs if run.predicted is None and run.evaluations]
        if not kept and not logged:
            raise Unknown("no run has kept its predictions or logged a score")
        told = [self._fits(run, facts) for run in logged]
        yield from (finding for finding in told if finding is not None)

    def _fits(self, run: Run, facts: Facts) -> Finding | None:
        """A finding where every score that was logged is that of a constant prediction."""
        values = [scores["matthews"] for _, scores in run.evaluations if "matthews" in scores]
        if values:
            if any(values):
                return None
            seen = (
                f"Matthews correlation is exactly 0 at each of {len(values)} evaluations, as of a constant prediction"
            )
            return self.found(seen, numbers={"evaluations": len(values)}, severity="warning", place=run.place)
        accuracies = [scores["accuracy"] for _, scores in run.evaluations if "accuracy" in scores]
        if not accuracies or facts.data is None or facts.data.kind != "classification":
            raise Unknown(
                "a log without predictions shows constant ones by Matthews correlation, or by accuracy and --task"
            )
        check_accuracy(accuracies[-1], facts)
        labels, classes = facts.data.dev.labels, facts.data.classes
        counts = np.bincount(labels, minlength=len(classes))
        same = {int(np.argmin(abs(counts - value * len(labels)))) for value in accuracies if np.isfinite(value)}
        if len(same) != 1 or not all(
            abs(counts[index] - value * len(labels)) < 0.05 for value in accuracies for index in same
        ):
            return None
        [index] = same
        return self.found(
            f"accuracy is {counts[index]} of {len(labels)} at each of {len(accuracies)} evaluations, exactly the share of the "
            f"class {classes[index]!r}, as of a constant prediction",
            numbers={
                "evaluations": len(accuracies),
                "examples of the class": int(counts[index]),
                "examples": len(labels),
            },
            severity="warning",
            place=run.place,
        )
