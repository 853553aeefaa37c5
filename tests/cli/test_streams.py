"""Output never ends a command, whatever the terminal can show."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from unittest import mock

import pytest

from seedproof.cli.streams import output, wrapped, write_anything
from seedproof.spec import Numerics
from seedproof.store import Cell, Store


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [
        ("ascii", "0.500x [0.1 - 0.2] cafe ? caf\\xe9.csv"),
        ("latin-1", "0.500× [0.1 - 0.2] café ? caf\\xe9.csv"),
        ("utf-8", "0.500× [0.1 – 0.2] café 猫 caf\\xe9.csv"),
    ],
)
def test_what_an_encoding_lacks_is_written_plainer(encoding, shown):
    """The last word is a file name whose bytes are no text."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with mock.patch.object(sys, "stdout", stream):
        write_anything()
        print("0.500× [0.1 – 0.2] café 猫", os.fsdecode(b"caf\xe9.csv"), end="", flush=True)
    assert stream.buffer.getvalue().decode(encoding) == shown


@pytest.mark.slow
@pytest.mark.parametrize(("encoding", "shown"), [("ascii", b"? - x/0"), ("latin-1", b"? - \xd7/0")])
def test_commands_end_well_in_old_terminals(tmp_path, encoding, shown):
    """One that prints a table and one that is refused, as whole programs."""
    store = Store.create(tmp_path / "猫", "s", Numerics())
    store.add_cells([Cell(task="t", model="m", recipe="猫 – ×", seed="0", id="0" * 16)])
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    for words, status in ((["study", "runs", str(store.path)], 0), (["study", "runs", f"{tmp_path}/ – ×"], 2)):
        done = subprocess.run([sys.executable, "-m", "seedproof", *words], env=environment, capture_output=True)
        assert done.returncode == status, done.stderr
        assert (shown in done.stdout) == (status == 0)
        assert b"a bug in seedproof" not in done.stderr


def test_lines_break_between_words_and_commands_stay_whole():
    text = "the weights of a model are no longer there: seedproof study run 'my study.toml' --out 'my study'"
    assert wrapped(text, 40) == (
        "the weights of a model are no longer\n  there:\n  seedproof study run 'my study.toml' --out 'my study'"
    )
    assert wrapped(text, 200) == text
    assert wrapped("  seedproof study run 'a file.toml' --out 'my study'", 20).startswith("  seedproof study run")
    assert wrapped("  devlin(bias_correction=True): epochs=3", 20) == "  devlin(bias_correction=True):\n    epochs=3"
    assert wrapped("one\n\ntwo", 20) == "one\n\ntwo"


@pytest.mark.parametrize(("asked", "width"), [(None, 120), ("200", 200), ("", 120), ("wide", 120), ("0", 120)])
def test_tables_in_a_pipe_are_as_wide_as_columns_says(asked, width, monkeypatch):
    monkeypatch.delenv("COLUMNS", raising=False)
    if asked is not None:
        monkeypatch.setenv("COLUMNS", asked)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert output().width == width
