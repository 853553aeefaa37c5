"""``seedproof study runs``: every run with what other commands take for it."""

from __future__ import annotations

import io
import json
import shutil

import pandas as pd
import pytest
from tests.cli.test_cli import command, refused
from tests.measure.made import make_pretrained, make_store

from seedproof.checksums import KEY
from seedproof.spec import Seeds
from seedproof.study.results import open_results


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    from seedproof.tasks import load_task

    folder = tmp_path_factory.mktemp("runs")
    model = make_pretrained("bert", folder / "bert")
    runs = {
        "failed": (Seeds(head=0, order=0, dropout=0), "majority"),
        "good": (Seeds(head=0, order=1, dropout=1), None),
        "gone": (Seeds(head=2, order=2, dropout=2), "diverged"),
    }
    return folder / "study", make_store(folder / "study", model, load_task("miniature/entailment"), runs, weights=False)


def test_every_run_is_listed_by_id_outcome_and_name(study):
    folder, ids = study
    lines = command("study", "runs", folder).out.splitlines()
    assert lines[1:] == [
        f"  {ids['failed']}  failed (majority)   0.500  devlin/0",
        f"  {ids['good']}  succeeded           0.600  devlin/0/1/1",
        f"  {ids['gone']}  failed (diverged)       –  devlin/2",
    ]
    assert max(map(len, lines[1:])) <= 80  # above them stand the names of task and model


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--outcome", "failed"], ["failed", "gone"]),
        (["--outcome", "majority"], ["failed"]),
        (["--outcome", "succeeded", "--outcome", "diverged"], ["good", "gone"]),
        (["--recipe", "devlin", "--state", "finished"], ["failed", "good", "gone"]),
        (["--state", "crashed"], []),
        (["--task", "miniature/entailment", "--outcome", "succeeded"], ["good"]),
    ],
)
def test_runs_are_chosen_by_what_they_are(study, options, names):
    folder, ids = study
    listed = json.loads(command("study", "runs", folder, *options, "--format", "json").out)
    assert [row["run"] for row in listed] == [ids[name] for name in names]


def test_values_that_name_nothing_are_refused(study):
    assert "did you mean 'devlin'" in refused("study", "runs", study[0], "--recipe", "delvin")
    assert "did you mean 'succeeded'" in refused("study", "runs", study[0], "--outcome", "succeed")
    assert "did you mean 'csv'" in refused("study", "runs", study[0], "--format", "csvv")


def test_the_name_that_is_listed_is_taken_everywhere(study):
    folder, ids = study
    listed = pd.read_csv(io.StringIO(command("study", "runs", folder, "--format", "csv").out))
    results = open_results(folder)
    assert [results.run_id(name) for name in listed["name"]] == listed["run"].tolist()
    assert len(results.records("devlin/2")) == len(results.records(ids["gone"][:5])) == 0
    for run in ("devlin/0", ids["failed"][:6]):
        assert f"run {ids['failed']} in" in refused("measure", "forgetting", folder, "--run", run, "--text", __file__)
    words = ["measure", "surface", folder, "--failed", "devlin/0/1/1", "--successful", ids["good"][:6]]
    assert f"run {ids['good']} in" in refused(*words)


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("verb", ["status", "runs", "summary"])
def test_a_spec_that_was_changed_is_named_whichever_run_it_is(study, tmp_path, number, verb):
    folder = shutil.copytree(study[0], tmp_path / "study")
    path = folder / "runs" / list(study[1].values())[number] / "spec.json"
    spec = json.loads(path.read_text())
    spec.pop(KEY, None)  # an earlier version's has no checksum; the id tells
    spec["recipe"]["batch_size"] += 1
    path.write_text(json.dumps(spec))
    assert f"{path} is damaged (it describes the run " in refused("study", verb, folder)
