"""A diagnosis as SARIF 2.1.0 (OASIS), which editors and code hosts show beside the lines of a script."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

from seedproof.doctor.base import Finding, Rule, Severity
from seedproof.doctor.diagnosis import Diagnosis, finite
from seedproof.doctor.rules import RULES, load_rules

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS: dict[Severity, str] = {"serious": "error", "warning": "warning", "note": "note"}


def to_sarif(diagnosis: Diagnosis) -> dict[str, Any]:
    """The log: every rule, a result per finding, and a notification per rule that was not checked."""
    driver = {
        "name": "seedproof doctor",
        "version": version("seedproof"),
        "rules": [_rule(rule) for rule in load_rules().values()],
    }
    left = [
        {
            "level": "note",
            "message": {"text": f"not checked: {each.why}"},
            "associatedRule": {"id": each.rule, "index": list(RULES).index(each.rule)},
        }
        for each in diagnosis.not_checked
    ]
    invocation = {"executionSuccessful": True, "toolExecutionNotifications": left}
    results = [_result(finding) for finding in diagnosis.findings]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "invocations": [invocation], "results": results}],
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.what},
        "fullDescription": {"text": f"{rule.why} Source: {rule.source}."},
        "help": {"text": rule.change},
        "defaultConfiguration": {"level": LEVELS[rule.severity]},
    }


def _result(finding: Finding) -> dict[str, Any]:
    about = f" (in {'; '.join(finding.about)})" if finding.about else ""
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": list(RULES).index(finding.rule),
        "level": LEVELS[finding.severity],
        "message": {"text": f"{finding.evidence}{about}. {finding.change}"},
        "properties": {"numbers": finite(finding.numbers)},
    }
    place = finding.place
    if place is not None and place.file is not None:
        location: dict[str, Any] = {"artifactLocation": {"uri": _uri(place.file)}}
        if place.line is not None:
            location["region"] = {"startLine": place.line}
        result["locations"] = [{"physicalLocation": location}]
    return result


def _uri(path: Path) -> str:
    """A path as a URI, relative where it was given so."""
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
