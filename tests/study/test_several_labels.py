"""A study of a table with several labels a text, from both engines to its tables and its report."""

from __future__ import annotations

import numpy as np
import pytest

import seedproof as sp
from seedproof.methods.class_weights import ClassWeights

NAMES = ("animal", "plant")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["plain", "fleet"])
def test_every_table_knows_several_labels(engine, tiny_model, tmp_path):
    tags = [[name for name, each in zip(NAMES, (2, 3), strict=True) if row % each == 0] for row in range(60)]
    rows = [f"r{row},text {row} of {row % 7},{'; '.join(names)}" for row, names in enumerate(tags)]
    (tmp_path / "t.csv").write_text("\n".join(["key,body,tags", *rows]) + "\n")
    task = sp.load_task(tmp_path / "t.csv", text="body", label="tags", label_separator=";", id="key")
    study = sp.Study(
        "s",
        tasks=[task],
        models=[str(tiny_model)],
        recipes=["mosbach", sp.recipe("mosbach") + ClassWeights()],
        settings={"epochs": 2},
        seeds=1,
        engine=engine,
    )
    results = study.run(tmp_path / "out", launcher="inline", progress=False)
    runs = results.runs()
    assert set(runs["state"]) == {"finished"}
    assert set(runs["metric"]) == {"micro_f1"}
    np.testing.assert_allclose(runs["majority"], task.majority["micro_f1"])
    assert {"micro_f1", "macro_f1", "accuracy"} <= set(runs.columns)
    answers = results.predictions(runs["run"][0])
    assert list(answers["id"]) == list(task.dev.ids or ())
    assert set(answers["label"]) <= {"", "animal", "plant", "animal; plant"}
    assert set(results.class_scores()["class"]) == set(NAMES)
    assert results.runs(metric="average_precision:plant")["metric"].tolist() == ["average_precision:plant"] * 2
    assert '"several": ["' in results.report().read_text().replace('"several":["', '"several": ["')
