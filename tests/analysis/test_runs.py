"""The table of runs: order, missing numbers, and which columns may differ between executions."""

from __future__ import annotations

import enum
from types import SimpleNamespace
from typing import Any

import pytest

from seedproof.analysis.runs import COUNT_COLUMNS, TEXT_COLUMNS, runs_table


class State(enum.Enum):
    """As the store has it."""

    lost = "lost"
    finished = "finished"


def cell(run: str, seed: str = "0", recipe: str = "devlin") -> Any:
    return SimpleNamespace(task="glue/rte", model="bert", recipe=recipe, seed=seed, id=run)


def result(
    score: float | None = 0.6, outcome: str = "succeeded", reason: str | None = None, **changes: Any
) -> dict[str, Any]:
    execution = {"host": "h", "pid": 1, "seconds": 2.5, "attempts": 1, "versions": {"torch": "2.13"}}
    content = {"outcome": outcome, "reason": reason, "diverged_at": None, "metric": "accuracy", "score": score}
    content |= {
        "majority": 0.527,
        "metrics": {"accuracy": score},
        "training_loss": 0.5,
        "steps": 10,
        "evaluated_step": 10,
    }
    content |= {"missing_parameters": ["classifier.weight"], "truncated_examples": 0, "recordings": {}}
    return content | {"execution": execution} | changes


def test_seeds_are_in_numeric_order_and_cells_in_their_own():
    """9 before 10, coupled before split; recipes as the study lists them, not by the alphabet."""
    cells = [cell("d", "10"), cell("e", "1", "alpha"), cell("c", "9"), cell("b", "1/7/7"), cell("a", "1")]
    table = runs_table(cells, {}, {})
    assert list(table["run"]) == ["a", "b", "c", "d", "e"]


def test_an_unfinished_run_has_a_state_and_no_number():
    """It is never left out; a run nobody has touched is pending."""
    table = runs_table([cell("a"), cell("b", "1"), cell("c", "2")], {"c": result()}, {"a": State.lost})
    assert list(table["state"]) == ["lost", "pending", "finished"]
    assert table["outcome"].iloc[0] is None
    assert table[["score", "majority", "accuracy", "training_loss"]].iloc[:2].isna().all(axis=None)
    assert table["score"].iloc[2] == 0.6


def test_a_diverged_run_has_no_score():
    """null in the result becomes NaN; a score left over from before the divergence is not the end of training."""
    results = {
        "a": result(None, "failed", "diverged", diverged_at=4),
        "b": result(0.7, "failed", "diverged", diverged_at=5),
    }
    table = runs_table([cell("a"), cell("b", "1")], results, {})
    assert table["score"].isna().all()
    assert list(table["diverged_at"]) == [4, 5]
    assert list(table["reason"]) == ["diverged", "diverged"]


def test_a_result_counts_more_than_an_older_look_at_the_state():
    """A run may finish between two looks at the store; the other way round something is wrong."""
    assert list(runs_table([cell("a")], {"a": result()}, {"a": "running"})["state"]) == ["finished"]
    with pytest.raises(ValueError, match="run a is finished"):
        runs_table([cell("a")], {}, {"a": State.finished})


def test_one_run_may_stand_in_two_cells():
    """Two labels for the same content share the run; each cell keeps its row."""
    table = runs_table([cell("a"), cell("a", recipe="same")], {"a": result()}, {})
    assert list(table["recipe"]) == ["devlin", "same"]
    assert list(table["score"]) == [0.6, 0.6]


def test_an_empty_study_has_the_columns():
    """Programs that select columns must not fail on a new study."""
    table = runs_table([], {}, {})
    assert len(table) == 0
    assert {*TEXT_COLUMNS, *COUNT_COLUMNS, "score", "majority", "training_loss"} <= set(table.columns)
