"""Tests for what others write; needs pytest.

from seedproof.testing import LauncherContract

class TestMyLauncher(LauncherContract):
    launcher = "my_package:MyLauncher"      # or the name of an entry point
    options = {"queue": "short"}
"""

import pytest

pytest.register_assert_rewrite("seedproof.testing.launchers")

from seedproof.testing.launchers import LauncherContract  # noqa: E402 - its assertions tell their values

__all__ = ["LauncherContract"]
