"""How many seeds and epochs a fit has: what was asked for, as far as the time that there is allows it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seedproof.errors import Damaged, UserError
from seedproof.execution.counting import wall_seconds
from seedproof.execution.race import Race
from seedproof.report.progress import duration
from seedproof.store.documents import read_document, write_document

FILE = "fit.json"
"""A file in the study's folder: what was asked for, and what was decided on it."""

AUTO = "auto"
BASELINE = "mosbach"
"""The stable baseline: bias correction, and 20 epochs (Mosbach, Andriushchenko and Klakow 2021)."""
AUTO_EXAMPLES = 150 * 16 * 20
"""Examples that ``auto`` sees in a run: 3,000 steps of 16, about what 20 epochs of RTE are, the paper's smallest set."""
MOST_EPOCHS, LEAST_EPOCHS = 20.0, 3.0
"""Bounds of ``auto``: the paper's 20, and the 3 of Devlin et al. (2019), below which the warm-up has too few steps."""

_UNITS = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"([0-9]*\.?[0-9]+)\s*(s|min|m|h|d)\s*")


def parse_budget(text: str) -> float:
    """Seconds of a budget such as ``2h``, ``90m``, ``1.5h`` or ``1h30m``.

    >>> parse_budget("1h30m")
    5400.0

    Raises:
        UserError: it is no duration, or none at all.
    """
    written = text.strip().lower()
    if not re.fullmatch(f"(?:{_PART.pattern})+", written):
        raise UserError(f"--budget {text} is no length of time; give one such as 2h, 90m or 1h30m (s, m, h, d)")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(written))
    if not seconds > 0:
        raise UserError(f"--budget {text} leaves no time; give one such as 2h, 90m or 1h30m")
    return seconds


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a fit was asked for, as far as it decides on seeds and epochs."""

    task: str
    """Fingerprint of the data."""
    model: str
    """Fingerprint of the weights."""
    recipe: str
    """What tables call it: the name tells every setting and method."""
    is_auto: bool = False
    """Whether its epochs are to be fitted."""
    settings: Mapping[str, Any]
    seeds: int
    budget: float | None = None
    """Seconds; None: as long as it takes."""
    race: str | None = None
    """The race of the seeds; None: all go to their end."""
    stop_doomed: bool = False
    """Whether in the race an alarm stops runs also where it was not measured on this model."""

    @property
    def share(self) -> float:
        """The part of the steps of all seeds that is trained, at most."""
        return 1.0 if (race := self.parsed_race) is None else race.share

    @property
    def parsed_race(self) -> Race | None:
        """The race with what it does to doomed runs."""
        return None if self.race is None else Race.parse(self.race, stop_doomed=self.stop_doomed)

    def to_json(self) -> dict[str, Any]:
        """JSON values; without a race, or what is not asked of it, as before there was any."""
        return {name: value for name, value in asdict(self).items() if name not in ("race", "stop_doomed") or value}


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What is trained."""

    settings: Mapping[str, Any]
    """Settings of the recipe, by field."""
    seeds: int
    decided: tuple[str, ...] = ()
    """What was decided and why, a sentence each; it goes onto the card."""
    estimate: str = ""
    """What it will take here, in words."""


