"""A result that contradicts itself is named, and never in a number."""

from __future__ import annotations

import math
from typing import Any

import pytest

from seedproof.store.checked import check_cell, check_record, check_result

RESULT: dict[str, Any] = {
    "outcome": "succeeded",
    "reason": None,
    "diverged_at": None,
    "metric": "accuracy",
    "score": 0.8,
    "majority": 0.5,
    "metrics": {"accuracy": 0.8, "f1": 0.7},
    "majorities": {"accuracy": 0.5, "f1": 0.6},
    "training_loss": 0.1,
    "evaluated_step": 9,
    "steps": 9,
    "steps_per_epoch": 3,
    "truncated_examples": 0,
    "missing_parameters": ["a"],
    "recordings": {},
    "execution": {},
}
DIVERGED = {
    "outcome": "failed",
    "reason": "diverged",
    "diverged_at": 4,
    "score": math.nan,
    "metrics": {},
    "evaluated_step": None,
}


def test_sound_results_pass() -> None:
    for change in ({}, DIVERGED, {"outcome": "failed", "reason": "majority", "majority": 0.8}, {"something_new": [1]}):
        check_result(RESULT | change)
    check_result({"outcome": "failed"})  # what is not there is not checked


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"score": 0.9}, "its score is 0.9, but its accuracy is 0.8"),
        ({"metric": "f1"}, "its score is 0.8, but its f1 is 0.7"),
        ({"outcome": "failed"}, "its outcome is failed, but with the score 0.8 and the majority 0.5 it is succeeded"),
        ({"outcome": "failed", "reason": "majority"}, r"failed \(majority\), but with the score"),
        ({"majority": 0.8}, "its outcome is succeeded, but .* it is failed"),
        ({**DIVERGED, "diverged_at": None}, "its diverged_at is None"),
        ({"diverged_at": 4}, "its diverged_at is 4"),
        ({"evaluated_step": 10}, "evaluated_step is 10, behind the last of its 9 steps"),
        ({"recipe": "mosbach"}, "it has a value 'recipe', and the study says that"),
        ({"execution_seconds": 1.0}, "'execution_seconds', and the execution has its own place"),
        ({"metrics": {"accuracy": 0.8, "seed": 3.0}}, "it has a value 'seed'"),
        ({"metrics": {"accuracy": 0.8, "training_loss": 0.0}}, "a metric cannot be called that"),
        ({"steps": "9"}, "its steps is '9'"),
        ({"steps": True}, "its steps is True"),
        ({"metrics": {"accuracy": "0.8"}}, "its metrics is"),
        ({"outcome": ["succeeded"]}, "its outcome is"),
    ],
)
def test_contradictions_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_result(RESULT | change)


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"step": 1},
        {"step": -1, "kind": "loss", "loss": 1.0},
        {"step": 1, "kind": "loss"},
        {"step": 1, "kind": "loss", "loss": "1"},
        {"step": 1, "kind": "evaluation", "scores": [1]},
    ],
)
def test_what_is_no_record_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        check_record(record)


@pytest.mark.parametrize(
    "record", [{"a": "x"}, {"a": "x", "seed": 1}, {"a": "x", "seed": "first"}, {"a": "x", "seed": "1/2"}]
)
def test_what_is_no_cell_is_refused(record: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        check_cell(record, ("a", "seed"))
