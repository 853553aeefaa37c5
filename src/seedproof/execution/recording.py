"""What a study records and keeps: no part of any run's id, kept in the store beside the runs."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

from seedproof.errors import Damaged, UserError, unknown
from seedproof.probes import PROBES
from seedproof.store import write_atomically
from seedproof.store.documents import read_document

FILE = "recording.json"
DEFAULT_RECORDINGS: Mapping[str, int] = MappingProxyType({"gradients": 10, "pooler": 1, "drift": 1})


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What to record during the runs of a study, beyond the loss of every step, scores and predictions.

    Raises:
        UserError: an unknown probe, or a number outside its range.
    """

    probes: Mapping[str, int] = field(default_factory=lambda: dict(DEFAULT_RECORDINGS))
    """Every how many steps each probe looks, by its name (gradients); those that look at evaluations take 1."""
    evaluations: int | None = None
    """How often the development set is evaluated in a run, evenly spaced; None: after every epoch."""
    weights: bool = False
    """Keep the final weights, in Transformers' layout."""
    checkpoint_seconds: float = 300.0
    """A run that takes longer is saved this often, to go on from there; a shorter one starts again."""

    def __post_init__(self) -> None:
        for name, every in self.probes.items():
            if name not in PROBES:
                raise unknown("recording", name, PROBES)
            if type(every) is not int or every < 1:
                raise UserError(
                    f"the recording {name!r} looks every {every!r} steps; give a whole number of at least 1"
                )
        if self.evaluations is not None and (type(self.evaluations) is not int or not 1 <= self.evaluations <= 10**6):
            raise UserError(
                f"evaluations = {self.evaluations!r} is not valid; give a whole number from 1 (the end of the run) to 1000000"
            )
        if not isinstance(self.weights, bool):
            raise UserError(f"weights = {self.weights!r} is not valid; give true or false")
        seconds = self.checkpoint_seconds
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0 <= seconds < math.inf:
            raise UserError(f"checkpoint_seconds = {seconds!r} is not valid; give 0 or more")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**dataclasses.asdict(self), "probes": dict(self.probes)}

    @property
    def recorded(self) -> dict[str, Any]:
        """What decides which records a run has: records of different settings must not be mixed in one journal."""
        return {"probes": dict(self.probes), "evaluations": self.evaluations}

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


def lacks(recorded: Mapping[str, Any], wanted: Recording) -> bool:
    """Whether a run with these ``recordings`` in its result lacks something of what is ``wanted``."""
    # A probe that looked every 5 steps has seen what one that looks every 10 would.
    probes = any(not recorded.get(name) or every % recorded[name] for name, every in wanted.probes.items())
    evaluations = wanted.evaluations is not None and recorded.get("evaluations") != wanted.evaluations
    return probes or evaluations or (wanted.weights and not recorded.get("weights"))
