"""Does what a store's files say make sense? Wrong types and contradictions are named before anything is computed from them.

Only what is there is checked: what an older version did not write is no mistake. Each function raises ``ValueError`` with
what is wrong, and its caller says in which file.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

_TABLE_COLUMNS = frozenset({"task", "model", "recipe", "seed", "run", "state"})
"""What the study says of a run, not its result."""

MOST_THREADS = 1024
"""Threads of one run."""

STOPPED = "stopped"
"""Outcome of a run that a rule ended before its last step: it has neither succeeded nor failed."""
_STOPPED_BY = ("race", "alarm")

_SEED = re.compile(r"\d{1,19}(/\d{1,19}/\d{1,19})?")


def judge(score: float, majority: float) -> tuple[str, str | None]:
    """The outcome of a run and, where it failed, why: not better than the majority (paper, section 3), or diverged."""
    if not math.isfinite(score):
        return "failed", "diverged"
    return ("succeeded", None) if score > majority else ("failed", "majority")


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _is_maybe_count(value: Any) -> bool:
    return value is None or _is_count(value)


def _is_scores(value: Any) -> bool:
    return isinstance(value, dict) and all(_is_number(score) for score in value.values())


def _is_dictionary(value: Any) -> bool:
    return isinstance(value, dict)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_reason(value: Any) -> bool:
    return value in (None, "majority", "diverged", *_STOPPED_BY)


def _is_outcome(value: Any) -> bool:
    return value in ("succeeded", "failed", STOPPED)


def _is_class(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_ending(value: Any) -> bool:
    return isinstance(value, dict) and all(
        _is_number(number) or (name in ("vanished", "vanished_for_good") and number in (True, False, None))
        for name, number in value.items()
    )


_RESULT: Mapping[str, Callable[[Any], bool]] = {
    "outcome": _is_outcome,
    "reason": _is_reason,
    "diverged_at": _is_maybe_count,
    "metric": _is_text,
    "score": _is_number,
    "majority": _is_number,
    "metrics": _is_scores,
    "majorities": _is_scores,
    "positive_class": _is_class,
    "score_low": _is_number,
    "score_high": _is_number,
    "class_scores": _is_dictionary,
    "ending": _is_ending,
    "training_loss": _is_number,
    "stopped_at": _is_count,
    "stopped_score": _is_number,
    "stopped_because": _is_text,
    "alarm_because": _is_text,
    "alarm_at": _is_count,
    "evaluated_step": _is_maybe_count,
    "steps": _is_count,
    "steps_per_epoch": _is_count,
    "truncated_examples": _is_count,
    "missing_parameters": _is_names,
    "recordings": _is_dictionary,
    "execution": _is_dictionary,
}

_RECORD: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "loss": {"loss": _is_number},
    "evaluation": {"scores": _is_scores},
}


def check_result(result: Mapping[str, Any]) -> None:
    """Check the result of a run.

    Raises:
        ValueError: a value of another type, score, metrics and outcome that contradict each other, or a key that stands for
            something else in the table of runs.
    """
    for name, is_right in _RESULT.items():
        if name in result and not is_right(result[name]):
            raise ValueError(f"its {name} is {result[name]!r}")
    taken = dict.fromkeys(_TABLE_COLUMNS, "the study says that, not the result")
    _refuse_keys(result, taken)
    metrics = result.get("metrics", {})
    _refuse_keys(metrics, taken | dict.fromkeys((*result, *_RESULT), "a metric cannot be called that"))
    if {"score", "metric"} <= result.keys() and metrics and not _same(metrics.get(result["metric"]), result["score"]):
        raise ValueError(
            f"its score is {result['score']}, but its {result['metric']} is {metrics.get(result['metric'])}"
        )
    if {"score", "majority", "outcome"} <= result.keys():
        _check_outcome(result)
    for name in ("evaluated_step", "diverged_at", "stopped_at"):
        if (result.get(name) or 0) > result.get("steps", math.inf):
            raise ValueError(f"its {name} is {result[name]}, behind the last of its {result['steps']} steps")


def _check_outcome(result: Mapping[str, Any]) -> None:
    if result["outcome"] == STOPPED:
        if not math.isnan(result["score"]) or result.get("reason") not in _STOPPED_BY:
            raise ValueError(
                f"it was stopped ({result.get('reason')}), but has the score {result['score']}, as only runs that came to "
                "their end have"
            )
        return
    outcome, reason = judge(result["score"], result["majority"])
    if (outcome, reason) != (result["outcome"], result.get("reason", reason)):
        said = f"{result['outcome']} ({result.get('reason')})" if result.get("reason") else result["outcome"]
        raise ValueError(
            f"its outcome is {said}, but with the score {result['score']} and the majority {result['majority']} it is {outcome}"
        )
    if "diverged_at" in result and (reason == "diverged") != (result["diverged_at"] is not None):
        raise ValueError(f"its outcome is {outcome} ({reason}), but its diverged_at is {result['diverged_at']}")


def _refuse_keys(values: Mapping[str, Any], taken: Mapping[str, str]) -> None:
    for name in values:
        if name in taken or not isinstance(name, str) or name.startswith("execution_"):
            raise ValueError(f"it has a value {name!r}, and {taken.get(name, 'the execution has its own place')}")


def _same(first: Any, second: Any) -> bool:
    return first is not None and bool(np.array_equal(first, second, equal_nan=True))


def check_record(record: Mapping[str, Any]) -> None:
    """Check a record of a run's journal.

    Raises:
        ValueError: it lacks its step or its kind, or a value has another type.
    """
    if not _is_count(record.get("step")) or not isinstance(record.get("kind"), str):
        raise ValueError("it is no record of a run: it has no step, or no kind")
    for name, is_right in _RECORD.get(record["kind"], {}).items():
        if not is_right(record.get(name)):
            raise ValueError(f"its {name} is {record.get(name)!r}")


def check_cell(record: Mapping[str, Any], names: tuple[str, ...]) -> None:
    """Check a cell of a study.

    Raises:
        ValueError: other keys than ``names``, a value that is no text, or a seed that is no number.
    """
    if set(record) != set(names) or not all(isinstance(value, str) for value in record.values()):
        raise ValueError(f"a run needs the texts {', '.join(names)}")
    if not _SEED.fullmatch(record["seed"]):
        raise ValueError(f"its seed is {record['seed']!r}")


def check_numerics(numerics: Any) -> None:
    """Check how the arithmetic of a study is done.

    Raises:
        ValueError: a value that there is not.
    """
    if not isinstance(numerics, dict):
        raise ValueError(f"its numerics are {numerics!r}")
    allowed = {
        "engine": ("plain", "fleet", "trainer"),
        "precision": ("fp32", "bf16", "fp16"),
        "device": ("cpu", "cuda", "mps", "xpu"),
    }
    for name, values in allowed.items():
        if name in numerics and numerics[name] not in values:
            raise ValueError(f"its {name} is {numerics[name]!r}")
    if not _is_count(numerics.get("threads", 1)) or not 1 <= numerics.get("threads", 1) <= MOST_THREADS:
        raise ValueError(f"its threads are {numerics['threads']!r}")
