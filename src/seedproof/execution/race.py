"""A race of seeds: start many, look at a fraction of training, go on with the best, stop the others.

The rule is that of Dodge et al. (2020, arXiv 2002.06305, section 5): of all runs of a task, model and recipe those go on
whose best development score so far is among the highest. Their budgets are served best by looking at 20 to 30 % of training
and by starting many more than finish.

A run pauses at the fraction, with its checkpoint, until all of its race have got there; then it goes on or is stopped. The
decision follows from stored evaluations alone and is kept in the store before anything is stopped, so whatever is killed
meanwhile, it is the same.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from seedproof.errors import UserError
from seedproof.store import Journal, Store
from seedproof.store.documents import read_document, write_document

FILE, DECISIONS = "race.json", "race.jsonl"
AT = 0.3
"""Where a race is decided unless it says so: the later end of the 20 to 30 % of Dodge et al., because recipes of few epochs
have little to show earlier, with a tenth of training for the warm-up."""

_WRITTEN = re.compile(r"\s*(\d{1,6})\s*:\s*(\d{1,6})\s*(?:@\s*([0-9]*\.?[0-9]+)\s*)?")


@dataclass(frozen=True, kw_only=True)
class Race:
    """How many runs of each task, model and recipe start, and how many finish.

    Raises:
        UserError: a number outside its range.
    """

    started: int
    finished: int
    at: float = AT
    """Fraction of the training after which it is decided."""
    stop_doomed: bool = False
    """Also stop, at once, a run for which an alarm sounds whose rate of false alarms was not measured on this model."""

    def __post_init__(self) -> None:
        for number in (self.started, self.finished):
            if type(number) is not int or number < 1:
                raise UserError(
                    f"a race starts and finishes whole numbers of runs, found {number!r}; give e.g. {_EXAMPLE}"
                )
        if self.finished >= self.started:
            what = "all of them" if self.finished == self.started else f"{self.finished}"
            raise UserError(
                f"the race {self.started}:{self.finished} starts {self.started} runs and finishes {what}, so it stops none; "
                f"give fewer that finish, or leave the race out (--seeds {self.started} runs all to the end)"
            )
        if isinstance(self.at, bool) or not isinstance(self.at, float) or not 0 < self.at < 1:
            raise UserError(
                f"the race {self.started}:{self.finished} is to be decided at {self.at!r} of training; give a fraction between "
                f"0 and 1, e.g. {self.started}:{self.finished}@{AT}"
            )

    @classmethod
    def parse(cls, text: str, *, stop_doomed: bool = False) -> Self:
        """The race that ``10:5`` or ``10:5@0.3`` says.

        >>> Race.parse("10:5@0.25")
        Race(started=10, finished=5, at=0.25, stop_doomed=False)

        Raises:
            UserError: it says none.
        """
        match = _WRITTEN.fullmatch(text)
        if match is None:
            raise UserError(
                f"the race {text!r} is not valid; give how many runs start and how many finish, e.g. {_EXAMPLE}, and after @ the "
                f"fraction of training at which that is decided, 10:5@{AT}"
            )
        at = AT if match[3] is None else float(match[3])
        return cls(started=int(match[1]), finished=int(match[2]), at=at, stop_doomed=stop_doomed)

    def __str__(self) -> str:
        return f"{self.started}:{self.finished}@{self.at:g}"

    @property
    def share(self) -> float:
        """The part of the steps of all runs to their end that it takes, if nothing else stops a run."""
        return self.at + (1 - self.at) * self.finished / self.started

    def write(self, store: Path) -> None:
        """Keep it in a store."""
        content = {"race": str(self)} | ({"stop_doomed": True} if self.stop_doomed else {})
        write_document(store / FILE, content)

    @classmethod
    def read(cls, store: Path) -> Self | None:
        """The race of a store; None where its runs go to their end.

        Raises:
            UserError: the file is damaged.
        """
        path = store / FILE
        if not path.exists():
            return None
        content = read_document(path, fix="restore it from a copy")
        return cls.parse(str(content.get("race")), stop_doomed=content.get("stop_doomed", False) is True)


_EXAMPLE = "10:5"


def ranking(scores: Mapping[str, float]) -> list[str]:
    """The runs of a race by their best development score so far, the highest first.

    Of equals the one that was given first comes first; one without a finite score is last.

    >>> ranking({"a": 0.5, "b": 0.7, "c": 0.7, "d": float("nan")})
    ['b', 'c', 'a', 'd']
    """
    return sorted(scores, key=lambda run: -scores[run] if math.isfinite(scores[run]) else math.inf)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """How the race of a task, model and recipe was decided."""

    task: str
    model: str
    recipe: str
    step: int
    """Steps that its runs had done."""
    scores: Mapping[str, float]
    """Best development score up to there, by run id, of all that had come so far, in the order of their seeds."""
    going_on: tuple[str, ...]
    """Ids of those that go on, the best first."""

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return {**vars(self), "scores": dict(self.scores), "going_on": list(self.going_on)}


def decisions(store: Store) -> list[Decision]:
    """What was decided so far, in that order.

    Raises:
        UserError: the file is damaged.
    """
    path = store.path / DECISIONS
    try:
        return [Decision(**{**record, "going_on": tuple(record["going_on"])}) for record in Journal(path).read()]
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged ({error!r}); restore it from a copy") from None


def add_decision(store: Store, decision: Decision) -> None:
    """Keep a decision, before it is carried out. The caller holds the store."""
    journal = Journal(store.path / DECISIONS)
    journal.append(decision.to_json())
    journal.seal()
