"""What a rule is, what it finds, and the exception by which it says that it cannot see what it would have to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from seedproof.doctor.facts import Facts

Severity = Literal["serious", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("serious", "warning", "note")
"""Severities from the worst: ``serious`` can make runs fail or a score say nothing, ``warning`` moves it, ``note``
hides something."""


class Unknown(Exception):
    """A fact that a rule needs and no source gives; the message says why, and what would give it."""


@dataclass(frozen=True)
class Place:
    """Where something is said."""

    words: str
    """Words for people: ``train.py``, ``--learning_rate``, ``the default of TrainingArguments``."""
    file: Path | None = None
    """The file, where it is one."""
    line: int | None = None

    def __str__(self) -> str:
        return self.words if self.line is None else f"{self.words}, line {self.line}"


@dataclass(frozen=True)
class Known:
    """A value with where it is said."""

    value: Any
    place: Place


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something that threatens stability or the truth of the score."""

    rule: str
    """Id of the rule that found it."""
    severity: Severity
    evidence: str
    """What is seen, and nothing else."""
    numbers: Mapping[str, float] = field(default_factory=dict)
    """The measured numbers of the evidence and the limits that they are held against, by name."""
    why: str
    """What is known to follow from it: interpretation, with its source."""
    source: str
    change: str
    """What to do."""
    place: Place | None = None
    about: tuple[str, ...] = ()
    """What it was found in, where several things were looked at: cells of a study."""


class Rule(ABC):
    """One threat. A subclass in a file of its own, with its line in :mod:`seedproof.doctor.rules`.

    ``check`` gives a finding for each thing that it sees. It asks :class:`seedproof.doctor.facts.Facts` for what it needs, which
    raises :class:`Unknown` where no source says it, and raises it itself where what is there does not tell. To give nothing
    means: looked at, and nothing found. Evidence says what is seen; ``why`` what others have measured to follow from it,
    never that it is the cause of what happened in a run.
    """

    id: ClassVar[str]
    """Words joined by ``-``, as they are written behind ``--ignore``."""
    severity: ClassVar[Severity]
    """Severity of its findings; a finding may have another."""
    what: ClassVar[str]
    """What is found, a sentence."""
    why: ClassVar[str]
    """What follows from it, with numbers of the sources."""
    source: ClassVar[str]
    change: ClassVar[str]
    """What to do, as it stands in the documentation; a finding may say it with its own numbers."""
    needs: ClassVar[tuple[str, ...]]
    """Names of :data:`seedproof.doctor.facts.NEEDS` without which nothing can be checked."""

    of_trainer: ClassVar[bool] = False
    """Whether it looks at how Transformers' Trainer is used: a study of seedproof, which does not use it, has nothing of it."""

    @abstractmethod
    def check(self, facts: Facts) -> Iterable[Finding]:
        """What the rule finds in ``facts``.

        Raises:
            Unknown: it cannot tell.
        """

    def found(
        self,
        evidence: str,
        *,
        numbers: Mapping[str, float] | None = None,
        severity: Severity | None = None,
        change: str | None = None,
        place: Place | None = None,
    ) -> Finding:
        """A finding of this rule, with the rule's own words where none are given."""
        return Finding(
            rule=self.id,
            severity=severity or self.severity,
            evidence=evidence,
            numbers=dict(numbers or {}),
            why=self.why,
            source=self.source,
            change=change or self.change,
            place=place,
        )
