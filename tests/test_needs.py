"""Tests that would be skipped for want of something fail where that was said to be there, as in continuous integration."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests import needs
from tests.conftest import REPOSITORY

OF_EACH = (
    "tests/report/test_latex.py::test_it_compiles_and_nothing_stands_over_the_edge",
    "tests/report/html/test_browser.py::test_a_drawing_of_a_stranger_leads_nowhere",
    "tests/tasks/test_glue.py::test_real_label_order",
)
"""A test for each need that goes with the PATH; what `trackers` and `trainers` name are packages."""


@pytest.mark.parametrize("need", needs.NEEDS)
def test_a_skip_fails_only_where_its_need_is_required(need, monkeypatch):
    monkeypatch.delenv(needs.VARIABLE, raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"^not here$"):
        needs.lacking(need, "not here")
    monkeypatch.setenv(needs.VARIABLE, f"{need}, ")
    with pytest.raises(pytest.fail.Exception, match=f"not here .*{needs.VARIABLE} names {need}"):
        needs.lacking(need, "not here")


def test_a_misspelt_need_ends_the_session(monkeypatch):
    monkeypatch.setenv(needs.VARIABLE, "browsers")
    with pytest.raises(pytest.UsageError, match="names 'browsers'; it takes browser, data, latex, trackers, trainers"):
        needs.required()


def test_no_test_skips_past_the_requirement():
    """Skips for want of a program, a package or a file go through ``needs``; these are for what a machine is."""
    allowed = {"tests/needs.py", "tests/test_needs.py", "tests/test_old_stores.py"}
    for path in (REPOSITORY / "tests").rglob("*.py"):
        if path.relative_to(REPOSITORY).as_posix() not in allowed:
            assert not re.search(r"pytest\.skip\(|importorskip|shutil\.which.*skip", path.read_text()), path


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("require", [True, False])
def test_real_tests_fail_or_skip_on_a_bare_machine(require, tmp_path):
    environment = {**os.environ, "PATH": str(tmp_path), "SEEDPROOF_GLUE_DIR": str(tmp_path / "none")}
    environment[needs.VARIABLE] = ",".join(needs.NEEDS) if require else ""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *OF_EACH]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True)
    assert done.returncode == int(require), done.stdout
    for reason in ("no pdflatex on the PATH", "no GLUE files at", "no Chromium on this machine"):
        assert reason in done.stdout
    assert done.stdout.splitlines()[-1].startswith("4 skipped") != require


STUB = """#!/bin/sh
echo "$(basename "$0") $* (require: $SEEDPROOF_REQUIRE; extras: $EXTRAS)" >> "$CALLS"
"""


@pytest.mark.parametrize("given", [None, "browser"])
def test_continuous_integration_installs_what_lacks_and_requires_it(given, tmp_path):
    calls = in_bare_machine(tmp_path, given)
    assert sum("install -qq" in call and "chromium" in call for call in calls) == 1
    assert sum("install -qq" in call and "texlive-latex-recommended" in call for call in calls) == (given is None)
    extras = "dev" if given else "dev,trackers,trainers"
    assert calls[-1] == f"make test-all (require: {given or ','.join(needs.NEEDS)}; extras: {extras})"


def in_bare_machine(folder: Path, require: str | None) -> list[str]:
    """Run ``.ci/run`` as root of a machine that has only a shell, apt-get and make; what it called."""
    (folder / ".ci").mkdir()
    shutil.copy(REPOSITORY / ".ci" / "run", folder / ".ci" / "run")
    programs = folder / "bin"
    programs.mkdir()
    for name in ("bash", "sh", "dirname", "basename", "env"):
        (programs / name).symlink_to(Path(shutil.which(name)).resolve())
    for name, content in {"apt-get": STUB, "make": STUB, "id": "#!/bin/sh\necho 0\n"}.items():
        (programs / name).write_text(content)
        (programs / name).chmod(0o755)
    environment = {"PATH": str(programs), "CALLS": str(folder / "calls")}
    environment |= {needs.VARIABLE: require} if require is not None else {}
    command = [str(programs / "bash"), ".ci/run"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    assert ("INCOMPLETE" in done.stderr) == (require is not None)
    return (folder / "calls").read_text().splitlines()
