"""How a run ended: each word from the numbers that tell it, and "unknown" where none does."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

import pytest

from seedproof.analysis.endings import KINDS, REMEDIES, kind_of, remedies
from seedproof.study.study import Study
from seedproof.tasks import load_task

AT_ENTROPY = {
    "reference_loss": 0.69,
    "last_loss": 0.69,
    "earlier_loss": 0.69,
    "loss_noise": 0.01,
    "dev_fall": 0.0,
    "dev_fall_noise": 0.01,
    "information": 0.001,
    "vanished_for_good": False,
}


def kind(
    outcome: str, *, loss: float = 0.69, noisy: bool = True, reason: str | None = None, **changes: Any
) -> str | None:
    result = {"outcome": outcome, "reason": reason, "training_loss": loss, "ending": AT_ENTROPY | changes}
    return kind_of(result, lambda: noisy)


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ("fitted", kind("succeeded", loss=0.4)),
        ("fitted", kind("succeeded", last_loss=0.5)),  # the last epoch as a whole was higher
        ("overfitted", kind("failed", loss=0.4)),
        ("collapsed", kind("failed", vanished_for_good=True)),
        ("collapsed", kind("failed", vanished_for_good=True, earlier_loss=0.75)),
        ("slow", kind("failed", earlier_loss=0.72)),
        ("slow", kind("failed", dev_fall=0.02)),
        ("slow", kind("succeeded", dev_fall=0.02)),
        ("unlearned", kind("succeeded")),
        ("unlearned", kind("succeeded", vanished_for_good=True)),  # collapse is a way to fail
        ("unlearned", kind("failed")),
        ("unknown", kind("failed", loss_noise=math.nan)),  # too short to tell whether it was falling
        ("unknown", kind("failed", vanished_for_good=None, dev_fall=0.02)),  # it may have collapsed
        ("unknown", kind("succeeded", loss=0.65, last_loss=0.65, information=0.2)),  # dropout hides the loss
        ("unlearned", kind("succeeded", last_loss=0.69, information=0.2, noisy=False)),
        ("unknown", kind("succeeded", **dict.fromkeys(AT_ENTROPY, math.nan))),
        (None, kind("failed", reason="diverged", loss=math.nan)),
    ],
)
def test_kinds(expected: str | None, found: str | None) -> None:
    assert found == expected


def test_a_run_without_numbers_is_unknown() -> None:
    result = {"outcome": "failed", "reason": "majority", "training_loss": 0.69, "ending": {}}
    assert kind_of(result, lambda: True) == "unknown"


def test_what_to_change_is_said_with_the_count() -> None:
    counts = dict.fromkeys(KINDS, 0) | {"slow": 4, "fitted": 21}
    (sentence,) = remedies(counts, 25)
    assert sentence.startswith("slow: 4 of 25 runs were still falling")
    assert sentence.endswith("more epochs or a larger learning rate")
    assert set(REMEDIES) == set(KINDS) - {"fitted"}


def test_runs_of_a_few_steps_are_not_unknown_without_a_word() -> None:
    counts = dict.fromkeys(KINDS, 0) | {"unknown": 2}
    (sentence,) = remedies(counts, 2)
    assert sentence.startswith("unknown: 2 of 2 runs left records that do not tell how they ended: ")
    assert "3 recorded gradients and 2 evaluations" in sentence
    assert "--record gradients=EVERY, --evaluations N" in sentence


@pytest.mark.slow
def test_a_small_table_in_few_small_steps_is_slow_and_one_that_broke_down_collapsed(tmp_path: Path) -> None:
    """Both fail at the majority score; only one of them is unstable."""
    task = load_task("miniature/acceptability")
    rows = zip(task.train.texts[:600], task.train.labels[:600].tolist(), strict=True)
    with (tmp_path / "small.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *((text, task.classes[label]) for text, label in rows)])
    small = Study(
        "small",
        tasks=[{"file": str(tmp_path / "small.csv"), "text": "text", "label": "label"}],
        models=["miniature/bert"],
        recipes=["mosbach(epochs=3, learning_rate=3e-5)"],
        seeds=[2],
    )
    broken = Study(
        "broken",
        tasks=["miniature/answer"],
        models=["miniature/bert"],
        recipes=["devlin(learning_rate=5e-4, max_steps=60)"],
        seeds=[1000],
    )
    for made, expected in ((small, "slow"), (broken, "collapsed")):
        (run,) = made.run(tmp_path / made.name, jobs=1, progress=False).runs().to_dict("records")
        assert (run["outcome"], run["reason"], run["kind"]) == ("failed", "majority", expected)
