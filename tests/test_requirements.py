"""What is promised of other packages is what `make oldest` runs the tests on."""

from __future__ import annotations

import re
import tomllib

from packaging.requirements import Requirement
from packaging.version import Version
from tests.conftest import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def floors() -> dict[str, Version]:
    """The oldest promised version of each package."""
    needs = [Requirement(each) for each in PROJECT["dependencies"]]
    return {each.name: Version(part.version) for each in needs for part in each.specifier if part.operator == ">="}


def test_the_oldest_versions_are_those_that_are_promised():
    text = (REPOSITORY / "constraints-oldest.txt").read_text(encoding="utf-8")
    pinned = {name: Version(version) for name, version in re.findall(r"^([\w-]+)==(\S+)$", text, re.MULTILINE)}
    [torch] = re.findall(
        r"^OLDEST_TORCH \?= (\S+)$", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert {name: pinned.get(name) for name in floors() if name != "torch"} | {"torch": Version(torch)} == floors()


def test_the_readme_names_the_promised_versions():
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    floor, ceiling = floors()["torch"], Requirement(PROJECT["dependencies"][0]).specifier
    newest = next(Version(part.version) for part in ceiling if part.operator == "<").minor - 1
    transformers = floors()["transformers"]
    assert (
        f"torch {floor} to {floor.major}.{newest}, Transformers {transformers} or a later {transformers.major}"
        in readme
    )
    lowest, below = re.fullmatch(r">=(3\.\d+),<3\.(\d+)", PROJECT["requires-python"]).groups()
    assert f"Python {lowest} to 3.{int(below) - 1}" in readme
