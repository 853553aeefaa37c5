"""The SARIF that is written has what the standard requires (OASIS, sarif-schema-2.1.0.json)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlparse

import jsonschema
from tests.doctor.planted import with_faults

import seedproof
from seedproof.doctor.rules import RULES
from seedproof.doctor.sarif import to_sarif


def closed(required: list[str], **properties) -> dict:
    """An object of the standard: what it must have, and of its properties those that are written here."""
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


TEXT = closed(["text"], text={"type": "string", "minLength": 1})
LEVEL = {"enum": ["none", "note", "warning", "error"]}
INDEX = {"type": "integer", "minimum": -1}
RULE = closed(
    ["id"],
    id={"type": "string"},
    shortDescription=TEXT,
    fullDescription=TEXT,
    help=TEXT,
    defaultConfiguration=closed([], level=LEVEL),
)
DRIVER = closed(["name"], name={"type": "string"}, version={"type": "string"}, rules={"type": "array", "items": RULE})
NOTIFICATION = closed(
    ["message"], level=LEVEL, message=TEXT, associatedRule=closed([], id={"type": "string"}, index=INDEX)
)
PHYSICAL = closed(
    ["artifactLocation"],
    artifactLocation=closed([], uri={"type": "string", "format": "uri-reference"}),
    region=closed(["startLine"], startLine={"type": "integer", "minimum": 1}),
)
RESULT = closed(
    ["message"],
    ruleId={"enum": list(RULES)},
    ruleIndex=INDEX,
    level=LEVEL,
    message=TEXT,
    properties={"type": "object"},
    locations={"type": "array", "items": closed([], physicalLocation=PHYSICAL)},
)
INVOCATION = closed(
    ["executionSuccessful"],
    executionSuccessful={"type": "boolean"},
    toolExecutionNotifications={"type": "array", "items": NOTIFICATION},
)
RUN = closed(
    ["tool"],
    tool=closed(["driver"], driver=DRIVER),
    invocations={"type": "array", "items": INVOCATION},
    results={"type": "array", "items": RESULT},
)
LOG = closed(
    ["version", "runs"],
    **{"$schema": {"type": "string"}, "version": {"enum": ["2.1.0"]}, "runs": {"type": "array", "items": RUN}},
)
"""The required parts and the value ranges of the official schema, over the properties that are used."""


def test_a_log_has_what_the_standard_requires(tmp_path):
    script = tmp_path / "my train.py"
    script.write_text(with_faults("head-before-seed", "short-warmup"))
    found = seedproof.diagnose(script)
    log = to_sarif(found)
    jsonschema.validate(log, LOG)
    [run] = log["runs"]
    assert [(result["ruleId"], result["level"]) for result in run["results"]] == [
        ("head-before-seed", "error"),
        ("short-warmup", "warning"),
    ]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        [location] = result["locations"]
        uri = location["physicalLocation"]["artifactLocation"]["uri"]
        assert urlparse(uri).path.endswith("my%20train.py")
    told = {each["associatedRule"]["id"] for each in run["invocations"][0]["toolExecutionNotifications"]}
    assert told == {each.rule for each in found.not_checked}


def test_a_relative_path_stays_relative(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(with_faults("head-before-seed"))
    [result] = to_sarif(seedproof.diagnose("train.py"))["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "train.py"
