"""What was measured on the runs of a study is drawn in its report."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from seedproof.errors import UserError
from seedproof.report.html.measured import measured_figures

FAILED, GOOD = "0" * 16, "1" * 16
RUNS = pd.DataFrame(
    [(FAILED, "glue/rte", "m", "devlin", "0"), (GOOD, "glue/rte", "m", "devlin(bias_correction=True)", "3")],
    columns=["run", "task", "model", "recipe", "seed"],
)


def forgetting(run, outcome):
    rows = [(run, "0", "devlin", outcome, k, "finetuned", 8.0 - k, 2.0, 50) for k in range(3)]
    rows.append((run, "0", "devlin", outcome, 2, "pretrained", 6.0, 1.8, 50))
    names = ["run", "seed", "recipe", "outcome", "layers_restored", "embeddings", "perplexity", "loss", "masked_tokens"]
    return pd.DataFrame(rows, columns=names)


def leave(folder, **tables):
    folder.mkdir(parents=True)
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)


@pytest.fixture
def study(tmp_path):
    """A folder with forgetting of two runs and one plane."""
    for run, outcome in ((FAILED, "failed"), (GOOD, "succeeded")):
        leave(tmp_path / "measurements" / f"forgetting-{run}", forgetting=forgetting(run, outcome))
    grid = pd.DataFrame(
        [(a, b, 1.0 + a * a + b) for a, b in itertools.product((0.0, 0.5, 1.0), repeat=2)],
        columns=["alpha", "beta", "loss"],
    )
    points = pd.DataFrame(
        [("p", 0, 0, 1.0), ("f", 1, 0, 2.0), ("s", 0, 1, 2.0)], columns=["point", "alpha", "beta", "loss"]
    )
    edges = pd.DataFrame([("p-f", position, 1.0) for position in (0.0, 1.0)], columns=["edge", "position", "loss"])
    barriers = pd.DataFrame([("f-s", 0.1)], columns=["edge", "barrier"])
    leave(
        tmp_path / "measurements" / f"surface-{FAILED}-{GOOD}", grid=grid, points=points, edges=edges, barriers=barriers
    )
    return tmp_path


def test_forgetting_is_one_figure_and_every_plane_another(study, tmp_path):
    forgotten, plane = measured_figures(study, tmp_path, ".svg", RUNS)
    assert forgotten.note == "Measured on 1 failed and 1 succeeded runs."
    assert forgotten.images[0].exists()
    assert [image.name for image in plane.images] == [f"surface-{FAILED}-{GOOD}-loss.svg"]
    assert plane.title == (
        "Training loss between a failed run (f: devlin, seed 0) and a successful one (s: devlin, with bias correction, seed 3) "
        "on glue/rte"
    )
    assert set(plane.tables) == {"grid", "points", "edges", "barriers"}


def test_runs_of_two_models_are_two_panels(study, tmp_path):
    """They had one line of the pre-trained model, that of the first."""
    [forgotten, _] = measured_figures(study, tmp_path, ".svg", RUNS.assign(model=["one", "two"]))
    drawn = forgotten.images[0].read_text()
    assert "one: perplexity" in drawn
    assert "two: perplexity" in drawn


def test_nothing_measured_is_nothing_drawn(tmp_path):
    assert measured_figures(tmp_path, tmp_path, ".svg", RUNS) == []


def test_a_damaged_table_is_named(study, tmp_path):
    (study / "measurements" / f"forgetting-{GOOD}" / "forgetting.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match=rf"forgetting-{GOOD}/forgetting.csv is damaged"):
        measured_figures(study, tmp_path, ".svg", RUNS)
