"""The user's answer: on each task, which recipe fails less, which scores better, and how sure that is.

A recipe is compared with a baseline; a difference is decided where its p-value, corrected by Holm's method over the recipes
compared on that task and model, is below .05. Where it is not, the answer says about how many more seeds would decide.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

import pandas as pd

from seedproof.analysis.comparisons import SMALLEST_SEEDS, holm
from seedproof.analysis.differences import Comparison, Difference, compare, not_compared
from seedproof.errors import unknown

LEVEL = 0.05
"""Probability of any false difference, of failure rates and of means each, on one task and model."""
DEFAULT = "devlin"
"""The recipe that others are compared with where it is there; else the first."""
MOST_SEEDS = 1000
"""More seeds than this are no advice: the difference is too small to matter or to be found."""
MOST_NAMES = 3
"""Recipes that a sentence names for one reason; the table of differences has all."""
_MEASURES = ("failure_rate", "mean", "sd")
DIFFERENCE_COLUMNS = (
    *("task", "model", "recipe", "baseline", "seeds", "paired"),
    *(f"{name}_{end}" for name in _MEASURES for end in ("difference", "low", "high")),
    *("failure_rate_p", "failure_rate_p_corrected", "mean_p", "mean_p_corrected"),
    *("failure_rate_seeds_needed", "mean_seeds_needed", "missing"),
)


@dataclass(frozen=True)
class Answer:
    """What the runs of one task and model say. ``str`` of it is its sentence."""

    task: str
    model: str
    baseline: str
    """The recipe that the others are compared with."""
    comparisons: tuple[Comparison, ...]
    """One per other recipe with a finished run, in the order of the study."""
    sentence: str
    all_failed: bool = False
    """Whether every finished run failed, of all recipes: then differences of scores mean nothing."""

    def __str__(self) -> str:
        return self.sentence


def answers(summary: pd.DataFrame, baseline: str | None = None) -> list[Answer]:
    """The answer of each task and model.

    Args:
        summary: of :func:`seedproof.analysis.summarize`.
        baseline: name of the recipe to compare with; None is ``devlin`` where there is one, else the first recipe. Where a
            task was not run with ``baseline``, that is the one, too.

    Raises:
        UserError: no task was run with ``baseline``.
    """
    if baseline is not None and baseline not in set(summary["recipe"]):
        raise unknown("baseline", baseline, dict.fromkeys(summary["recipe"]), where="the recipes of the study")
    return [_answer(rows, baseline) for _, rows in summary.groupby(["task", "model"], sort=False)]


def difference_table(found: Sequence[Answer]) -> pd.DataFrame:
    """A row per comparison: every number of the answers.

    Returns:
        Columns ``DIFFERENCE_COLUMNS``: the recipe minus the baseline, 95 % intervals (the summary's confidence), two-sided
        p-values alone and corrected, seeds of each recipe that would decide. NaN where there is none; ``missing`` says why.
    """
    rows = []
    for answer in found:
        for one in answer.comparisons:
            row: dict[str, Any] = {"task": answer.task, "model": answer.model, "recipe": one.recipe}
            row |= {"baseline": one.baseline, "seeds": one.seeds, "paired": one.paired}
            measures = dict(zip(_MEASURES, (one.rate, one.mean, one.sd), strict=True))
            for name, value in measures.items():
                row |= {f"{name}_difference": value.effect, f"{name}_low": value.low, f"{name}_high": value.high}
                row |= {f"{name}_p": value.p, f"{name}_p_corrected": value.p_corrected}
                row |= {f"{name}_seeds_needed": value.seeds_needed}
            reasons = [
                f"{name.replace('_', ' ')}: {value.missing}" for name, value in measures.items() if value.missing
            ]
            rows.append(row | {"missing": "; ".join(reasons)})
    whole = {f"{name}_seeds_needed": "Int64" for name in ("failure_rate", "mean")}
    return pd.DataFrame(rows, columns=list(DIFFERENCE_COLUMNS)).astype(whole)


def _answer(rows: pd.DataFrame, baseline: str | None) -> Answer:
    cells = cast("list[dict[str, Any]]", rows.to_dict("records"))
    names = [cell["recipe"] for cell in cells]
    default = DEFAULT if DEFAULT in names else names[0]
    chosen = default if baseline is None or baseline not in names else baseline
    base = cells[names.index(chosen)]
    others = [cell for cell in cells if cell["finished"] and cell is not base] if base["finished"] else []
    found = _corrected([compare(cell, base, LEVEL / max(1, len(others))) for cell in others])
    if raced := any(cell.get("stopped") for cell in cells):
        found = [not_compared(one) for one in found]
    said = _raced(cells) if raced else _sentence(cells, base, found)
    if unfinished := [cell["recipe"] for cell in cells if not cell["finished"] and cell is not base]:
        said += f"; no run of {_listed(unfinished)} has finished yet" if base["finished"] else ""
    return Answer(cells[0]["task"], cells[0]["model"], chosen, tuple(found), f"{said}.", _all_failed(cells))


def _sentence(cells: list[dict[str, Any]], base: dict[str, Any], found: list[Comparison]) -> str:
    """Sentence without its full stop, and without what is not finished."""
    if _all_failed(cells):
        runs, done = sum(cell["finished"] for cell in cells), [cell["recipe"] for cell in cells if cell["finished"]]
        if len(done) < len(cells):
            return f"Every run that has finished failed ({runs} of {runs}): {_listed(done)} did no better than a constant answer"
        return f"Every run failed ({runs} of {runs}): no recipe was better than a constant prediction, so none can be preferred"
    if not found:
        return _alone(base, len(cells))
    return _against(found[0]) if len(found) == 1 else _against_many(found, base)


def _raced(cells: list[dict[str, Any]]) -> str:
    """What there is to say of runs of which a rule has stopped some: nothing that compares recipes."""
    told = "; ".join(map(_of_race, cells[:MOST_NAMES]))
    more = f"; and {len(cells) - MOST_NAMES} more recipes" if len(cells) > MOST_NAMES else ""
    compared = ", and recipes are not compared" if len(cells) > 1 else ""
    return f"{told}{more}. Those that finished were selected: their failures and mean are not the recipe's{compared}"


def _of_race(cell: dict[str, Any]) -> str:
    stopped = f"{cell['recipe']}: {cell['stopped']} of {_runs(cell['runs'])} stopped early"
    if not cell["finished"]:
        return f"{stopped}, none finished yet"
    best = "" if math.isnan(cell["maximum"]) else f", the best scores {cell['maximum']:.3f}"
    return f"{stopped}, {cell['finished']} finished, {cell['failed']} of these failed{best}"


def _all_failed(cells: list[dict[str, Any]]) -> bool:
    finished, failed = (sum(int(cell[name]) for cell in cells) for name in ("finished", "failed"))
    return 0 < finished == failed


def _corrected(found: list[Comparison]) -> list[Comparison]:
    rates, means = (holm([getattr(one, name).p for one in found]) for name in ("rate", "mean"))
    return [
        dataclasses.replace(one, rate=_judged(one.rate, rate), mean=_judged(one.mean, mean))
        for one, rate, mean in zip(found, rates, means, strict=True)
    ]


def _judged(difference: Difference, p: float) -> Difference:
    needed = None if p < LEVEL else difference.seeds_needed
    return dataclasses.replace(difference, p_corrected=p, seeds_needed=needed)


Verdict = Literal["less", "more", "open"]


def verdict(difference: Difference) -> Verdict:
    """Whether the recipe's number is shown to be less or more than the baseline's, or neither."""
    if not difference.p_corrected < LEVEL:  # NaN included
        return "open"
    return "less" if difference.effect < 0 else "more"


def _alone(cell: dict[str, Any], recipes: int) -> str:
    if not cell["finished"]:
        return f"No run of {cell['recipe']} has finished yet, so there is nothing to compare with"
    low, high = (f"{100 * cell[f'failure_{end}']:.0f}" for end in ("low", "high"))
    said = f"{cell['recipe']} failed in {cell['failed']} of {_runs(cell['finished'])}, a failure rate between {low} and {high} %"
    return f"{said}; with one recipe there is nothing to compare" if recipes == 1 else said


def _against(one: Comparison) -> str:
    """Two recipes: which fails less, then which scores better."""
    counts = f"{one.failed[0]} of {_runs(one.runs[0])} against {one.failed[1]} of {one.runs[1]}"
    both, rate, mean = f"{one.recipe} or {one.baseline}", one.rate, one.mean
    if verdict(rate) != "open":
        said = f"{one.recipe} fails {verdict(rate)} often than {one.baseline} ({counts}, {_p(rate)})"
    elif rate.effect == 0:
        said = f"Not decided whether {both} fails less often: {counts}"
    else:
        said = f"Not decided whether {both} fails less often ({counts}, {_p(rate)}): {_more(rate, one.seeds)}"
    if math.isnan(mean.effect):
        return f"{said}; means cannot be compared ({mean.missing})"
    means = f"mean {one.means[0]:.3f} against {one.means[1]:.3f}"
    if verdict(mean) != "open":
        who = f"; {one.recipe}" if verdict(rate) == "open" else " and"
        return f"{said}{who} scores {'lower' if verdict(mean) == 'less' else 'higher'} ({means}, {_p(mean)})"
    which = "which scores higher" if verdict(rate) == "open" else "whether its mean differs"
    return f"{said}; not decided {which} ({means}, {_p(mean)}): {_more(mean, one.seeds)}"


def _against_many(found: list[Comparison], base: dict[str, Any]) -> str:
    """Several recipes: what is decided by name, then what is not."""
    numbers = f"{base['failed']} of {_runs(base['finished'])} failed, mean {base['mean']:.3f}"
    begin = f"Against {base['recipe']} ({numbers}; p corrected for {len(found)} comparisons)"
    decided, undecided = [], []
    for name, words in (
        ("rate", ("fails less often", "fails more often")),
        ("mean", ("scores lower", "scores higher")),
    ):
        for kind, word in zip(("less", "more"), words, strict=True):
            chosen = [_decided(one, name) for one in found if verdict(getattr(one, name)) == kind]
            decided += [f"{_listed(chosen)} {word if len(chosen) == 1 else _plural(word)}"] if chosen else []
        still = [_undecided(one, name) for one in found if verdict(getattr(one, name)) == "open"]
        what = "failure rates" if name == "rate" else "means"
        undecided += [f"{what} not decided for {_listed(still)}"] if still else []
    return f"{begin}: {'; '.join([*decided, *undecided])}"


def _plural(word: str) -> str:
    return word.replace("fails", "fail").replace("scores", "score")


def _decided(one: Comparison, name: str) -> str:
    return f"{one.recipe} ({_own(one, name)}, {_p(getattr(one, name))})"


def _own(one: Comparison, name: str) -> str:
    return f"{one.failed[0]} of {one.runs[0]}" if name == "rate" else f"{one.means[0]:.3f}"


def _undecided(one: Comparison, name: str) -> str:
    difference: Difference = getattr(one, name)
    if math.isnan(difference.effect):
        return f"{one.recipe} ({difference.missing})"
    return f"{one.recipe} ({_own(one, name)}, {_p(difference)}: {_more(difference, one.seeds)})"


def _more(difference: Difference, seeds: int) -> str:
    """How many more seeds would decide."""
    if difference.effect == 0:
        return "equal so far"
    if difference.seeds_needed is None or difference.seeds_needed > seeds + MOST_SEEDS:
        return f"{MOST_SEEDS:,} more seeds would not either"
    more = max(1, difference.seeds_needed - seeds)
    # Two significant digits: it is a size, not a promise.
    size = more if more < 100 else round(more, 2 - len(str(more)))
    words = f"{size:,} more seed{'s' if more > 1 else ''}"
    return f"about {words} would" if seeds >= SMALLEST_SEEDS else f"at least {words} would be needed"


def _p(difference: Difference) -> str:
    p = difference.p_corrected
    if math.isnan(p):
        return difference.missing
    return "p < .001" if p < 0.001 else "p = 1" if p > 0.9995 else f"p = {p:.3f}".replace("0.", ".")


def _runs(count: int) -> str:
    return f"{count} run{'s' if count != 1 else ''}"


def _listed(names: Sequence[str]) -> str:
    shown = list(names) if len(names) <= MOST_NAMES + 1 else [*names[:MOST_NAMES], f"{len(names) - MOST_NAMES} others"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


__all__ = ["DIFFERENCE_COLUMNS", "Answer", "answers", "difference_table", "verdict"]
