"""What came out of a run: its outcome by the paper's rule, its training loss, its result from its journal."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest

from seedproof.execution.environment import Process
from seedproof.execution.outcome import Stopwatch, execution_of, last_epoch_loss, make_result
from seedproof.execution.recording import Recording
from seedproof.execution.stopping import Stopped
from seedproof.store import RunFolder
from seedproof.store.checked import check_result, judge
from seedproof.tasks import Split, Task


@pytest.mark.parametrize(
    ("score", "majority", "outcome"),
    [
        (0.6, 0.5, ("succeeded", None)),
        (0.5, 0.5, ("failed", "majority")),  # as good as the majority is not better
        (0.4, 0.5, ("failed", "majority")),
        (0.0, 0.0, ("failed", "majority")),  # STS-B and CoLA: at zero
        (-0.1, 0.0, ("failed", "majority")),
        (np.nextafter(0.5, 1), 0.5, ("succeeded", None)),
        (math.nan, 0.5, ("failed", "diverged")),
        (math.inf, 0.5, ("failed", "diverged")),
    ],
)
def test_outcome(score, majority, outcome):
    assert judge(score, majority) == outcome


def test_the_training_loss_is_the_mean_of_the_last_epoch():
    losses = {step: float(step) for step in range(1, 8)}
    assert last_epoch_loss(losses, 3) == 6.0  # steps 5, 6 and 7
    assert last_epoch_loss(losses, 100) == 4.0
    assert math.isnan(last_epoch_loss(losses | {8: math.nan}, 3))
    assert last_epoch_loss(losses | {8: math.inf}, 3) == math.inf


def result(tmp_path, *, evaluated_at=None, diverged_at=None, losses=(1.0, 0.5), scores=None, stopped=None, groups=None):
    folder = RunFolder(tmp_path / "0123456789abcdef")
    folder.path.mkdir(parents=True)
    for number in range(2):
        folder.add_attempt_event("start" if number == 0 else "crashed")
    folder.add_attempt_event("start")
    for step, loss in enumerate(losses, start=1):
        folder.journal.append({"step": step, "kind": "loss", "loss": loss})
        if scores and step in scores:
            logits = np.eye(2, dtype=np.float32)[[0, 1, 1, 1]]
            folder.journal.append(
                {
                    "step": step,
                    "kind": "evaluation",
                    "scores": {"accuracy": scores[step], "f1": 0.1},
                    "logits dev": logits,
                }
            )
    engine = stopped or SimpleNamespace(evaluated_at=evaluated_at, diverged_at=diverged_at)
    split = Split(("a", "b", "c", "d"), None, np.array([0, 1, 0, 1]), groups=groups)
    task = Task(name="t", train=split, dev=split, classes=("no", "yes"), metrics=("accuracy", "f1"))
    about = {"steps": 2, "steps_per_epoch": 1, "missing_parameters": ["a"], "truncated_examples": 0}
    execution = execution_of(folder, Stopwatch(), Process.here())
    return make_result(engine, folder, task, about, Recording(), execution)


def test_the_score_is_that_of_the_evaluation_that_counts(tmp_path):
    """Where the best was selected, its score and not the last one's; judged by the first metric only."""
    made = result(tmp_path, evaluated_at=1, scores={1: 0.9, 2: 0.4})
    assert (made["outcome"], made["score"], made["evaluated_step"]) == ("succeeded", 0.9, 1)
    assert made["metrics"] == {"accuracy": 0.9, "f1": 0.1}
    assert made["training_loss"] == 0.5
    assert made["execution"]["attempts"] == 2


def test_the_interval_of_the_score_knows_the_groups_of_the_examples(tmp_path):
    """Of two documents, one right and one half right, every draw of both the right one scores 1."""
    made = [
        result(tmp_path / f"{groups}", evaluated_at=1, scores={1: 0.75}, groups=groups)
        for groups in (None, tuple("ppqq"))
    ]
    assert [round(each["score_high"], 2) for each in made] == [0.95, 1.0]


def test_a_result_says_how_each_class_fared(tmp_path):
    """The outputs say no, yes, yes, yes of no, yes, no, yes."""
    made = result(tmp_path, evaluated_at=2, scores={2: 0.75})
    assert made["class_scores"]["dev"]["no"] == {
        "precision": 1.0,
        "recall": 0.5,
        "f1": pytest.approx(2 / 3),
        "support": 2,
    }
    assert made["class_scores"]["dev"]["yes"]["precision"] == pytest.approx(2 / 3)
    assert made["score_low"] < 0.5 < 0.75 < made["score_high"]


def test_a_diverged_run_has_no_score_and_says_where(tmp_path):
    made = result(tmp_path, evaluated_at=None, diverged_at=2, losses=(1.0, math.nan), scores={1: 0.9})
    assert (made["outcome"], made["reason"], made["diverged_at"]) == ("failed", "diverged", 2)
    assert math.isnan(made["score"])
    assert math.isnan(made["training_loss"])
    assert made["metrics"] == {}


def test_what_may_differ_between_two_executions_is_set_apart(tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first, second = (result(tmp_path / name, evaluated_at=2, scores={2: 0.9}) for name in ("one", "two"))
    assert first.pop("execution")["seconds"] != second.pop("execution")["seconds"]
    assert first == second


@pytest.mark.parametrize(("scores", "had"), [({1: 0.9}, 0.9), (None, math.nan)])
def test_a_stopped_run_has_no_score_but_that_of_its_last_evaluation(tmp_path, scores, had):
    made = result(tmp_path, scores=scores, stopped=Stopped(by="alarm", at=2, because="it is doomed"))
    assert (made["outcome"], made["reason"], made["stopped_at"]) == ("stopped", "alarm", 2)
    assert made["stopped_because"] == "it is doomed"
    assert made["stopped_score"] == pytest.approx(had, nan_ok=True)
    assert math.isnan(made["score"])
    check_result(made)
    with pytest.raises(ValueError, match=r"it was stopped \(alarm\), but has the score 0.9"):
        check_result({**made, "score": 0.9})
