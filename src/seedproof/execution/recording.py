"""What a study records and keeps: no part of any run's id, kept in the store beside the runs."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from seedproof.errors import Damaged, UserError, unknown
from seedproof.probes import PROBES, check_name, default_every, every_in_words, unit
from seedproof.store import Store, write_atomically
from seedproof.store.definitions import recording_table
from seedproof.store.documents import read_document

FILE = "recording.json"
DEFAULT_RECORDINGS: Mapping[str, int] = MappingProxyType({"gradients": 10, "pooler": 1, "drift": 1})
MOST_EVERY = 10**7
"""Most steps that a run may have."""
UNSEEN = "unseen"
"""Key of a result's ``recordings`` for probes that looked and found nothing to record."""
_OTHERS = ("evaluations", "weights", UNSEEN)


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What to record during the runs of a study, beyond the loss of every step, scores and predictions.

    Raises:
        UserError: an unknown probe, or a number outside its range.
    """

    probes: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_RECORDINGS))
    """Every how many steps (``gradients``) or evaluations each probe looks, by its name or its ``module:Class``."""
    evaluations: int | None = None
    """How often the development set is evaluated in a run, evenly spaced; None: after every epoch."""
    evaluation_at: float | None = None
    """Fraction of the training after which the development set is evaluated too; a race sets it to where it is decided."""
    weights: bool = False
    """Keep the final weights, in Transformers' layout."""
    checkpoint_seconds: float = 300.0
    """A run that takes longer is saved this often, to go on from there; a shorter one starts again."""

    def __post_init__(self) -> None:
        for name, every in self.probes.items():
            check_name(name)
            if type(every) is not int or not 1 <= every <= MOST_EVERY:
                raise UserError(
                    f"the recording {name!r} looks every {every!r} {unit(name)}s; give a whole number of at least 1, and at "
                    f"most {MOST_EVERY}"
                )
            if unit(name) == "end" and every > 1:
                raise UserError(f"the recording {name!r} looks once, at the end of a run; give it without {every}")
        if self.evaluations is not None and (type(self.evaluations) is not int or not 1 <= self.evaluations <= 10**6):
            raise UserError(
                f"evaluations = {self.evaluations!r} is not valid; give a whole number from 1 (the end of the run) to 1000000"
            )
        if self.evaluation_at is not None and not (
            isinstance(self.evaluation_at, float) and 0 < self.evaluation_at < 1
        ):
            raise UserError(f"evaluation_at = {self.evaluation_at!r} is not valid; give a fraction between 0 and 1")
        if not isinstance(self.weights, bool):
            raise UserError(f"weights = {self.weights!r} is not valid; give true or false")
        seconds = self.checkpoint_seconds
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
            raise UserError(f"checkpoint_seconds = {seconds!r} is not valid; give 0 or more")

    @classmethod
    def from_table(cls, table: Mapping[str, Any], where: str) -> Self:
        """The options of a study file's table ``[recording]``: the defaults, and what the table changes.

        Raises:
            UserError: an unknown key, or a value outside its range.
        """
        options = [item.name for item in dataclasses.fields(cls) if item.name != "probes"]
        probes = dict(DEFAULT_RECORDINGS)
        for key, value in table.items():
            if key in options:
                continue
            if key not in PROBES and ":" not in key:
                raise unknown("key", key, [*PROBES, *options, "module:Class"], where=where)
            if value is True:
                probes.setdefault(key, default_every(key))
            else:
                probes[key] = value
        probes = {name: every for name, every in probes.items() if every}  # 0 or false switches one off
        return cls(probes=probes, **{name: table[name] for name in options if name in table})

    def switched(self, words: Iterable[str]) -> Self:
        """These options with switches as ``--record`` takes them, one after the other.

        >>> Recording().switched(["none", "gradients=1", "drift"]).probes
        {'gradients': 1, 'drift': 1}

        Raises:
            UserError: a word is no ``NAME``, ``NAME=EVERY``, ``NAME=off`` or ``none``, or a name is unknown.
        """
        probes = dict(self.probes)
        for word in words:
            name, equals, every = (part.strip() for part in word.partition("="))
            if (name, equals) == ("none", ""):
                probes = {}
                continue
            check_name(name)
            if not equals:
                probes.setdefault(name, default_every(name))
            elif every in ("off", "0"):
                probes.pop(name, None)
            elif every.isascii() and every.isdecimal() and len(every) <= len(str(MOST_EVERY)):
                probes[name] = int(every)
            else:
                raise UserError(
                    f"--record {word} is not valid; give {name}, {name}=EVERY with a whole number from 1 to {MOST_EVERY} "
                    f"({unit(name)}s from one look to the next), or {name}=off"
                )
        return dataclasses.replace(self, probes=probes)

    def options_over(self, other: Recording) -> list[str]:
        """The words of a command line that make ``other`` into these options, as far as there are such words."""
        words = [f"{name}={every}" for name, every in self.probes.items() if other.probes.get(name) != every]
        words += [f"{name}=off" for name in other.probes if name not in self.probes]
        options = [part for word in words for part in ("--record", word)]
        if self.evaluations not in (None, other.evaluations):
            options += ["--evaluations", str(self.evaluations)]
        return options + (["--weights"] if self.weights and not other.weights else [])

    def in_words(self) -> str:
        """These options for people, in one line."""
        probes = [f"{name} {every_in_words(name, every)}" for name, every in self.probes.items()]
        evaluated = f"{self.evaluations} times" if self.evaluations else "after every epoch"
        evaluated += f" and at {100 * self.evaluation_at:g} % of training" if self.evaluation_at else ""
        kept = "weights are kept" if self.weights else "no weights are kept"
        return f"{', '.join(probes) or 'nothing beside loss, scores and predictions'}; evaluated {evaluated}; {kept}"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        values = {**dataclasses.asdict(self), "probes": dict(self.probes)}
        if self.evaluation_at is None:  # as before there was one
            del values["evaluation_at"]
        return values

    @property
    def recorded(self) -> dict[str, Any]:
        """What decides which records a run has: records of different settings must not be mixed in one journal."""
        added = {} if self.evaluation_at is None else {"evaluation_at": self.evaluation_at}
        return {"probes": dict(self.probes), "evaluations": self.evaluations, **added}

    def write(self, store: Path) -> None:
        """Keep these options in a store."""
        write_atomically(store / FILE, (json.dumps(self.to_json(), indent=1) + "\n").encode())

    @classmethod
    def read(cls, store: Path) -> Self:
        """The options of a store; the defaults where it has none.

        Raises:
            UserError: the file is damaged.
        """
        path, fix = store / FILE, "restore it from a copy, or remove it to record what is recorded by default"
        try:
            return cls(**read_document(path, fix=fix))
        except (FileNotFoundError, NotADirectoryError):
            return cls()
        except Damaged:
            raise
        except (ValueError, TypeError, AttributeError) as error:
            raise Damaged(f"{path} is damaged, or was written by another version ({error})", fix) from None


