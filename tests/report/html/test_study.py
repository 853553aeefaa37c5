"""Any study gives a report: its figures, what they lack and the command that adds it, and what is not finished."""

from __future__ import annotations

import dataclasses
import json
import shlex
import subprocess

import pytest
from tests.report.html import conftest as html_conftest
from tests.report.html.conftest import HOSTILE, make_store

from seedproof.analysis.claims import CellKey
from seedproof.errors import UserError
from seedproof.report.html import study_drawings, study_facts, study_figures, study_page, write_study_report
from seedproof.report.html.chosen import chosen_runs, pair_for_gradients
from seedproof.report.html.study import study_runs
from seedproof.report.html.study_claims import study_roles
from seedproof.report.html.study_facts import _commands, ranges
from seedproof.report.limits import Limits
from seedproof.spec import Numerics
from seedproof.store import Store


@pytest.fixture(scope="module")
def page(store, tmp_path_factory):
    """Its page, drawn once."""
    return study_page(store, tmp_path_factory.mktemp("page"))


def test_what_the_page_holds(page):
    """Six figures drawn; every run has a row, started ones their facts; unfinished ones are said to be so."""
    assert [entry.name for entry in page.figures] == [
        "scores",
        "losses",
        "progress",
        "gradients",
        "generalization",
        "step-sizes",
    ]
    assert all(len(entry.images) == 1 and entry.tables for entry in page.figures)
    assert len(page.runs) == 8
    assert len(page.facts) == 7
    assert "1 crashed" in page.notes[0]
    assert "1 pending" in page.notes[0]
    titles = [section.title for section in page.sections]
    assert titles[:2] == ["Commands", "Study file study.toml"]
    assert "--precision fp32 --device cpu --threads 1" in page.sections[0].code
    unfinished = page.sections[-1].table
    assert list(unfinished["state"]) == ["crashed", "interrupted", "pending"]
    assert HOSTILE in unfinished["message"][0]


def test_failed_runs_stay_in_every_denominator(page):
    """Of three finished runs of devlin two failed, one of them without a score."""
    summary = page.summary.iloc[0]
    assert (summary["runs"], summary["finished"], summary["failed"], summary["diverged"]) == (4, 3, 2, 1)


def test_the_runs_that_are_drawn_follow_from_their_seeds(store):
    """The first of each outcome in a cell that has both; a diverged run only where no other failed."""
    runs = study_runs(store)
    pair = pair_for_gradients(runs)
    assert list(pair["recipe"]) == ["devlin", "devlin"]
    assert list(pair["reason"]) == ["majority", None]
    chosen, note = chosen_runs(runs)
    assert len(chosen) == 5
    assert note == "Every finished run is drawn (5)."


@pytest.mark.slow
def test_a_limit_that_bites_is_said_with_the_option_that_raises_it(store, tmp_path):
    runs = study_runs(store)
    chosen, note = chosen_runs(runs, Limits(curves=1, cells=1))
    assert list(chosen["outcome"]) == ["failed", "succeeded"]
    assert note.startswith("2 runs of 5 drawn. Per cell the first 1 failed and the first 1 successful, by seed; ")
    assert "“seedproof report DIR --limit curves=N” shows N" in note
    assert "The first 1 of 2 cells" in note
    text = write_study_report(store, tmp_path / "report.html", limits=Limits(runs=3, rows=4)).read_text()
    assert "3 of 7 runs can be opened" in text
    assert "4 of 8 rows are listed" in text
    assert text.count("data-run=") == 4
    assert text.count('class="open"') == 3


def test_losses_that_are_means_already_are_said_to_be(store, tmp_path):
    """Forty steps in ten points: the axis said nothing, and of 12,000 steps in a thousand points "means of 10 steps"."""
    study = study_drawings._Study(store, study_runs(store), tmp_path, ".svg", Limits(points=10))
    [drawing] = study_drawings._losses(study).images
    assert "training loss (means of up to 4 steps)" in drawing.read_text()


def test_scores_of_two_classes_are_not_called_by_one(store, tmp_path):
    """F1 of each task's own rare class was called F1 of the first task's."""
    runs = study_runs(store).assign(positive_class=lambda table: table["recipe"])
    [drawing] = study_drawings._scores(study_drawings._Study(store, runs, tmp_path, ".svg", Limits())).images
    assert "score on the development set" in drawing.read_text()


