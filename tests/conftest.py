"""Fixtures that several tests share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def glue_dir() -> Path:
    """The folder of real GLUE files in the download layout; tests that need it are skipped where it is missing."""
    folder = Path(os.environ.get("SEEDPROOF_GLUE_DIR", REPOSITORY.parent / "shared" / "data" / "glue_data"))
    if not folder.is_dir():
        pytest.skip(f"no GLUE files at {folder}; set SEEDPROOF_GLUE_DIR to a folder in the GLUE download layout")
    return folder
