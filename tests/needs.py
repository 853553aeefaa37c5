"""What some tests need and a machine may lack. A person's tests skip there, with the reason.

Where the variable SEEDPROOF_REQUIRE names it (``browser,data``), as in continuous integration, they fail instead.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NoReturn

import pytest

VARIABLE = "SEEDPROOF_REQUIRE"
NEEDS: Mapping[str, str] = {
    "browser": "Chromium and playwright, for the HTML report",
    "data": "GLUE's files and the vocabularies of published models",
    "latex": "pdflatex, for the tables as LaTeX",
    "trackers": "the packages of the extra trackers: Weights & Biases, MLflow and Trackio beside TensorBoard",
    "trainers": "the packages of the extra trainers, whose Trainers are watched: sentence-transformers and SetFit",
}


def lacking(need: str, reason: str) -> NoReturn:
    """Skip the test for a reason, or fail it where the machine was said to have what it needs.

    Args:
        need: one of :data:`NEEDS`.
        reason: what is missing, and how to get it.
    """
    if need in required():
        pytest.fail(f"{reason} ({VARIABLE} names {need}: tests that need it may not be skipped here)", pytrace=False)
    pytest.skip(reason)


def required() -> list[str]:
    """What may not be lacking here.

    Raises:
        pytest.UsageError: the variable names something else.
    """
    named = [word.strip() for word in os.environ.get(VARIABLE, "").split(",") if word.strip()]
    for word in named:
        if word not in NEEDS:
            raise pytest.UsageError(f"{VARIABLE} names {word!r}; it takes {', '.join(NEEDS)}, with commas between")
    return named
