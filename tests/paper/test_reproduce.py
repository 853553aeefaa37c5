"""Reproducing into a folder: runs are shared and trained once, what is not ours is left alone, paths are checked first."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pandas as pd
import pytest
from tests.paper.tiny import tiny_scale

from seedproof.cli.cost import Executed, print_cost
from seedproof.errors import UserError
from seedproof.paper.figure import get_figure
from seedproof.paper.folder import FILE, check_folder, finished_figures, finished_runs, note
from seedproof.paper.paths import Paths
from seedproof.paper.reproduce import Options, reproduce
from seedproof.paper.sizes import MINI, PAPER
from seedproof.recipes import recipe
from seedproof.report.commands import commands_of
from seedproof.spec import ModelReference, Numerics, RunSpec, Seeds, TaskReference
from seedproof.store import Cell, Store
from seedproof.study.study import Study


def test_another_study_is_refused(tmp_path, small_task, tiny_model):
    Study("other", tasks=[small_task], models=[tiny_model], seeds=1).prepare(tmp_path / "study")
    with pytest.raises(UserError, match="no reproduction made; choose another folder"):
        reproduce(["fig6"], tmp_path / "study")
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="not a study and not empty"):
        reproduce(["fig6"], tmp_path / "papers")


def test_another_scale_and_a_damaged_note_are_refused(tmp_path):
    (tmp_path / FILE).write_text(json.dumps({"format": 1, "scale": "paper", "made": ["fig1", "fig99"]}))
    assert check_folder(tmp_path, PAPER) == ["fig1"]
    with pytest.raises(UserError, match="holds a reproduction at --scale paper"):
        check_folder(tmp_path, MINI)
    (tmp_path / FILE).write_text(json.dumps({"scale": "paper", "models": ["mine"], "made": []}))
    with pytest.raises(UserError, match="with the model mine; give that, or another folder for bert-large-uncased"):
        check_folder(tmp_path, PAPER)
    (tmp_path / FILE).write_text("{")
    with pytest.raises(UserError, match="is damaged"):
        check_folder(tmp_path, PAPER)


@pytest.mark.parametrize(
    ("scale", "paths", "message"),
    [
        (MINI, Paths(data_dir=Path()), "--data-dir is for --scale paper"),
        (PAPER, Paths(data_dir=Path("nowhere")), "--data-dir nowhere: there is no such folder"),
        (PAPER, Paths(models={"bert-large-uncase": "x"}), "did you mean 'bert-large-uncased'"),
        (PAPER, Paths(text=Path("nowhere.raw")), "--text nowhere.raw: there is no such file"),
    ],
)
def test_places_are_checked_before_anything_runs(tmp_path, scale, paths, message):
    with pytest.raises(UserError, match=message):
        reproduce(["fig1"], tmp_path / "out", scale=scale, paths=paths)
    assert not (tmp_path / "out").exists()


def test_models_are_where_they_are_said_to_be(tmp_path):
    (tmp_path / "roberta-large").mkdir()
    paths = Paths(models_dir=tmp_path, models={"bert-large-uncased": "elsewhere"})
    assert paths.model(PAPER, "bert") == "elsewhere"
    assert paths.model(PAPER, "roberta") == str(tmp_path / "roberta-large")
    with pytest.raises(UserError, match="give --model albert-large-v2=FOLDER"):
        paths.model(PAPER, "albert")
    assert Paths().model(PAPER, "albert") == "albert-large-v2"
    hub = {"bert-large-uncased": "org/bert", "roberta-large": str(tmp_path / "roberta-large" / "..")}
    expected = ["--model", "bert-large-uncased=org/bert", "--model", f"roberta-large={tmp_path}"]
    assert Paths(models=hub).options() == expected
    assert Paths(models_dir=tmp_path).model(MINI, "bert") == "miniature/bert"


@pytest.mark.slow
def test_a_figure_without_runs_is_made_with_its_tables(tmp_path):
    made = reproduce(["fig6"], tmp_path / "out")
    folder = tmp_path / "out" / "figures" / "fig6"
    assert (folder / "fig6.svg").stat().st_size > 1000
    assert {path.name for path in folder.glob("*.csv")} == {"fig6.svg.csv", "divisors.csv", "scaling.csv"}
    assert made.ledger.empty
    assert made.report.exists()


def attempts(folder: Path) -> dict[str, int]:
    """How often each run was begun."""
    return {
        path.parent.name: sum(json.loads(line)["event"] == "start" for line in path.read_text().splitlines())
        for path in folder.glob("runs/*/attempts.jsonl")
    }


@pytest.mark.slow
def test_finished_runs_are_found_wherever_the_model_is(tmp_path):
    """Their cells have the folder's name, the scale the hub's; else days of runs that are done would be charged again."""
    store, scale = Store.create(tmp_path / "out", "reproduce", Numerics(engine="fleet")), PAPER.only("rte")
    note(store.path, scale, ["fig1"], Paths())
    spec = RunSpec(
        task=TaskReference(name="glue/rte", fingerprint="a" * 64, train_examples=2490, dev_examples=277),
        model=ModelReference(name="models/bl", fingerprint="b" * 64, family="bert"),
        recipe=recipe("devlin").to_json(),
        seeds=Seeds.from_number(0),
        numerics=store.numerics,
    )
    (store.add(spec).path / "result.json").write_text("{}")
    store.add_cells([Cell.of(spec)])
    name = scale.model("bert").name
    given = Paths(models={name: "models/bl"})
    assert finished_runs(store.path, scale, given)["glue/rte", name, "devlin", "0"]
    assert ("glue/rte", name, "devlin", "0") not in finished_runs(store.path, scale, Paths())


def test_what_was_interrupted_is_gone_on_with(tmp_path, monkeypatch):
    """The folder's command named the figures that were made: of a first one that was interrupted, none."""

    def interrupt(*_given):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("seedproof.paper.reproduce.prepare", interrupt)
        with pytest.raises(KeyboardInterrupt):
            reproduce(["fig5"], tmp_path / "out", scale=tiny_scale())
    [command] = commands_of(Store.open(tmp_path / "out"))
    assert command.startswith("seedproof reproduce fig5 --scale tiny --out ")
    note(tmp_path / "out", tiny_scale(), ["fig1"], Paths())
    assert commands_of(Store.open(tmp_path / "out"))[0].startswith("seedproof reproduce fig1 fig5 --scale ")


