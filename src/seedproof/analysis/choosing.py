"""What choosing the best run on the development set is worth, and how much of the spread over seeds is that set's size.

Both come from one bootstrap over the examples: every run is scored on the examples that were drawn, and on the rest, which
were not (Efron and Tibshirani 1997, JASA 92:548). The best run of a draw is chosen by the draw and scored on the rest, so
no example both chooses and judges. A draw holds 63 % of the examples, some of them several times, and chooses about as well
as half of the development set would: what is found for the whole set is a little too low, never flattering
(``tests/analysis/test_choosing.py`` has the simulation).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seedproof.analysis.statistics import standard_deviation

if TYPE_CHECKING:
    from jaxtyping import Float64, Int

RESAMPLES = 500
"""Draws of the examples: the mean over them is then exact to a twentieth of the score's own standard error."""
ATTEMPTS = 20
"""Draws for each that is kept, at most, where most have a side on which there is nothing to score."""

Score = Callable[[NDArray[Any], NDArray[Any]], float]
"""A function of outputs (examples, ...) and labels (examples, ...); larger is better."""


@dataclass(frozen=True, eq=False)
class Resampled:
    """Scores of candidates on bootstrap samples of the examples; a candidate is a run, or what averages runs."""

    drawn: Float64[np.ndarray, "resamples candidates"]
    """Scores on the examples that were drawn."""
    rest: Float64[np.ndarray, "resamples candidates"]
    """Scores on those that were not."""
    left_out: int = 0
    """Draws that were made and left out, as there was nothing to score on one of their sides."""

    @property
    def left_out_share(self) -> float:
        """Fraction of all draws that was left out; NaN without any draw."""
        made = len(self.drawn) + self.left_out
        return self.left_out / made if made else math.nan

    def take(self, candidates: slice | list[int]) -> Resampled:
        """Those of some candidates, by index."""
        return Resampled(self.drawn[:, candidates], self.rest[:, candidates], self.left_out)


