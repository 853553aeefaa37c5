"""Launchers: they only decide where a run executes; what it computes does not depend on them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Summary:
    """What became of the runs that a launcher was given, by id."""

    finished: list[str] = field(default_factory=list)
    """Finished now or before."""
    crashed: dict[str, str] = field(default_factory=dict)
    """Messages of the crashed runs by id."""
    interrupted: list[str] = field(default_factory=list)
    held: list[str] = field(default_factory=list)
    """Being executed by another launcher."""
    not_started: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """E.g. ``"3 runs finished, 2 interrupted"``; what is zero is left out."""
        counts = {item.name: len(getattr(self, item.name)) for item in dataclasses.fields(self)}
        parts = [f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if count]
        return f"runs: {', '.join(parts)}" if parts else "no runs"


class StudyInterrupted(KeyboardInterrupt):
    """Ctrl-C (or SIGTERM) ended the launcher cleanly; the same call goes on from here."""

    def __init__(self, summary: Summary) -> None:
        super().__init__(f"interrupted; {summary}; give the same command again to continue")
        self.summary = summary
