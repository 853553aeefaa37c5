"""The exported tables: types that do not depend on content, settings as numbers, every column explained."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
from tests.analysis.test_runs import cell, result

from seedproof.analysis.export import EXECUTION, RECIPE, RUN_COLUMNS, SCORE_COLUMNS, export_frame, page, scores_frame
from seedproof.analysis.runs import runs_table
from seedproof.recipes import RECIPES, resolve
from seedproof.spec import ModelReference, Numerics, RunSpec, Seeds, TaskReference
from seedproof.study.results import open_results

ROOT = Path(__file__).resolve().parents[2]


def spec(recipe: str, seeds: Seeds) -> dict[str, object]:
    return RunSpec(
        task=TaskReference(name="t", fingerprint="a" * 64, train_examples=10, dev_examples=5),
        model=ModelReference(name="m", fingerprint="b" * 64, family="bert"),
        recipe=resolve(RECIPES[recipe], "bert", None).recipe.to_json(),
        seeds=seeds,
        numerics=Numerics(engine="fleet"),
    ).to_json()


FIELDS = {"learning_rate": float, "p": float, "bias_correction": bool}
SPECS = {"a": spec("devlin", Seeds.from_number(0)), "b": spec("mixout", Seeds(head=1, order=2, dropout=3))}


def test_seeds_settings_and_numerics_are_columns():
    frame = export_frame(runs_table([cell("a"), cell("b", "1/2/3", "mixout")], {"a": result()}, {}), SPECS, FIELDS)
    assert frame[["head_seed", "order_seed", "dropout_seed"]].to_numpy().tolist() == [[0, 0, 0], [1, 2, 3]]
    assert list(frame["engine"]) == ["fleet", "fleet"]
    assert list(frame["recipe_learning_rate"]) == [2e-5, 2e-5]
    assert frame["recipe_p"].isna().tolist() == [True, False]
    assert frame["recipe_p"][1] == 0.9
    assert frame["recipe_bias_correction"].tolist() == [False, False]


def test_scores_have_a_row_per_evaluation_and_metric():
    runs = runs_table([cell("a"), cell("b", "1")], {"a": result(steps_per_epoch=5)}, {})
    seen = [{"step": 5, "scores": {"accuracy": 0.5, "f1": math.nan}}, {"step": 10, "scores": {"accuracy": 0.6}}]
    frame = scores_frame(runs, {"a": seen, "b": seen[:1]})
    assert list(frame.columns) == list(SCORE_COLUMNS)
    assert frame["epoch"][:3].tolist() == [1.0, 1.0, 2.0]
    assert frame["epoch"][3:].isna().all()
    assert math.isnan(frame["score"][1])
    assert len(scores_frame(runs, {"a": [], "b": []})) == 0


def test_every_column_of_a_real_study_is_explained(tmp_path):
    results = open_results(ROOT / "tests" / "assets" / "first" / "plain")
    results.export(tmp_path / "runs.parquet", scores=tmp_path / "scores.parquet")
    runs, scores = (pd.read_parquet(tmp_path / f"{name}.parquet") for name in ("runs", "scores"))
    metrics = set(scores["metric"])
    fields = {name for recipe in (RECIPES["devlin"], RECIPES["mixout"]) for name in recipe.field_types()}
    assert {RECIPE + name for name in fields} <= set(runs.columns)
    assert str(runs["recipe_max_steps"].dtype) == "Int64"
    plain = {name for name in runs.columns if not name.startswith((RECIPE, EXECUTION)) and name not in metrics}
    assert plain <= set(RUN_COLUMNS)
    assert list(scores.columns) == list(SCORE_COLUMNS)
    last = scores[scores["metric"] == "accuracy"].groupby("run")["score"].last()
    judged = runs[runs["metric"] == "accuracy"].dropna(subset="score").set_index("run")["score"]
    assert (last[judged.index] == judged).all()


def test_the_page_is_what_the_columns_say():
    assert (ROOT / "docs" / "tables.md").read_text(encoding="utf-8") == page(), (
        "write it again: python -m seedproof.analysis.export > docs/tables.md"
    )


def test_two_executions_differ_only_in_execution_columns():
    """Another host, process, clock, count of attempts and library: only columns that say so may change."""
    other = {"host": "other", "pid": 7, "seconds": 9.0, "attempts": 3, "versions": {"torch": "2.12"}}
    cells = [cell("a"), cell("b", "1")]
    first = export_frame(runs_table(cells, {"a": result(), "b": result(None, "failed", "diverged")}, {}), SPECS)
    again = {"a": result(execution=other), "b": result(None, "failed", "diverged", execution=other)}
    second = export_frame(runs_table(cells, again, {}), SPECS)
    differing = [name for name in first.columns if not first[name].equals(second[name])]
    assert sorted(differing) == [
        "execution_attempts",
        "execution_host",
        "execution_pid",
        "execution_seconds",
        "execution_versions_torch",
    ]
    assert list(first.columns[-5:]) == [name for name in first.columns if name.startswith("execution_")]


def test_export_survives_parquet(tmp_path):
    """Types do not depend on content: a column of nothing but None comes back as text, counts as integers."""
    frame = export_frame(runs_table([cell("a"), cell("b", "1")], {"a": result(note={"x": [1]})}, {}), SPECS)
    frame.to_parquet(tmp_path / "runs.parquet")
    back = pd.read_parquet(tmp_path / "runs.parquet")
    assert list(back.columns) == list(frame.columns)
    assert math.isnan(back["score"].iloc[1])
    assert back["reason"].isna().all()
    assert pd.api.types.is_string_dtype(back["reason"])
    assert back["steps"].iloc[0] == 10
    assert back["note"].iloc[0] == '{"x": [1]}'
    assert back["missing_parameters"].iloc[0] == '["classifier.weight"]'