def resample(
    score: Score,
    outputs: Sequence[NDArray[Any]],
    labels: NDArray[Any],
    *,
    is_defined: Callable[[NDArray[Any]], bool] | None = None,
    groups: Int[np.ndarray, " examples"] | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Resampled:
    """Score every candidate on bootstrap samples of the examples, and on the examples that each leaves out.

    Args:
        score: of outputs and labels.
        outputs: of each candidate, all on the same examples.
        labels: of the examples.
        is_defined: whether labels (examples, ...) suffice for a score; a draw is kept where those of both of its sides do.
            None: labels suffice that differ.
        groups: number of each example's group from 0; groups are then drawn whole. None: examples are.
        resamples: how many are made; fewer where the labels allow fewer, none where they allow none.
        seed: of the draws.
    """
    members = None if groups is None else [np.flatnonzero(groups == group) for group in range(int(groups.max()) + 1)]
    units, generator = len(labels) if members is None else len(members), np.random.default_rng(seed)
    suffice = is_defined or _is_varied
    drawn: list[list[float]] = []
    rest: list[list[float]] = []
    left_out = 0
    while len(drawn) < resamples and len(drawn) + left_out < ATTEMPTS * resamples:
        chosen, left = _sides_of_a_draw(generator, units, members)
        # Decided by the labels alone, so it favours no candidate.
        if not (len(left) and suffice(labels[chosen]) and suffice(labels[left])):
            left_out += 1
            continue
        drawn.append([score(each[chosen], labels[chosen]) for each in outputs])
        rest.append([score(each[left], labels[left]) for each in outputs])
    shape = (len(drawn), len(outputs))
    return Resampled(np.array(drawn, np.float64).reshape(shape), np.array(rest, np.float64).reshape(shape), left_out)


def _sides_of_a_draw(
    generator: np.random.Generator, units: int, members: Sequence[NDArray[np.int64]] | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The examples that a draw of the units has, as often as they are drawn, and those that it leaves out."""
    chosen = generator.integers(0, units, units)
    left = np.setdiff1d(np.arange(units), chosen)
    if members is None:
        return chosen, left
    of_left = np.concatenate([members[unit] for unit in left]) if len(left) else left
    return np.concatenate([members[unit] for unit in chosen]), of_left


def _is_varied(labels: NDArray[Any]) -> bool:
    return bool((labels != labels[:1]).any())


@dataclass(frozen=True)
class Choice:
    """The best of some runs by their score, and what to expect of it."""

    index: int
    """Which one."""
    score: float
    """Score on the examples that chose it."""
    expected: float
    """Score on others like them: the mean of all runs, and what choosing gained on examples that did not choose; not more
    than :attr:`score`, which a metric of few examples a class may give."""

    @property
    def optimism(self) -> float:
        """What its score flatters it by."""
        return self.score - self.expected


def best_of(scores: Float64[np.ndarray, " candidates"]) -> int:
    """Index of the highest score, of equal ones the first; scores are finite."""
    return int(np.argmax(scores))


def choice(scores: Float64[np.ndarray, " candidates"], resampled: Resampled) -> Choice:
    """Choose the best run, and say what it will score on examples that did not choose it.

    The gain is measured against the mean of all runs on the same rest, so that a metric which depends on the number of
    examples (macro F1, a correlation) depends on it on both sides.

    Args:
        scores: of each run on all examples; finite.
        resampled: of the same runs.
    """
    index = best_of(scores)
    if len(scores) == 1:  # nothing was chosen, whatever draws there are
        return Choice(0, float(scores[0]), float(scores[0]))
    expected = float(scores.mean()) + gain(resampled, resampled.drawn.argmax(axis=1))
    return Choice(
        index, float(scores[index]), expected if math.isnan(expected) else min(expected, float(scores[index]))
    )


def bias(score: float, drawn: Float64[np.ndarray, " resamples"]) -> float:
    """The mean by which a candidate scores more on draws of the examples than on all of them; 0 without draws.

    Macro F1 is a mean over the classes that occur, and a draw loses rare ones: percentiles of draws are too high by this much.
    """
    return float(drawn.mean()) - score if len(drawn) else 0.0


def gain(resampled: Resampled, chosen: Int[np.ndarray, " resamples"] | int) -> float:
    """The mean by which a candidate scores more than all do on average, on the rest; NaN without resamples.

    Args:
        resampled: of the candidates.
        chosen: the candidate of each resample, or one for all.
    """
    if not len(resampled.rest):
        return math.nan
    values = resampled.rest[np.arange(len(resampled.rest)), chosen]
    return float((values - resampled.rest.mean(axis=1)).mean())


@dataclass(frozen=True)
class SpreadParts:
    """The standard deviation of scores over seeds, and what of it comes from scoring on few examples."""

    sd: float
    """Standard deviation of the scores over seeds (n - 1)."""
    sampling: float
    """What it would be if the seeds differed in nothing: each gets other examples right, and these are a sample."""
    standard_error: float
    """Standard error of one run's score over development sets of this size: the mean over the runs. All runs share most of it."""

    @property
    def seeds(self) -> float:
        """What is left for the seeds: the spread on a development set without end."""
        return math.sqrt(max(0.0, self.sd**2 - self.sampling**2))

    @property
    def share(self) -> float:
        """Fraction of the variance over seeds that is the development set's; 1 where the seeds need not differ at all."""
        return min(1.0, self.sampling**2 / self.sd**2) if self.sd > 0 else math.nan


def spread_parts(scores: Float64[np.ndarray, " candidates"], resampled: Resampled) -> SpreadParts:
    """Divide the spread over seeds: a resample adds the noise of one more sample of examples to the variance.

    Args:
        scores: of each run on all examples; finite.
        resampled: of the same runs.

    Returns:
        NaN for fewer than two runs, or without resamples.
    """
    if len(scores) < 2 or not len(resampled.drawn):
        return SpreadParts(math.nan, math.nan, math.nan)
    observed = float(standard_deviation(scores))
    added = float((standard_deviation(resampled.drawn, axis=1) ** 2).mean()) - observed**2
    error = float(standard_deviation(resampled.drawn, axis=0).mean())
    return SpreadParts(observed, math.sqrt(max(0.0, added)), error)
