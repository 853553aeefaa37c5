"""What a notebook and an interpreter show of a value: short, escaped, and the file itself where one was made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import seedproof as sp
from seedproof.display import LARGEST_EMBEDDED, ShownFile


@pytest.fixture
def task():
    texts = [f"<b>{number}</b> " + "long " * 200 for number in range(100)]
    split = sp.Split(texts, None, np.arange(100) % 2)
    return sp.Task(name="<mine>", train=split, dev=split, classes=("no", "yes"), metrics=("accuracy",))


@pytest.mark.parametrize("recipe", ["devlin", "mosbach", "mixout"])
def test_a_recipe_shows_what_is_its_own(recipe):
    assert len(repr(sp.recipe(recipe))) < 100
    assert repr(sp.recipe(recipe, epochs=7)).count("epochs=7") == 2


def test_a_task_and_its_splits_are_short(task):
    assert repr(task) == "Task('<mine>', classification, train 100, dev 100, accuracy)"
    assert repr(task.train) == "Split(100 texts)"
    assert "<b>0</b>" not in task._repr_html_()
    assert "&lt;mine&gt;" in task._repr_html_()
    assert len(task._repr_html_()) < 3000


def test_a_study_is_short_and_names_what_it_combines(task):
    study = sp.Study("s", tasks=[task, {"file": "rows.csv"}], models=["miniature/bert"], recipes=["mosbach(epochs=3)"])
    shown = repr(study)
    assert len(shown) < 200
    assert all(part in shown for part in ("<mine>, rows.csv", "mosbach(epochs=3)", "(25)"))
    assert "&lt;mine&gt;" in study._repr_html_()


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ({"recipes": ["mosbah"]}, "mosbach"),
        ({"recipes": [{"name": "mosbach", "epoch": 3}]}, "epochs"),
        ({"settings": {"epoch": 3}}, "epochs"),
        ({"tasks": ["glue/rt"]}, "glue/rte"),
        ({"engine": "flet"}, "fleet"),
    ],
)
def test_a_misspelt_name_is_refused_where_the_study_is_written(task, wrong, meant):
    with pytest.raises(sp.UserError, match=f"did you mean '{meant}'"):
        sp.Study("s", **{"tasks": [task], "models": ["miniature/bert"], **wrong})


@pytest.mark.parametrize(
    ("name", "kind"), [("plot.png", "image/png"), ("plot.svg", "image/svg+xml"), ("page.html", "text/html")]
)
def test_a_file_is_a_path_that_a_notebook_shows(tmp_path, name, kind):
    file = ShownFile(tmp_path / name)
    file.write_text('<p title="x">')
    assert isinstance(file, Path)
    assert set(file._repr_mimebundle_()) == {"text/plain", kind}
    assert file.with_suffix(".csv").name.endswith(".csv")


def test_a_page_stays_inside_its_frame(tmp_path):
    file = ShownFile(tmp_path / "page.html")
    file.write_text('"></iframe><script>alert(1)</script>')
    shown = file._repr_mimebundle_()["text/html"]
    assert shown.count("</iframe>") == 1
    assert "allow-same-origin" not in shown


def test_a_file_that_cannot_be_shown_is_its_path(tmp_path):
    large = ShownFile(tmp_path / "large.png")
    with large.open("wb") as file:
        file.truncate(LARGEST_EMBEDDED + 1)
    for each in (large, ShownFile(tmp_path / "gone.png"), ShownFile(tmp_path / "plot.pdf")):
        assert each._repr_mimebundle_() == {"text/plain": str(each)}
