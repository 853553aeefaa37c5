"""A run that ends before its last step: by which rule, where, and why. It is neither succeeded nor failed, and it stays a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from seedproof.store.checked import STOPPED

By = Literal["race", "alarm"]
"""The rules that stop runs: the race of its cell (:mod:`seedproof.execution.race`), or an alarm (a doomed run)."""


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """Why a run has ended before its last step: what a session finishes it with, in place of an engine that is done."""

    by: By
    at: int
    """Step after which it ended."""
    because: str
    """The rule's reason, in words that follow "because"."""

    @property
    def diverged_at(self) -> None:
        """None: its loss was finite."""

    @property
    def evaluated_at(self) -> None:
        """None: no weights of it are a result."""

    def result(self, score: float) -> dict[str, Any]:
        """What a result says of it.

        Args:
            score: at its last evaluation; NaN where it had none.
        """
        return {
            "outcome": STOPPED,
            "reason": self.by,
            "stopped_at": self.at,
            "stopped_score": score,
            "stopped_because": self.because,
        }
