"""Names that were replaced: they work, and say at the user's own line what to write instead."""

from __future__ import annotations

import subprocess
import sys
import warnings

import pytest

import seedproof
from seedproof.deprecation import DeprecatedName, Renamed, warn_renamed
from seedproof.lazy import lazy


def test_an_old_name_gives_the_new_thing_and_names_it():
    listed, find, names = lazy("seedproof", {"SeedTriple": Renamed("Seeds", since="0.2")})
    with pytest.warns(
        DeprecatedName, match=r"seedproof\.SeedTriple is deprecated since .* 0\.2 .* use seedproof\.Seeds"
    ):
        assert find("SeedTriple") is seedproof.Seeds
    assert names() == listed == seedproof.__all__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        find("Seeds")


def test_the_warning_points_to_the_line_of_the_user():
    with pytest.warns(DeprecatedName) as seen:
        warn_renamed("warmup", "warmup_ratio", since="0.2")
    assert seen[0].filename == __file__


USER = """
import seedproof
from seedproof.deprecation import Renamed
seedproof._RENAMED["SeedTriple"] = Renamed("Seeds", since="0.2")
from seedproof import SeedTriple
print(SeedTriple.__name__)
"""


def test_a_script_is_told_once_where_it_imports_an_old_name(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(USER)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    assert done.stdout == "Seeds\n"
    assert done.stderr.count("DeprecatedName") == 1
    assert f"{script}:5: DeprecatedName: seedproof.SeedTriple is deprecated" in done.stderr


COMMAND = """
import sys
from seedproof.cli import listing, main
from seedproof.deprecation import warn_renamed
listed = listing._recipes
listing._recipes = lambda: warn_renamed("warmup", "warmup_ratio", since="0.2") or listed()
sys.argv = ["seedproof", "ls", "recipes"]
main()
"""


def test_a_command_says_it_as_a_sentence_and_goes_on():
    done = subprocess.run([sys.executable, "-c", COMMAND], capture_output=True, text=True, check=True)
    assert "mosbach" in done.stdout
    assert done.stderr.startswith("warning: warmup is deprecated since seedproof 0.2 ")
    assert len(done.stderr.splitlines()) == 1
