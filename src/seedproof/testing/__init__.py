"""Tests for what others write; needs pytest.

from seedproof.testing import LauncherContract

class TestMyLauncher(LauncherContract):
    launcher = "my_package:MyLauncher"      # or the name of an entry point
    options = {"queue": "short"}
"""

from seedproof.testing.launchers import LauncherContract

__all__ = ["LauncherContract"]