def test_the_steps_of_a_recipe_are_told_apart_by_task(store, tmp_path):
    """Only the first task's length of training was drawn."""
    runs = study_runs(store)
    names = runs["run"].map({run: f"task {number % 2}" for number, run in enumerate(runs["run"].unique())})
    entry = study_drawings._step_sizes(
        study_drawings._Study(store, runs.assign(task=names), tmp_path, ".svg", Limits())
    )
    drawn = set(entry.tables["step sizes"]["recipe"])
    assert {"devlin, task 0", "devlin, task 1"} <= drawn
    assert all(label.endswith((", task 0", ", task 1")) for label in drawn)


def test_what_runs_were_made_with_is_told_run_by_run(store, monkeypatch):
    """A model that bf16 harms is trained in fp32 beside the others; the page said bf16 of all."""
    runs = study_runs(store)
    finished = runs[runs["state"] == "finished"]["run"].unique()
    kept = type(store.run(finished[0]))
    spec_of, first = kept.spec.fget, finished[0]

    def spec(folder):
        whole = spec_of(folder)
        other = dataclasses.replace(whole.numerics, precision="bf16")
        return whole if folder.path.name != first else dataclasses.replace(whole, numerics=other)

    monkeypatch.setattr(kept, "spec", property(spec))
    table = study_facts._versions(store, runs).set_index("precision")
    assert table["runs"].to_dict() == {"bf16": 1, "fp32": len(finished) - 1}


def test_a_missing_recording_is_named_with_the_command_that_adds_it(tmp_path):
    store = make_store(tmp_path / "made store", gradients=False, outcomes={"devlin": ["succeeded", "majority"]})
    (figures := tmp_path / "figures").mkdir()
    entry = next(entry for entry in study_figures(store, study_runs(store), figures) if entry.name == "gradients")
    assert not entry.images
    assert "The recording “gradients” was off" in entry.note
    assert "keeps each new one that is the same in every bit:" in entry.note
    study = store.path / "study.toml"
    assert shlex.split(entry.command) == [
        *["seedproof", "study", "run"],
        str(study),
        "--out",
        str(store.path),
        "--record",
        "gradients",
    ]


def test_a_study_in_which_nothing_is_finished(tmp_path):
    """Pages without numbers are pages too."""
    store = make_store(tmp_path / "store", outcomes={"devlin": ["pending", "interrupted"]})
    text = write_study_report(store, tmp_path / "report.html").read_text()
    assert text.count("none of the 2 runs is finished") == 5
    assert "interrupted" in text


def test_an_empty_study_says_so(tmp_path):
    with pytest.raises(UserError, match="has no runs yet"):
        write_study_report(Store.create(tmp_path / "store", "empty", Numerics()), tmp_path / "report.html")


def roles_at(store, rates):
    """The roles of the study's two recipes, each at these learning rates."""
    cells = {}
    for row in study_runs(store).drop_duplicates("recipe").to_dict("records"):
        spec = store.run(row["run"]).spec
        for rate in rates:
            key = CellKey(row["task"], row["model"], row["recipe"] + (f" at {rate}" if len(rates) > 1 else ""))
            cells[key] = dataclasses.replace(spec, recipe={**spec.recipe, "learning_rate": rate})
    return list(cells), study_roles(cells)


def test_roles_follow_from_the_recipes(store):
    """Devlin's failed runs are looked at; one learning rate is no claim over three, three are."""
    (plain, corrected), roles = roles_at(store, [1e-4])
    assert roles["devlin"] == (plain,)
    assert roles["grid"] == (plain, corrected)
    assert not {"mosbach", "bert uncorrected", "bert corrected"} & set(roles)
    cells, roles = roles_at(store, [1e-4, 2e-4, 3e-4])
    assert (roles["bert uncorrected"], roles["bert corrected"]) == (tuple(cells[:3]), tuple(cells[3:]))


