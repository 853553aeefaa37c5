"""The data flows one way: the contracts of .importlinter hold, in CI too."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import REPOSITORY


def test_import_contracts():
    command = [
        sys.executable,
        "-c",
        "from importlinter.cli import lint_imports_command; lint_imports_command()",
        "--no-cache",
    ]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "2 kept, 0 broken" in done.stdout
