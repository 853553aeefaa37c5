"""Several labels of one text: how they are read, divided, judged and kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedproof.errors import UserError
from seedproof.tasks import Split, Task, load_task
from seedproof.tasks.holding_out import strata
from seedproof.tasks.metrics import find_metric
from seedproof.tasks.split import label_entropy
from seedproof.tasks.subsample import subsample
from seedproof.tasks.uncertainty import score_interval

NAMES = ("animal", "plant", "weather")
ROWS = [((index % 2), int(index % 3 == 0), int(index % 5 == 0)) for index in range(60)]


def write(folder: Path, rows: list[tuple[int, int, int]] = ROWS, name: str = "t.csv", **cells: Any) -> Path:
    lines = [f"text {index},{','.join(map(str, row))},{tags(row)}" for index, row in enumerate(rows)]
    (folder / name).write_text("\n".join([f"body,{','.join(NAMES)},tags", *lines]) + "\n", encoding="utf-8")
    return folder / name


def tags(row: tuple[int, ...]) -> str:
    return "; ".join(name for name, has in zip(NAMES, row, strict=True) if has)


def test_columns_separators_and_lists_give_the_same_task(tmp_path: Path) -> None:
    columns = load_task(write(tmp_path), text="body", label=NAMES)
    separated = load_task(write(tmp_path), text="body", label="tags", label_separator=";")
    records = [{"body": f"text {i}", "tags": tags(row).split("; ") if any(row) else []} for i, row in enumerate(ROWS)]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, records)))
    listed = load_task(tmp_path / "t.jsonl", text="body", label="tags")
    assert columns.fingerprint == separated.fingerprint == listed.fingerprint
    assert (columns.kind, columns.classes, columns.num_labels) == ("multi-label", NAMES, 3)
    assert columns.metric == "micro_f1"
    assert columns.problem_type == "multi_label_classification"
    decisions = listed.data_report.decisions
    assert decisions[0] == "multi-label, because its labels are lists"
    assert "with any of 3 labels (1.04 an example, 16 examples have none): animal 25 + 5" in decisions[1]
    assert "held out by the rarest label of each" in columns.notes[-1]


def test_it_is_kept_as_it_is(tmp_path: Path) -> None:
    task = load_task(write(tmp_path), text="body", label=NAMES)
    task.write(tmp_path / "kept")
    again = Task.read(tmp_path / "kept")
    assert again.fingerprint == task.fingerprint
    assert (again.train.labels == task.train.labels).all()
    assert subsample(task, 12, stratified=True).train.labels.shape == (12, 3)


def test_examples_are_spread_by_their_rarest_label() -> None:
    labels = np.array([[1, 0, 0], [1, 1, 0], [1, 1, 1], [0, 0, 0], [1, 0, 0]])
    assert strata(labels).tolist() == [0, 1, 2, 3, 0]


def test_scores_by_hand() -> None:
    """Label a: TP 1, FP 1, FN 0. Label b: TP 1, FP 0, FN 1. Label c neither occurs nor is predicted."""
    labels = np.array([[1, 1, 0], [0, 1, 0], [0, 0, 0]])
    outputs = np.array([[2.0, 3.0, -1.0], [1.0, -1.0, -1.0], [-5.0, -2.0, -3.0]])
    found = {name: metric(name).score(outputs, labels) for name in ("accuracy", "micro_f1", "macro_f1", "weighted_f1")}
    assert found == pytest.approx({"accuracy": 2 / 3, "micro_f1": 2 / 3, "macro_f1": 2 / 3, "weighted_f1": 2 / 3})
    assert metric("f1:b").score(outputs, labels) == pytest.approx(2 / 3)
    assert metric("auroc").score(outputs, labels) == pytest.approx((1.0 + 1.0) / 2)
    assert metric("average_precision:b").score(outputs, labels) == pytest.approx(1.0)


def metric(name: str):
    return find_metric(name, ("a", "b", "c"), kind="multi-label")


@pytest.mark.parametrize("name", ["accuracy", "micro_f1", "macro_f1", "weighted_f1", "f1:b", "average_precision"])
def test_no_constant_prediction_scores_above_the_majority(name: str) -> None:
    labels = np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [1, 0, 0], [1, 0, 0]])
    constants = [np.tile([(-1.0) ** (number >> bit) for bit in range(3)], (5, 1)) for number in range(8)]
    found = max(metric(name).score(each, labels) for each in constants)
    assert found == pytest.approx(metric(name).majority(labels))


def test_intervals_hold_their_scores() -> None:
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 2, (200, 3))
    outputs = 2.0 * labels - 1 + generator.normal(0, 1.5, labels.shape)
    for name in ("accuracy", "micro_f1", "macro_f1", "weighted_f1", "f1:c", "auroc", "average_precision"):
        low, high = score_interval(metric(name), outputs, labels)
        assert low < metric(name).score(outputs, labels) < high, name
        assert high - low < 0.2, name


def test_the_entropy_is_the_mean_over_labels() -> None:
    half, quarter = np.log(2), -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
    labels = [[1, 0, 0], [0, 0, 0], [1, 1, 0], [0, 0, 0]]
    assert label_entropy(labels) == pytest.approx((half + quarter + 0) / 3)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": ["animal", "body"], "text": "plant"}, r"t.csv, row 2: column 'body' has 'text 0', .*needs 1 or 0"),
        ({"label": ["animal", "plant"], "kind": "regression"}, "several labels of one text are no regression"),
        ({"label": ["animal", "plant"], "label_separator": ";"}, "leave one of both out"),
        ({"label": ["animal", "animal"]}, "must be different columns"),
        ({"label": "animal", "kind": "multi-label"}, "give --label-separator"),
        ({"label": "animal", "label_separator": "1"}, "only the label '0' in 60 rows"),
        ({"label": "tags", "label_separator": ""}, "--label-separator is empty"),
        ({"label": ["animal", "plant"], "metric": "matthews"}, "does not fit multi-label; give one of accuracy"),
        ({"label": ["animal", "plant"], "metric": "f1"}, "found several labels an example; name one, as in f1:animal"),
    ],
)
def test_wrong_options(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load_task(write(tmp_path), **{"text": "body"} | options)


def test_a_label_that_training_does_not_have(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "dev.csv").write_text("body,tags\na,animal\nb,animal;plants\n")
    message = r"dev.csv, row 3: unknown label 'plants' in column 'tags'; did you mean 'plant'\?"
    with pytest.raises(UserError, match=message):
        load_task(tmp_path / "t.csv", text="body", label="tags", label_separator=";", dev=tmp_path / "dev.csv")


def test_all_alike_is_refused() -> None:
    split = Split(["a", "b"], None, [[1, 0], [1, 0]])
    with pytest.raises(UserError, match=r"all 2 examples have the same labels \(x\)"):
        Task("t", split, split, ("x", "y"), ("micro_f1",))
