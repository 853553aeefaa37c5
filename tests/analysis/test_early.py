"""The table of the first steps, by hand."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from tests.analysis.test_runs import cell, result

from seedproof.analysis.early import ABOUT, EARLY_COLUMNS, early_frame
from seedproof.analysis.runs import runs_table
from seedproof.errors import UserError
from seedproof.probes.early import packed
from seedproof.study.results import open_results

STORE = Path(__file__).resolve().parents[1] / "assets" / "first" / "plain"
NAMES = [
    "bert.embeddings.word_embeddings.weight",
    "bert.encoder.layer.0.output.dense.weight",
    "bert.encoder.layer.0.output.dense.bias",
    "classifier.weight",
]


def step(number, norms, **values):
    return {"step": number, "kind": "early", "norms": packed(np.array(norms)), **values}


SEEN = [
    {"step": 0, "kind": "early", "names": NAMES},
    {"step": 1, "kind": "loss", "loss": 0.75},
    step(1, [2.0, 4.0, 0.0, 8.0], entropy=0.5, spread=0.25, counts=[3, 1], saturated=0.125),
    {"step": 2, "kind": "loss", "loss": 0.5},
    step(2, [2.0, 4.0, 4.0, 0.0], entropy=0.5, spread=0.25, counts=[0, 0], saturated=0.0, distances=packed(np.ones(4))),
    {"step": 3, "kind": "loss", "loss": 0.25},
]


def test_a_row_per_run_and_step_with_norms_by_place():
    runs = runs_table([cell("a"), cell("b", "1")], {"a": result()}, {})
    frame = early_frame(runs, {"a": SEEN, "b": [{"step": 1, "kind": "loss", "loss": 1.0}]})
    assert list(frame["run"]) == ["a", "a"]
    first, second = frame.iloc[0], frame.iloc[1]
    assert [first["loss"], second["loss"]] == [0.75, 0.5]
    assert first[["largest_share", "share_0", "share_1", "saturated"]].tolist() == [0.75, 0.75, 0.25, 0.125]
    assert math.isnan(second["largest_share"])  # no example had finite outputs
    assert first["gradient_norm"] == pytest.approx(math.sqrt(4 + 16 + 64))
    assert first["lower_fraction"] == pytest.approx(0.5)
    places = ["embeddings", "layer_0", "classifier"]
    assert second[[f"gradient_norm_{place}" for place in places]].tolist() == pytest.approx([2, math.sqrt(32), 0])
    assert math.isnan(first["distance"])
    assert second["distance"] == 2.0
    assert second["distance_layer_0"] == pytest.approx(math.sqrt(2))


def test_every_column_is_explained():
    frame = early_frame(runs_table([cell("a")], {"a": result()}, {}), {"a": SEEN})
    starts = tuple(name.split("<")[0] for name in EARLY_COLUMNS if "<" in name)
    assert [
        name for name in frame.columns if name not in {*ABOUT, *EARLY_COLUMNS} and not name.startswith(starts)
    ] == []
    assert {name for name in EARLY_COLUMNS if "<" not in name} <= set(frame.columns)


def test_a_table_without_such_runs_is_empty_and_has_its_columns():
    frame = early_frame(runs_table([cell("a")], {"a": result()}, {}), {})
    assert len(frame) == 0
    assert "lower_fraction" in frame.columns


def test_what_was_not_recorded_is_said_with_the_command_before_anything_is_written(tmp_path):
    results = open_results(STORE)
    run = results.runs()["run"][0]
    for ask in (lambda: results.early(run), lambda: results.gradient_norms(run, recording="early")):
        with pytest.raises(
            UserError, match=f"run {run} has no recording 'early'; to do the runs again.*--record early"
        ):
            ask()
    with pytest.raises(UserError, match=r"no run has the recording 'early'; .*--record early"):
        results.export(tmp_path / "runs.parquet", early=tmp_path / "early.parquet")
    assert list(tmp_path.iterdir()) == []