def recordings_of(recording: Recording, kinds: Collection[str], *, has_weights: bool) -> dict[str, Any]:
    """What a run has recorded, for its result: how often each probe looked that saw something.

    Args:
        recording: what was asked for.
        kinds: of the records that its journal holds, names alone left out.
        has_weights: whether its final weights are kept.
    """
    seen = {name: every for name, every in recording.probes.items() if name in kinds}
    unseen = {name: every for name, every in recording.probes.items() if name not in kinds}
    found = {**seen, "evaluations": recording.evaluations, "weights": has_weights}
    return found | ({UNSEEN: unseen} if unseen else {})


def looked(recordings: Mapping[str, Any]) -> dict[str, int]:
    """How often each probe of a run looked, whether it saw something or not, from its result's ``recordings``."""
    seen = {name: every for name, every in recordings.items() if name not in _OTHERS}
    return seen | dict(recordings.get(UNSEEN, {}))


def lacks(recordings: Mapping[str, Any], wanted: Recording) -> bool:
    """Whether a run with these ``recordings`` in its result lacks something of what is ``wanted``."""
    # A probe that looked every 5 steps has seen what one that looks every 10 would.
    every = looked(recordings)
    probes = any(not every.get(name) or number % every[name] for name, number in wanted.probes.items())
    evaluations = wanted.evaluations is not None and recordings.get("evaluations") != wanted.evaluations
    return probes or evaluations or (wanted.weights and not recordings.get("weights"))


def options_over_file(store: Store, definition: str, *, is_elsewhere: bool = False) -> list[str]:
    """The words of a command line by which a study file records what the store does by now.

    Args:
        store: of the study.
        definition: text of the file.
        is_elsewhere: whether the command is for a new folder, which does not know what the store records.
    """
    now, table = Recording.read(store.path), recording_table(definition)
    if table is None:
        return now.options_over(Recording()) if is_elsewhere else []
    try:
        return now.options_over(Recording.from_table(table, "the study file"))
    except UserError:  # the command says so itself
        return []


def in_script(recording: str) -> str:
    """What makes the callback in somebody's own script record something.

    >>> in_script("weights=True")
    'StabilityCallback(..., recording=seedproof.Recording(weights=True))'
    """
    return f"StabilityCallback(..., recording=seedproof.Recording({recording}))"
