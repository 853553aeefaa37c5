"""The answers of a study for people: the table of differences to the baseline, the same in every format."""

from __future__ import annotations

import math
from collections.abc import Sequence

from seedproof.analysis.answer import Answer
from seedproof.analysis.differences import Comparison, Difference

HEADINGS = ("minus {}", "failure rate (points)", "mean", "SD")


def headings(answer: Answer) -> list[str]:
    """The heads of the columns of :func:`difference_rows`."""
    return [heading.format(answer.baseline) for heading in HEADINGS]


def difference_rows(answer: Answer, joint: str = " ") -> list[list[str]]:
    """A row per recipe under :func:`headings`: each number minus the baseline's, with its interval.

    None where every run failed: the sentence says so, and there is nothing to compare.
    """
    if answer.all_failed:
        return []
    return [
        [one.recipe, _number(one.rate, joint, 100, 0), _number(one.mean, joint, 1, 3), _number(one.sd, joint, 1, 3)]
        for one in answer.comparisons
    ]


def _number(difference: Difference, joint: str, scale: float, digits: int) -> str:
    if math.isnan(difference.effect):
        return "–"
    effect = f"{scale * difference.effect:+.{digits}f}"
    if math.isnan(difference.low):
        return f"{effect}{joint}–"
    return f"{effect}{joint}[{scale * difference.low:+.{digits}f}, {scale * difference.high:+.{digits}f}]"


def difference_notes(answer: Answer) -> list[str]:
    """What is compared over which seeds, and why an interval is not there."""
    if not answer.comparisons or answer.all_failed:
        return []
    measures = (("failure rate", "rate"), ("mean", "mean"), ("SD", "sd"))
    reasons: dict[str, dict[str, None]] = {}
    for one in answer.comparisons:
        for what, name in measures:
            if reason := getattr(one, name).missing:
                reasons.setdefault(reason, {})[what] = None
    missing = [f"no interval of {', '.join(names)}: {reason}" for reason, names in reasons.items()]
    return ["; ".join([f"differences to {answer.baseline} {_seeds(answer.comparisons)}", *missing])]


def _seeds(comparisons: Sequence[Comparison]) -> str:
    said = dict.fromkeys(
        f"seed by seed over the {one.seeds} that both ran" if one.paired else "over different seeds"
        for one in comparisons
    )
    return " or ".join(said)


def title(answer: Answer) -> str:
    """Whose answer it is."""
    return f"{answer.task}, {answer.model}"