@pytest.mark.slow
def test_a_study_shows_only_claims_that_its_runs_decide(store, tmp_path):
    """Eight runs decide none; 14 failed and 10 successful runs of the default recipe decide those about what parts them."""
    page = study_page(store, tmp_path)
    assert page.ledger is None
    assert "No claim of the paper can be decided on these runs" in page.claims_note
    text = write_study_report(store, tmp_path / "report.html").read_text()
    order = ['id="answer"', "No claim of the paper can be decided", 'id="runs"']
    places = [text.index(word) for word in order]
    assert places == sorted(places)
    assert text.index('id="figures"') < places[1]
    assert str(page.answers[0]).startswith("Not decided whether corrected ")
    outcomes = {"devlin": ["majority"] * 14 + ["succeeded"] * 10, "corrected": ["succeeded"] * 2}
    page = study_page(make_store(tmp_path / "many", fit=True, outcomes=outcomes), tmp_path)
    assert list(page.ledger["claim"]) == ["loss-at-entropy-failed", "gradients-vanish-bert"]
    assert not page.claims_lead


def test_commands_are_quoted_whatever_a_store_holds(tmp_path):
    """A shell reads each shown command as the words that it means, and nothing in them as a second command."""
    store = Store.create(tmp_path / "it's $(touch owned)", "made", Numerics())
    store.add_definition('name = "made"\n')
    lines = _commands(store).code.splitlines()
    (store.path / "reproduce.json").write_text(json.dumps({"names": "fig1 $(touch owned)", "scale": "mini;x"}))
    lines += _commands(store).code.splitlines()
    for line in lines:
        words = subprocess.run(
            ["sh", "-c", f"seedproof() {{ printf '%s\\n' \"$@\"; }}; {line}"],
            capture_output=True,
            text=True,
            check=True,
            cwd=tmp_path,
        ).stdout.splitlines()
        assert str(store.path) in words or str(store.path / "study.toml") in words
        assert not (tmp_path / "owned").exists()


def test_a_reproduction_keeps_its_figures_and_ledger(tmp_path):
    """What it has left in its folder is shown in place of the study's own, in the order of the paper."""
    store = make_store(tmp_path / "store", outcomes={"devlin": ["succeeded"]})
    for name in ("fig10", "fig2", "table1"):
        folder = store.path / "figures" / name
        folder.mkdir(parents=True)
        about = {"name": name, "title": f"title of {name}", "finding": "seen", "notes": ["a", "b"], "images": []}
        (folder / "figure.json").write_text(json.dumps(about))
        (folder / "numbers.csv").write_text("x,y\n1,2\n")
    page = study_page(store, tmp_path)
    assert [entry.name for entry in page.figures] == ["table1", "fig2", "fig10"]
    assert page.figures[0].finding == "In the paper: seen"
    assert page.figures[0].tables["numbers"].to_dict("list") == {"x": [1], "y": [2]}
    assert study_page(store, None).figures == []
    assert page.claims_lead


def test_seeds_are_drawn_together():
    assert ranges(["0", "1", "2", "4", "1/2/3", "9"]) == "0-2, 4, 1/2/3, 9"


@pytest.mark.slow
@pytest.mark.parametrize("names", [["model.mystery.weight"], ["model.layers.0.mystery.weight", "head_of_own.weight"]])
def test_weights_of_unknown_names_cost_one_table_not_the_report(tmp_path, monkeypatch, names):
    monkeypatch.setattr(html_conftest, "NAMES", names)
    store = make_store(tmp_path / "made", outcomes={"devlin": ["succeeded", "majority"]})
    page = study_page(store, tmp_path)
    assert {entry.name for entry in page.figures} >= {"scores", "losses", "generalization"}
    assert page.claims_note.startswith("Whether gradients vanish cannot be told of 2 of 2 runs: run ")
    assert write_study_report(store, tmp_path / "report.html").exists()


@pytest.mark.slow
def test_a_figure_that_cannot_be_made_says_why_in_its_place(store, tmp_path, monkeypatch):
    def broken(study):
        raise UserError("the norms of run 7 are gone")

    monkeypatch.setitem(study_drawings._FIGURES, "gradients", broken)
    entries = {entry.name: entry for entry in study_figures(store, study_runs(store), tmp_path)}
    assert entries["gradients"].note == "Cannot be shown: the norms of run 7 are gone."
    assert all(entry.images for name, entry in entries.items() if name != "gradients")
