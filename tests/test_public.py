"""The public names: they resolve, lazily, and the command line's help is as light as the import."""

from __future__ import annotations

import subprocess
import sys

import pytest

import seedproof
import seedproof.analysis

HEAVY = "{'torch', 'transformers', 'pandas', 'datasets', 'scipy', 'pyarrow', 'matplotlib'}"


@pytest.mark.newest
@pytest.mark.parametrize(
    "code",
    [
        "import seedproof; dir(seedproof); seedproof.recipe('devlin'); seedproof.Seeds; seedproof.UserError",
        "from seedproof.cli.app import app; from typer.testing import CliRunner\n"
        "for words in ([], ['study'], ['study', 'run'], ['demo'], ['ls'], ['miniature']):\n"
        "    assert 'Usage' in CliRunner().invoke(app, [*words, '--help']).output, words",
        "import sys; from seedproof.cli import main; sys.argv = ['seedproof', 'ls', 'recipes']\nmain_result = main\n"
        "try: main()\nexcept SystemExit as end: assert not end.code",
    ],
    ids=["import", "help", "ls"],
)
def test_nothing_heavy_is_loaded(code):
    check = f"import sys; loaded = {HEAVY} & set(sys.modules); assert not loaded, loaded"
    subprocess.run([sys.executable, "-W", "error", "-c", f"{code}\n{check}"], check=True, stdout=subprocess.DEVNULL)


def test_a_summary_does_without_the_library_of_tests():
    """scipy.stats takes a second to load, as long as a summary of 10,000 runs takes to compute."""
    check = "import sys; from seedproof.analysis import summarize; assert 'scipy.stats' not in sys.modules"
    subprocess.run([sys.executable, "-c", check], check=True)


def test_every_name_of_the_analyses_resolves():
    for name in seedproof.analysis.__all__:
        assert getattr(seedproof.analysis, name).__name__ == name
    assert set(seedproof.analysis.__all__) <= set(dir(seedproof.analysis))
    with pytest.raises(AttributeError, match="no attribute 'summarise'"):
        _ = seedproof.analysis.summarise


def test_every_public_name_resolves():
    for name in seedproof.__all__:
        value = getattr(seedproof, name)
        assert value.__name__ == name
        assert value.__module__.startswith("seedproof.")
    assert set(seedproof.__all__) <= set(dir(seedproof))


def test_an_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'seedproof' has no attribute 'Studdy'"):
        _ = seedproof.Studdy
    assert not hasattr(seedproof, "study_run")
