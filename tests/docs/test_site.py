"""The site builds without a warning and loads nothing from elsewhere; docstrings and notebooks become pages."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys

import pytest
from tests.conftest import REPOSITORY

LOADED = re.compile(
    r"<(?:script|img|iframe|source)\b[^>]*\bsrc=\"?(?:https?:)?//|<link\b[^>]*\brel=\"?(?:stylesheet|preconnect|icon)[^>]*\bhref=\"?(?:https?:)?//"
)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The site in a folder."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-W", "ignore", "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_the_site_builds_without_a_warning_and_loads_nothing_from_elsewhere(built):
    pages = list(built.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        assert not LOADED.search(page.read_text(encoding="utf-8")), page
    for style in built.rglob("*.css"):
        assert not re.search(r"(?:@import|url\()\s*[\"']?https?:", style.read_text(encoding="utf-8")), style


@pytest.mark.slow
def test_the_api_and_the_notebook_are_pages(built):
    studies = (built / "api" / "studies.html").read_text(encoding="utf-8")
    assert 'id="seedproof.Study.run"' in studies
    assert ":class:" not in re.sub(r"<[^>]+>", "", studies)
    notebook = (built / "notebooks" / "first-study.html").read_text(encoding="utf-8")
    assert re.search(r'<img alt="[^"]*" src="first-study[^"]*\.png"', notebook)


def test_what_is_loaded_from_elsewhere_is_found():
    assert LOADED.search('<script src="https://unpkg.com/shim"></script>')
    assert LOADED.search('<link rel="stylesheet" href="https://fonts.googleapis.com/css">')
    assert not LOADED.search('<a href="https://arxiv.org"><script src="assets/a.js"></script>')


def test_docstrings_become_markdown():
    spec = importlib.util.spec_from_file_location("docstrings", REPOSITORY / "docs" / "site" / "docstrings.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = "The sum, as :func:`~math.fsum`::\n\n    fsum(x)\n\n>>> 1 + 1\n2\n\nMore."
    assert module.as_markdown(text) == (
        "The sum, as `math.fsum`:\n\n    fsum(x)\n\n```pycon\n>>> 1 + 1\n2\n```\n\n\nMore."
    )
