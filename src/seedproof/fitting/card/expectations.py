"""Sentences of a card on what was found: how stable the recipe is, what to expect of the shipped model, and why."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from seedproof.fitting.averaging import LEAST_RUNS
from seedproof.fitting.card.markdown import number
from seedproof.fitting.card.told import Told
from seedproof.printable import counted

if TYPE_CHECKING:
    from seedproof.analysis.choosing import SpreadParts
    from seedproof.fitting.judgement import Judgement
_TOO_FEW = (
    "the examples, or the groups that they are of, are too few to say by how much that flatters it, and so what is to be "
    "expected of new rows"
)
LEFT_OUT = 0.05
"""Fraction of the draws from which on it is said that they were left out."""


def findings(judgement: Judgement, told: Told) -> list[str]:
    """How stable the recipe is and what to expect of the shipped model, a sentence or two each, as the card has them."""
    lines = [*stability(judgement), one_run(judgement, told), *ensemble(judgement, told), shipped(judgement, told)]
    lines += doubt(judgement, told)
    return [line.replace("**", "") for line in lines]


def shipped(judgement: Judgement, told: Told) -> str:
    """What is shipped, how it was chosen, and what it is to be expected to score on new rows."""
    if judgement.shipped != "best":
        return _average(judgement, told)
    if judgement.stopped:
        return _winner_of_race(judgement, told)
    if len(judgement.runs) == 1:
        score, interval = told.score(judgement.score), told.interval(judgement.low, judgement.high)
        one = f"One seed was trained, and none chosen. It scores **{score}** on {_examples(told)} ({told.title}; {interval})."
        return one + _left_out(judgement, told)
    return _best_seed(judgement, told)


def doubt(judgement: Judgement, told: Told) -> list[str]:
    """The sentence that the examples do not tell what is shipped from a prediction that never changes; none where they do."""
    majority = told.task.majority[told.task.metric]
    if not judgement.low <= majority:  # NaN: the sentence before says that there is no interval
        return []
    return [
        f"That interval covers {told.score(majority)}, the score of a prediction that never changes: the {_examples(told)} do "
        "not show that this model answers better than that."
    ]


def _average(judgement: Judgement, told: Told) -> str:
    count, succeeded = len(judgement.runs), len(judgement.members)
    members = f"{succeeded} seeds" if succeeded == count else f"{succeeded} of {count} seeds"
    race = f", that a race let them finish among {count + len(judgement.stopped)}" if judgement.stopped else ""
    return (
        f"What is shipped is the mean of the {judgement.shipped} of the {members} that succeeded. That they succeeded{race}, and "
        f"that their mean is preferred to the best seed, by what both gain on examples that did not choose, was decided on the "
        f"same {_examples(told)}. So its score there is the most to expect of new rows: **{told.score(judgement.score)}** "
        f"({told.title}; {told.interval(judgement.low, judgement.high)}).{_left_out(judgement, told)}"
    )


def _best_seed(judgement: Judgement, told: Told) -> str:
    chosen = (
        f"What is shipped is seed {judgement.best.seed}, **chosen** as the best of {len(judgement.runs)} on the "
        f"{_examples(told)}. There it scores {told.score(judgement.score)} ({told.title})"
    )
    if not math.isfinite(judgement.expected):
        return f"{chosen}; {_TOO_FEW}."
    return (
        f"{chosen}, which flatters it by {number(judgement.optimism)}: of new rows **{told.score(judgement.expected)}** is to be "
        f"expected ({told.interval(judgement.low, judgement.high)}).{_left_out(judgement, told)}"
    )


def _winner_of_race(judgement: Judgement, told: Told) -> str:
    """Chosen twice on the same examples, of which the first choice cannot be judged."""
    finished, started = len(judgement.runs), len(judgement.runs) + len(judgement.stopped)
    chosen = (
        f"What is shipped is seed {judgement.best.seed}, **chosen** as the best of the {finished} of {started} that a race let "
        f"finish, both on the {_examples(told)}. There it scores {told.score(judgement.score)} ({told.title})"
    )
    if not math.isfinite(judgement.expected):
        return f"{chosen}; {_TOO_FEW}."
    return (
        f"{chosen}, which flatters it by {number(judgement.optimism)} for the last choice alone: of new rows "
        f"**{told.score(judgement.expected)}** is to be expected at most ({told.interval(judgement.low, judgement.high)}); by "
        f"how much the race, which chose on the same examples, adds to that is not known.{_left_out(judgement, told)}"
    )


def _left_out(judgement: Judgement, told: Told) -> str:
    """Which of the bootstrap's draws say nothing, as a further sentence, where they are many."""
    if not LEFT_OUT <= judgement.left_out < 1:
        return ""
    positive = told.task.judge.positive
    sides = "examples of one label alone" if positive is None else f"no example of {positive!r}, or no other,"
    return (
        f" {judgement.left_out:.0%} of the draws of the bootstrap behind this have {sides} on one of their sides, where there is "
        "nothing to score; they were left out."
    )


