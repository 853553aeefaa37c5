"""What the command line says of a user's data before anything runs, and the options that are about its files."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from seedproof.cli import main

FIRST = Path(__file__).parents[1] / "assets" / "first"
TABLE = ("--text", "text", "--label", "label", "--model", FIRST / "model", "--device", "cpu", "--dry-run")


@pytest.fixture
def dry_run(monkeypatch, capsys):
    """Give ``study run --dry-run`` with further words inside this process, and return what it says."""

    def give(*words: object) -> str:
        monkeypatch.setattr(sys, "argv", ["seedproof", "study", "run", *map(str, (*words, *TABLE))])
        with pytest.raises(SystemExit):
            main()
        said = capsys.readouterr()
        return str(said.out + said.err)

    return give


def test_a_study_that_exists_has_its_tables_parsed_as_they_were_and_says_so(dry_run, tmp_path):
    shutil.copytree(FIRST / "plain", tmp_path / "plain")
    settings = ("--set", "learning_rate=1e-3", "--set", "epochs=3", "--seeds", "3")
    said = dry_run("--task", FIRST / "ratings.csv", *settings, "--out", tmp_path / "plain")
    assert "ratings: parsed as in the runs that the study has: a decimal point in the labels makes a regression" in said
    assert "ratings: regression, because labels such as 0.0 have a decimal point" in said
    assert "6 of the 16 development examples stand in the training set, too" in said
    said = dry_run("--task", FIRST / "ratings.csv", *settings)
    assert "parsed as in the runs" not in said
    assert "ratings: classification, because the labels are whole numbers of 2 values" in said
    assert "stand in the training set" not in said


def test_quotes_are_characters_where_that_is_said(dry_run, tmp_path):
    lines = [f'{"no" if index % 2 else "yes"}\t"the dog {index}' for index in range(20)]
    (tmp_path / "t.tsv").write_text("label\ttext\n" + "\n".join(lines) + "\n")
    assert "t: 16 training and 4 development examples" in dry_run("--task", tmp_path / "t.tsv", "--quoting", "none")
    assert "is a double quote missing?" in dry_run("--task", tmp_path / "t.tsv")
