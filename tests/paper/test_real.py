"""A model of one's own on a task of GLUE, all the way: what is about other models is left out, the folder says its command."""

from __future__ import annotations

import dataclasses
import json

import pytest

from seedproof.models.source import WEIGHTS
from seedproof.paper.figure import get_figure
from seedproof.paper.folder import FILE
from seedproof.paper.paths import Paths
from seedproof.paper.real import real_scale
from seedproof.paper.reproduce import Options, reproduce
from seedproof.report.commands import commands_of
from seedproof.store import Store

OWN = real_scale(str(WEIGHTS / "bert-shallow")).only("rte")


@pytest.fixture
def glue(tmp_path):
    """A folder of the GLUE download with a few lines of RTE."""
    (tmp_path / "glue" / "RTE").mkdir(parents=True)
    labels = ("entailment", "not_entailment")
    for part, count in (("train", 20), ("dev", 10)):
        rows = [f"{index}\tThe cat sat.\tA cat did {index}.\t{labels[index % 2]}" for index in range(count)]
        lines = "\n".join(["index\tsentence1\tsentence2\tlabel", *rows]) + "\n"
        (tmp_path / "glue" / "RTE" / f"{part}.tsv").write_text(lines)
    return tmp_path / "glue"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Precision loss occurred")
def test_figures_are_made_of_one_model_and_one_task(tmp_path, glue):
    small = {"seeds": 2, "long_seeds": 1, "grid_seeds": 1, "settings": {"max_steps": 3}}
    options = Options(jobs=1, progress=False)
    made = reproduce(
        ["fig5", "fig4", "table1", "fig8"],
        tmp_path / "out",
        scale=dataclasses.replace(OWN, **small),
        paths=Paths(data_dir=glue),
        options=options,
    )
    assert made.unfinished == made.crashed == 0
    assert all(one.is_whole for one in made.figures)
    tables = {one.figure.name: one.content.tables for one in made.figures}
    assert (
        tables["fig5"]["failures"][["task", "model", "runs"]].to_numpy().tolist()
        == [["glue/rte", "bert-shallow", 2]] * 3
    )
    assert tables["table1"]["summary"]["runs"].tolist() == [2, 2, 1]
    assert tables["table1"]["shallow_control"].empty
    note = json.loads((tmp_path / "out" / FILE).read_text())
    assert note["models"] == ["bert-shallow"]
    (command,) = commands_of(Store.open(tmp_path / "out"))
    assert f"--scale real --out {tmp_path / 'out'} --model {WEIGHTS / 'bert-shallow'} --task rte" in command


def test_what_is_about_other_models_asks_for_no_runs_of_them():
    for name in ("table1", "fig1", "fig4", "fig5", "fig8", "fig13"):
        assert {(block.model, block.task) for block in get_figure(name).blocks(OWN)} == {("bert", "rte")}