def test_what_is_measured_already_costs_nothing_more(tmp_path, capsys):
    """Of a figure that is whole, at the tasks that it was made of."""
    figure, both = tmp_path / "figures" / "fig2" / "figure.json", MINI.only("rte", "mrpc")
    figure.parent.mkdir(parents=True)
    figure.write_text('{"finished": ["rte"]}')
    for scale, state in ((MINI.only("rte"), "finished"), (both, "about")):
        print_cost([get_figure("fig2")], scale, Paths(), tmp_path, Executed(Numerics(), 2))
        assert f"depths each, {state}" in capsys.readouterr().out
    figure.write_text('{"finished": []}')
    assert finished_figures(tmp_path, both) == []


def test_figure_3_of_tasks_without_smaller_training_sets_is_empty_and_says_so(tmp_path):
    """``reproduce all --task rte``: there is nothing to run for it, and nothing to draw."""
    made = reproduce(["fig3"], tmp_path / "out", scale=tiny_scale().only("rte"), options=Options(progress=False))
    [figure] = made.figures
    assert figure.is_whole
    assert figure.images == []
    assert "of rte there are no smaller training sets; the paper draws " in figure.content.notes[0]


def test_a_bug_in_one_figure_loses_none_of_the_others(tmp_path, monkeypatch):
    """Days of runs may be behind them."""

    def fail(_found):
        raise ZeroDivisionError("nothing to divide")

    broken = dataclasses.replace(get_figure("fig3"), content=fail, blocks=lambda _scale: [])
    monkeypatch.setattr("seedproof.paper.fig3.FIGURE", broken)
    scale = tiny_scale().only("rte")
    made = reproduce(["fig3", "fig6"], tmp_path / "out", scale=scale, options=Options(progress=False))
    assert [(one.figure.name, one.is_whole) for one in made.figures] == [("fig3", False), ("fig6", True)]
    [note] = made.figures[0].content.notes
    assert note.startswith("not made: ZeroDivisionError: nothing to divide (a bug")
    assert "ZeroDivisionError" in (tmp_path / "out" / "figures" / "fig3" / "error.txt").read_text()
    assert "nothing to divide" in made.report.read_text()
    assert (tmp_path / "out" / "ledger.csv").exists()


def test_figures_share_runs_and_none_is_ever_trained_twice(tmp_path):
    """Figure 14 asks for no weights; the runs that Figure 2 measures have theirs all the same."""
    options, scale = Options(jobs=1, progress=False), tiny_scale()
    first = reproduce(["fig14"], tmp_path / "out", scale=scale, options=options)
    assert first.unfinished == first.crashed == 0
    begun = attempts(tmp_path / "out")
    assert list(begun.values()) == [1, 1]

    second = reproduce(["fig2"], tmp_path / "out", scale=scale, options=options)
    after = attempts(tmp_path / "out")
    assert begun.items() <= after.items()
    assert set(after.values()) == {1}
    assert len(after) == 2 + 2 + 2  # the planes' runs on the other two tasks, and those with bias correction
    assert pd.read_csv(tmp_path / "out" / "time.csv")[["runs", "steps"]].to_numpy().tolist() == [[6, 18]] * 2
    assert [one.figure.name for one in second.figures] == ["fig2", "fig14"]
    assert all(one.is_whole for one in second.figures)
    measured = second.figures[0].content.tables["all_measured"]  # a run that neither failed nor was fitted is not
    each = MINI.model("shallow").layers + 2  # k = 0 to L, and L once more with other embeddings
    assert set(measured.groupby("run").size()) == {each}

    before = {path: path.read_bytes() for path in (tmp_path / "out" / "figures").rglob("*") if path.is_file()}
    reproduce(["fig14"], tmp_path / "out", scale=scale, options=options)
    assert attempts(tmp_path / "out") == after
    assert before == {path: path.read_bytes() for path in before}
