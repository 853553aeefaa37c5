"""A lock belongs to a living process, and looking at it takes it from nobody."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from seedproof.store.lock import Held, exclusive, is_held

HOLDER = """
import sys, time
from pathlib import Path
from seedproof.store.lock import exclusive
with exclusive(Path(sys.argv[1]), timeout=0, message=""):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_held_lock_is_seen_and_refused(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_held(path)
    assert not path.exists(), "looking must not make files"
    with exclusive(path, timeout=0, message="busy"):
        assert is_held(path)
        with pytest.raises(Held, match="busy"), exclusive(path, timeout=0.05, message="busy"):
            pass
    assert not is_held(path)


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE)
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        assert is_held(path)
        process.kill()
        process.wait()
    assert not is_held(path)
    started = time.monotonic()
    with exclusive(path, timeout=0, message=""):
        assert time.monotonic() - started < 0.5


def test_two_who_look_do_not_see_each_other(tmp_path: Path) -> None:
    """A status command beside another one must not show a run as running."""
    import fcntl

    path = tmp_path / "lock"
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        assert not is_held(path)
