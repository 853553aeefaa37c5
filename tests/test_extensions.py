"""Classes of the user's own: found where they are said to be, and every fault named with its place."""

from __future__ import annotations

import sys

import pytest
from tests.conftest import REPOSITORY

from seedproof import extensions
from seedproof.errors import UserError
from seedproof.extensions import Origin, load, origin
from seedproof.methods import Method
from seedproof.recipes import recipe
from seedproof.study.study import Study

METHOD = """
from dataclasses import dataclass
from seedproof.methods import Method, Treatment

@dataclass(frozen=True)
class Mine(Method):
    def start(self, start):
        return Treatment()

class Other:
    pass
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder; nothing that a test imports stays."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(extensions, "_folders", [])
    monkeypatch.setattr(extensions, "_noted", {})
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_file_in_the_working_folder_is_found_and_again_from_where_it_was_noted(folder, tmp_path_factory, monkeypatch):
    (folder / "own_file.py").write_text(METHOD)
    found = origin(load("own_file:Mine", Method, "method"))
    assert (found.name, found.folder, found.version) == ("own_file:Mine", str(folder), 1)
    assert Origin.from_json(found.to_json()) == found
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    del sys.modules["own_file"]
    sys.path.remove(str(folder))
    with pytest.raises(UserError, match=r"no module 'own_file' for the method: no file own_file\.py in"):
        load("own_file:Mine", Method, "method")
    extensions.note(found)
    assert load("own_file:Mine", Method, "method").reference() == "own_file:Mine"


def test_a_package_and_what_lies_next_to_it_are_found(folder):
    (folder / "own_package").mkdir()
    (folder / "own_package" / "__init__.py").write_text("")
    (folder / "own_package" / "deep.py").write_text(f"import own_helper\n{METHOD}")
    (folder / "own_helper.py").write_text("")
    assert origin(load("own_package.deep:Mine", Method, "method")).folder == str(folder)


def test_what_is_installed_needs_no_folder():
    assert origin(load("hypothesis:Phase", object, "thing")).folder is None


@pytest.mark.parametrize(
    ("written", "text", "message"),
    [
        ("own_file:Main", METHOD, "unknown method 'Main' in {file}; did you mean 'Mine'? (one of: Mine)"),
        ("own_file:Other", METHOD, "own_file:Other is no method: the class in {file}, line 10, is not a subclass of"),
        ("own_file:x", "x = 1", "own_file:x is no method: {file} has no class 'x', and no method at all"),
        (
            "own_file:X",
            "\n\n1 / 0",
            "importing 'own_file' failed in {file}, line 3: ZeroDivisionError: division by zero",
        ),
        ("own_file:X", "a = (", "importing 'own_file' failed in {file}, line 1: SyntaxError: '(' was never closed"),
        (
            "own_file:X",
            "import no_such_thing",
            "in {file}, line 1: ModuleNotFoundError: No module named 'no_such_thing'",
        ),
        ("own_file.deep:X", "", "there is no module 'own_file.deep'"),
        ("own_file.py:X", "", "leave out .py: own_file:X"),
        ("own file", "", "the method 'own file' cannot be read; write a name, or module:Class"),
    ],
)
def test_faults_have_their_place(folder, written, text, message):
    (folder / "own_file.py").write_text(text)
    with pytest.raises(UserError) as error:
        load(written, Method, "method")
    assert message.format(file=folder / "own_file.py") in str(error.value)


def test_a_file_with_the_name_of_another_module_is_refused(folder):
    (folder / "json.py").write_text(METHOD)
    with pytest.raises(UserError, match="another module is called 'json'"):
        load("json:Mine", Method, "method")


def test_a_class_of_the_script_itself_is_refused(monkeypatch):
    kind = type("Mine", (Method,), {"__module__": "__main__"})
    with pytest.raises(UserError, match="defined in the script or notebook itself"):
        extensions.name_of(kind)


def test_names_of_python_in_any_alphabet_are_found_again(folder):
    (folder / "übung.py").write_text(METHOD.replace("Mine", "Österreich"))
    kind = load("übung:Österreich", Method, "method")
    assert load(extensions.name_of(kind), Method, "method") is kind
    assert recipe("mosbach + übung:Österreich").name == "mosbach + übung:Österreich"
    assert not extensions.is_written("1st:Mine")


class Outer:
    class Inner(Method):
        pass


def test_a_class_inside_of_another_is_refused():
    """It was taken, and not found by the processes that execute runs."""
    with pytest.raises(
        UserError, match=r"the class Outer\.Inner of .* is defined inside of Outer, .*; move it to the top level"
    ):
        extensions.name_of(Outer.Inner)


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["inline", "local"])
def test_a_run_finds_a_method_wherever_it_is_executed(folder, tiny_model, small_task, tmp_path_factory, launcher):
    """Workers start in the folder of whoever starts them, and know nothing of the study file's."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "own_near.py").write_text((REPOSITORY / "tests" / "methods" / "own.py").read_text())
    extensions.look_in(elsewhere)
    study = Study(
        "s",
        tasks=[small_task],
        models=[str(tiny_model)],
        recipes=["devlin(max_steps=2) + own_near:Noise(scale=0.1)"],
        seeds=1,
    )
    runs = study.run(folder / "study", launcher=launcher, jobs=1, progress=False).runs()
    assert runs["state"].tolist() == ["finished"]
