"""A store that lost a folder or a file mends itself: what ``status`` says and what the command does agree."""

from __future__ import annotations

import shutil

import pytest
from tests.cli.test_cli import command

LOST = ["tasks", "models.jsonl", "runs.jsonl", "study.toml", "recording.json", "runs/*/spec.json"]
RUNS = ["runs", "runs/*"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, tiny_model):
    """A study of two runs in a folder whose name needs quoting, and the command that made it."""
    place = tmp_path_factory.mktemp("lost")
    (place / "mine.csv").write_text("t,l\n" + "".join(f"the dog {n},{n % 2}\n" for n in range(20)))
    words = [
        "study",
        "run",
        "--task",
        place / "mine.csv",
        "--text",
        "t",
        "--label",
        "l",
        "--model",
        tiny_model,
        "--seeds",
        2,
        "--set",
        "max_steps=2",
        "--jobs",
        1,
        "--out",
    ]
    assert command(*words, place / "my study").code == 0
    return place / "my study", words


@pytest.mark.slow
@pytest.mark.parametrize("lost", LOST + RUNS)
def test_the_command_brings_back_what_was_lost(whole, tmp_path, lost):
    folder = shutil.copytree(whole[0], tmp_path / "my study")
    for path in sorted(folder.glob(lost))[:1]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    before = command("study", "status", folder)
    assert before.code == 0, before.err
    for words in (["report", folder, "--out", tmp_path / "report.html"], ["study", "summary", folder]):
        assert command(*words).code == 0, command(*words).err
    again = command(*whole[1], folder)
    assert again.code == 0, again.err
    after = command("study", "status", folder).out
    assert "2 finished" in after
    assert "to continue" not in after


@pytest.mark.slow
def test_status_names_what_is_gone_and_a_command_that_mends_it(whole, tmp_path):
    folder = shutil.copytree(whole[0], tmp_path / "my study")
    shutil.rmtree(sorted((folder / "runs").iterdir())[0])
    shown = command("study", "status", folder).out
    assert "1 pending (of 1 the folder is gone; it will be run anew)" in shown
    assert f"seedproof study run '{folder}/study.toml' --out '{folder}'" in shown