def _examples(told: Told) -> str:
    return f"{len(told.task.dev):,} development examples"


def one_run(judgement: Judgement, told: Told) -> str:
    """What a run of the recipe scores, whatever its seed."""
    numbers = judgement.numbers()
    low, high = told.ends(numbers["minimum"], numbers["maximum"])
    if judgement.stopped:
        return (
            f"The {numbers['runs']} that finished score {told.score(numbers['mean'])} on average, SD {number(numbers['sd'])}, "
            f"from {low} to {high}. They were selected by their scores early in training: a run of this recipe that nobody "
            "selects is to be expected to score less, and such runs to spread more."
        )
    if numbers["runs"] == 1:
        return "How much another seed would score is not known: that takes more --seeds."
    if not math.isfinite(numbers["mean"]):
        diverged = sum(not run.has_answered for run in judgement.runs)
        return (
            f"One run of this recipe: {diverged} of {numbers['runs']} diverged and have no score; those that succeeded score "
            f"{told.score(numbers['succeeded_mean'])} on average, SD {number(numbers['succeeded_sd'])}."
        )
    return (
        f"One run of this recipe, whatever its seed, scores {told.score(numbers['mean'])} on average, "
        f"SD {number(numbers['sd'])}, from {low} to {high}."
    )


def ensemble(judgement: Judgement, told: Told) -> list[str]:
    """How the ensemble that was asked for compares with the best seed; nothing where none was."""
    compared = judgement.ensemble
    if not compared:
        return []
    if "score" not in compared:
        return [
            f"The mean of the {compared['averaged']} of several seeds was asked for: it takes at least {LEAST_RUNS} that "
            f"succeeded, and {compared['runs']} of {len(judgement.runs)} did, so this one seed is shipped."
        ]
    kept = "so the mean is shipped" if judgement.shipped != "best" else "so the best seed is shipped"
    scored = f"The mean of the {compared['averaged']} of {compared['runs']} seeds scores {told.score(compared['score'])} there."
    if not math.isfinite(compared["gain"]):
        return [f"{scored} The examples are too few to say which of them gains more on others, {kept}."]
    return [
        f"{scored} On examples that did not choose, it gains {compared['gain']:+.3f} over the mean seed, and choosing the best "
        f"seed {compared['gain_of_choosing']:+.3f}, {kept}."
    ]


def stability(judgement: Judgement) -> list[str]:
    """How often the recipe fails, and how much of the spread over seeds is theirs."""
    numbers = judgement.numbers()
    if judgement.stopped:
        return [
            f"{numbers['started']} runs were started, {numbers['stopped']} stopped early, and {numbers['runs']} finished; "
            f"{numbers['failed']} of these failed (not better than a prediction that never changes, or diverged). How those that "
            "were stopped would have ended is not known, so this says nothing of the recipe's failure rate."
        ]
    failures = (
        f"{numbers['failed']} of {counted(numbers['runs'], 'run')} failed (not better than a prediction that never changes, or "
        f"diverged); the 95 % interval of the failure rate is {numbers['failure_low']:.0%} to {numbers['failure_high']:.0%}."
    )
    return [failures, *(_spread(judgement.spread) if math.isfinite(judgement.spread.share) else _no_spread(judgement))]


def _no_spread(judgement: Judgement) -> list[str]:
    """Why nothing is said of how much of the spread is the development set's."""
    succeeded, runs = sum(run.outcome == "succeeded" for run in judgement.runs), len(judgement.runs)
    if runs == 1:
        return []  # that nothing is known of other seeds is said already
    if succeeded < 2:
        why = (
            f"that takes at least 2 runs that succeeded, and {succeeded} of {runs} did; give more --seeds, or a recipe that "
            "fails less"
        )
    elif judgement.spread.sd == 0:
        why = f"the {succeeded} that succeeded have one and the same score"
    else:
        why = "the examples, or the groups that they are of, are too few to draw others from them"
    return [f"How much of the spread over seeds is no more than the size of the development set is not known: {why}."]


def _spread(spread: SpreadParts) -> list[str]:
    return [
        f"The SD over the seeds that succeeded is {number(spread.sd)}. Seeds that are equally good would spread by "
        f"{number(spread.sampling)} on a development set of this size: {spread.share:.0%} of the variance over seeds is no "
        f"more than that, and an SD of {number(spread.seeds)} is left for the seeds. One run's score has a standard error of "
        f"{number(spread.standard_error)} over development sets of this size."
    ]
