"""The launchers of this package keep the contract that every launcher keeps."""

from __future__ import annotations

import pytest

from seedproof.testing import LauncherContract


@pytest.mark.long
@pytest.mark.slow
class TestLocal(LauncherContract):
    launcher = "local"


@pytest.mark.slow
class TestInline(LauncherContract):
    launcher = "inline"
