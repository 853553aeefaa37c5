"""Races on the command line: what is refused, and that nothing is written then."""

from __future__ import annotations

import pytest
from tests.cli.test_cli import refused

STUDY = ("study", "run", "--task", "miniature/entailment", "--model", "miniature/bert-shallow", "--out")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--race", "ten:5"], "'ten:5' is not valid; give how many runs start and how many finish, e.g. 10:5"),
        (["--race", "5:10"], "starts 5 runs and finishes 10, so it stops none"),
        (["--race", "5:5"], "starts 5 runs and finishes all of them, so it stops none"),
        (["--race", "10:5@1.5"], "at 1.5 of training; give a fraction between 0 and 1"),
        (["--race", "10:5", "--seeds", "25"], "starts 10 seeds, and 25 are given"),
        (["--stop-doomed"], "within a race only; give one, e.g. --race 10:5"),
    ],
)
def test_what_is_no_race_is_refused_before_anything_is_made(options, said, tmp_path):
    assert said in refused(*STUDY, tmp_path / "s", *options)
    assert not (tmp_path / "s").exists()


def test_a_study_file_has_its_race_itself(tmp_path):
    file = tmp_path / "study.toml"
    file.write_text('tasks = ["miniature/entailment"]\nmodels = ["miniature/bert-shallow"]\nrace = "5:5"\n')
    assert "finishes all of them" in refused("study", "run", file, "--out", tmp_path / "s")
    assert "write it into the file" in refused("study", "run", file, "--race", "5:2", "--out", tmp_path / "s")


def test_fit_races_as_many_seeds_as_it_is_given(tmp_path):
    said = refused(
        *("fit", "miniature/entailment", "--model", "miniature/bert-shallow", "--out", tmp_path / "m"),
        *("--race", "10:5", "--seeds", "3"),
    )
    assert "starts 10 seeds, and 3 are given" in said


def test_fit_stops_doomed_runs_within_a_race_only(tmp_path):
    said = refused(
        *("fit", "miniature/entailment", "--model", "miniature/bert-shallow", "--out", tmp_path / "m", "--stop-doomed")
    )
    assert "within a race only; give one, e.g. --race 10:5" in said
