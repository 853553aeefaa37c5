"""How a command ends where the machine or the shell is at fault: the right words, the right exit status."""

from __future__ import annotations

import errno
import subprocess
import sys

import pytest

from seedproof import cli
from seedproof.errors import UserError, is_out_of_memory


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        OSError(errno.ENOMEM, "Cannot allocate"),
        RuntimeError("can't start new thread"),
    ],
)
def test_memory_that_ends_is_no_bug_and_no_damaged_file(error, monkeypatch, capsys):
    def fail():
        raise error

    monkeypatch.setattr("seedproof.cli.app.app", fail)
    monkeypatch.setattr(sys, "argv", ["seedproof"])
    with pytest.raises(SystemExit) as ended:
        cli._run()
    assert ended.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("error: memory ended (")
    assert "bug" not in said
    assert "()" not in said


def test_a_users_error_about_a_file_is_not_taken_for_a_lack_of_memory():
    assert not is_out_of_memory(UserError("the file out of memory.csv has no column 'x'"))


def test_an_argument_that_is_not_utf8_is_named():
    command = [sys.executable, "-m", "seedproof", "study", "status", b"caf\xe9"]
    ended = subprocess.run(command, capture_output=True, check=False)
    assert ended.returncode == 2
    assert b"the argument 'caf\\xe9' is not UTF-8 text" in ended.stderr
