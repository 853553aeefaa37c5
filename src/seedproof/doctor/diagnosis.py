"""What the rules found, what they checked and what they could not, as a value: for people, JSON and notebooks."""

from __future__ import annotations

import dataclasses
import html
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seedproof.display import table
from seedproof.doctor.base import SEVERITIES, Finding
from seedproof.printable import counted


@dataclass(frozen=True)
class NotChecked:
    """A rule that could not be checked."""

    rule: str
    why: str
    about: tuple[str, ...] = ()
    """What it was not checked in, where several things were looked at and others were; empty: in any."""


@dataclass(frozen=True)
class Diagnosis:
    """What threatens stability or the truth of the score, from the worst."""

    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    """Ids of the rules that looked and found nothing."""
    not_checked: tuple[NotChecked, ...]
    read: tuple[str, ...]
    """What was looked at."""

    @property
    def is_serious(self) -> bool:
        """Whether any finding is serious."""
        return any(finding.severity == "serious" for finding in self.findings)

    def __str__(self) -> str:
        return "\n".join(lines(self))

    def __repr__(self) -> str:
        return f"Diagnosis({self.headline})"

    @property
    def headline(self) -> str:
        """How many findings there are of each severity, in words."""
        counts = {name: sum(each.severity == name for each in self.findings) for name in SEVERITIES}
        words = {"serious": "serious", "warning": "warnings", "note": "notes"}
        parts = [f"{count} {words[name] if count > 1 else name}" for name, count in counts.items() if count]
        rest = f"{counted(len(self.checked), 'rule')} checked without a finding, {self._left} not checked"
        return f"{', '.join(parts) or 'nothing found'}; {rest}"

    @property
    def _left(self) -> int:
        return len({each.rule for each in self.not_checked} - {*self.checked} - {each.rule for each in self.findings})

    def _repr_html_(self) -> str:
        parts = [f"<div>{html.escape(self.headline)}</div>"]
        parts += [table(f"{each.severity}: {each.rule}", dict(_said(each))) for each in self.findings]
        parts.append(table("not checked", {each.rule: each.why for each in self.not_checked}))
        return "".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON values; numbers that are not finite are texts."""
        return {
            "read": list(self.read),
            "serious": self.is_serious,
            "findings": [_finding_json(finding) for finding in self.findings],
            "checked": list(self.checked),
            "not_checked": [dataclasses.asdict(each) | {"about": list(each.about)} for each in self.not_checked],
        }


def finite(numbers: Mapping[str, float]) -> dict[str, float | str]:
    """Numbers as strict JSON can hold them: those that are not finite, as of a diverged run, are texts."""
    return {name: float(value) if math.isfinite(value) else str(value) for name, value in numbers.items()}


def _finding_json(finding: Finding) -> dict[str, Any]:
    place = finding.place
    where = (
        None if place is None else {"words": place.words, "file": place.file and str(place.file), "line": place.line}
    )
    plain = {name: getattr(finding, name) for name in ("rule", "severity", "evidence", "why", "source", "change")}
    return {**plain, "numbers": finite(finding.numbers), "place": where, "about": list(finding.about)}


def _said(finding: Finding) -> list[tuple[str, str]]:
    """The parts of a finding with their headings, evidence first."""
    place = [("at", str(finding.place))] if finding.place is not None else []
    about = [("in", _listed(finding.about))] if finding.about else []
    return [("seen", finding.evidence), *place, *about, *_meaning(finding)]


def _meaning(finding: Finding) -> list[tuple[str, str]]:
    return [("why", f"{finding.why} ({finding.source})"), ("change", finding.change)]


def lines(diagnosis: Diagnosis) -> list[str]:
    """The diagnosis for a terminal, a line of text for each part; findings of one rule stand together."""
    found = [f"looked at: {', '.join(diagnosis.read)}", diagnosis.headline]
    for (severity, rule), same in _by_rule(diagnosis.findings).items():
        found += ["", f"{severity}: {rule}"]
        for position, finding in enumerate(same):
            last = position == len(same) - 1
            after = {
                heading for heading, text in _meaning(finding) if not last and (heading, text) in _meaning(same[-1])
            }
            found += [f"  {heading + ':':<8}{text}" for heading, text in _said(finding) if heading not in after]
    if diagnosis.checked:
        found += ["", f"checked, nothing found: {', '.join(diagnosis.checked)}"]
    if diagnosis.not_checked:
        found += ["", "not checked:"]
        for (why, about), rules in _by_reason(diagnosis.not_checked).items():
            found.append(f"  {', '.join(rules)}{f' ({_listed(about)})' if about else ''}: {why}")
    return found


def _by_rule(findings: tuple[Finding, ...]) -> Mapping[tuple[str, str], list[Finding]]:
    rules: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        rules.setdefault((finding.severity, finding.rule), []).append(finding)
    return rules


def _by_reason(left: tuple[NotChecked, ...]) -> Mapping[tuple[str, tuple[str, ...]], list[str]]:
    reasons: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for each in left:
        reasons.setdefault((each.why, each.about), []).append(each.rule)
    return reasons


def _listed(names: tuple[str, ...], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return "; ".join(names[:most]) + more
