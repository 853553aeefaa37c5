"""A score that a prediction which never changes has, too."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from seedproof.doctor.base import Finding, Rule, Severity, Unknown
from seedproof.doctor.facts import Facts, Run
from seedproof.errors import UserError

_BY_DEFINITION = {"matthews": 0.0, "pearson": 0.0, "spearman": 0.0, "pearson_spearman": 0.0, "auroc": 0.5}
"""Scores of a prediction that never changes, whatever the data is."""

ASSUMED = "f1"
"""A metric whose name in a log does not say over which classes it is taken: of one class, macro or weighted."""


class MajorityScore(Rule):
    """The score of a run is at or below the majority score."""

    id = "majority-score"
    severity = "serious"
    what = (
        "A finished run scores no better than the best prediction that never changes, or cannot be told from it. An f1 that "
        "a log does not name further is taken for that of one class (a warning)."
    )
    why = "Such a score says nothing about what was learned from the texts. Runs at or below the majority are called failed."
    source = "Dodge et al. 2020, arXiv 2002.06305; Mosbach et al. 2021, arXiv 2006.04884"
    change = "Do not report this run alone: look at the other findings, train again over several seeds, count the failed ones."
    needs = ("runs",)

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding over the runs that are at or below the majority, and one over those whose interval covers it."""
        judged = [(run, *score) for run in facts.runs if (score := _judged(run, facts)) is not None]
        if not judged:
            raise Unknown("no run has a score whose majority is known; evaluate with a metric, and give --task")
        failed = [each for each in judged if not each[2] > each[3]]
        assumed = [each for each in failed if _is_assumed(each[0], each[1]) and math.isfinite(each[2])]
        failed = [each for each in failed if each not in assumed]
        near = [
            each for each in judged if each not in (*failed, *assumed) and _covers(each[1], each[2], each[3], facts)
        ]
        if failed:
            yield self._of(failed, len(judged), "no better than", "serious")
        if assumed:
            which = facts.task.find_metric(assumed[0][1]).title
            yield self._of(
                assumed,
                len(judged),
                f"if the logged f1 is {which}, and not macro or weighted, no better than",
                "warning",
            )
        if near:
            yield self._of(near, len(judged), "not to be told from", "warning")

    def _of(self, runs: list[tuple[Run, str, float, float]], judged: int, words: str, severity: Severity) -> Finding:
        run, metric, score, majority = runs[0]
        are = "is" if len(runs) == 1 else "are"
        names = "the run is" if judged == 1 else f"{len(runs)} of {judged} runs {are}"
        return self.found(
            f"{names} {words} a prediction that never changes ({run.name}: {metric} {score:.4g}, majority {majority:.4g})",
            numbers={"runs": len(runs), "of": judged, "score": score, "majority": majority},
            severity=severity,
            place=run.place,
        )


def _judged(run: Run, facts: Facts) -> tuple[str, float, float] | None:
    """Metric, score at the end and majority score of a run; None where one of them is not known."""
    if run.score is not None:
        return run.score
    if not run.evaluations:
        return None
    last = run.evaluations[-1][1]
    for metric, score in sorted(last.items(), key=lambda item: item[0] == ASSUMED):
        if metric == "accuracy" and facts.data is not None and facts.data.classes:
            check_accuracy(score, facts)
        if (majority := majority_of(metric, facts)) is not None:
            return metric, score, majority
    return None


def _is_assumed(run: Run, metric: str) -> bool:
    return run.score is None and metric == ASSUMED


def majority_of(metric: str, facts: Facts) -> float | None:
    """The majority score of a metric on the development set; None where the data is needed and not given."""
    if metric in _BY_DEFINITION:
        return _BY_DEFINITION[metric]
    if facts.data is None:
        return None
    try:
        return facts.data.find_metric(metric).majority(facts.data.dev.labels)
    except UserError:
        return None


def check_accuracy(score: float, facts: Facts) -> None:
    """Make sure that a logged accuracy can be one over the development set that is given; raises Unknown else."""
    examples = len(facts.task.dev)
    if np.isfinite(score) and abs(score * examples - round(score * examples)) > 0.05:
        raise Unknown(
            f"the logged accuracy {score:.6g} is none of {examples} examples, so the development set of --task is not the one "
            "that was evaluated; give that with --dev"
        )


def _covers(metric: str, score: float, majority: float, facts: Facts) -> bool:
    """Whether the 95 % interval of a score covers the majority; False where it is not known from the score alone."""
    from seedproof.tasks.uncertainty import known_interval

    interval = None if facts.data is None else known_interval(metric, score, len(facts.data.dev))
    return interval is not None and interval[0] <= majority