def decide(asked: Asked, examples: int, jobs: int, seconds_of_run: Callable[[Mapping[str, Any]], float]) -> Decision:
    """Fit epochs (of ``auto`` alone) and seeds to the data and the budget.

    Args:
        asked: what was asked for.
        examples: of the training set.
        jobs: runs at a time.
        seconds_of_run: what one run takes here with these settings; a few of its steps are timed.

    Raises:
        UserError: the budget is too short for one run.
    """
    settings, notes = dict(asked.settings), []
    if asked.is_auto:
        settings["epochs"] = epochs_for(examples)
        notes.append(
            f"auto: {BASELINE} with {settings['epochs']:g} epochs, fitted to {examples:,} training examples (3,000 steps of 16 "
            f"examples, within {LEAST_EPOCHS:g} and {MOST_EPOCHS:g} epochs)"
        )
    seconds = seconds_of_run(settings)
    if asked.budget is None:
        estimate = _whole(seconds * asked.share, asked.seeds, jobs)
        return Decision(settings=settings, seeds=asked.seeds, decided=tuple(notes), estimate=estimate)
    if asked.is_auto and _wall(seconds * asked.share, asked.seeds, jobs) > asked.budget:
        fewer = _fewer_epochs(settings["epochs"], seconds * asked.share, asked, jobs)
        seconds *= fewer / settings["epochs"]
        settings["epochs"] = fewer
        notes.append(f"auto: {fewer:g} epochs, so that more seeds fit into {duration(asked.budget)}")
    if seconds > asked.budget:
        raise UserError(_too_short(asked, seconds))
    if asked.race is not None:
        whole = _wall(seconds * asked.share, asked.seeds, jobs)
        if whole > asked.budget:
            raise UserError(
                f"the race {asked.race} takes {duration(whole)} here, more than the budget of {duration(asked.budget)}; give "
                "more time, or a race of fewer seeds"
            )
        estimate = f"{_whole(seconds * asked.share, asked.seeds, jobs)}; the budget is {duration(asked.budget)}"
        return Decision(settings=settings, seeds=asked.seeds, decided=tuple(notes), estimate=estimate)
    seeds = min(asked.seeds, max(1, math.floor(asked.budget / seconds)) * jobs)
    if seeds < asked.seeds:
        notes.append(
            f"warning: {seeds} of the {asked.seeds} seeds fit into {duration(asked.budget)}, so the failure rate and the spread "
            f"are less certain; all take {duration(_wall(seconds, asked.seeds, jobs))}"
        )
    estimate = f"{_whole(seconds, seeds, jobs)}; the budget is {duration(asked.budget)}"
    return Decision(settings=settings, seeds=seeds, decided=tuple(notes), estimate=estimate)


def epochs_for(examples: int) -> float:
    """Epochs of ``auto`` for a training set of this size.

    >>> [epochs_for(examples) for examples in (500, 8_000, 100_000)]
    [20.0, 6.0, 3.0]
    """
    return min(MOST_EPOCHS, max(LEAST_EPOCHS, float(round(AUTO_EXAMPLES / examples))))


def _fewer_epochs(epochs: float, seconds: float, asked: Asked, jobs: int) -> float:
    """Whole epochs that let all seeds fit into the budget; not fewer than the least."""
    assert asked.budget is not None
    fitting = epochs * asked.budget / _wall(seconds, asked.seeds, jobs)
    return max(LEAST_EPOCHS, float(math.floor(fitting)))


def _wall(seconds: float, seeds: int, jobs: int) -> float:
    return wall_seconds(seconds * seeds, seeds, jobs)


def _whole(seconds: float, seeds: int, jobs: int) -> str:
    several = f" ({seeds} seeds, {min(jobs, seeds)} at a time)" if seeds > 1 else ""
    return (
        f"estimate: {duration(_wall(seconds, seeds, jobs))}{several} from a few steps of the plain engine just now; a fleet "
        "takes less, other work on the machine may double it"
    )


def _too_short(asked: Asked, seconds: float) -> str:
    fix = "shorten texts with --set max_length=..., or take a smaller model"
    if not asked.is_auto:
        fix = f"let --recipe auto fit the epochs, {fix}"
    assert asked.budget is not None
    return (
        f"the budget of {duration(asked.budget)} is too short for one run, which takes {duration(seconds)} here; give more "
        f"time, {fix}"
    )


def write_decision(study: Path, asked: Asked, decision: Decision) -> None:
    """Keep a decision in the study's folder: what a machine takes for a step changes from one minute to the next."""
    write_document(study / FILE, {"asked": asked.to_json(), "decided": asdict(decision)})


def read_decision(study: Path, asked: Asked) -> Decision | None:
    """What was decided when the same was asked for before; None where it was not.

    Raises:
        UserError: the file is damaged.
    """
    path, fix = study / FILE, "restore it from a copy, or remove it to decide anew"
    try:
        value = read_document(path, fix=fix)
        if value["asked"] != json.loads(json.dumps(asked.to_json())):
            return None
        decided = value["decided"]
        return Decision(settings=decided["settings"], seeds=int(decided["seeds"]), decided=tuple(decided["decided"]))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (KeyError, TypeError) as error:
        raise Damaged(f"{path} is damaged ({error!r})", fix) from None
