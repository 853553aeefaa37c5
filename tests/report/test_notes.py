"""Decisions about the data are said before anything runs, and again in every report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from seedproof.report.notes import task_notes
from seedproof.store import Store
from seedproof.study.study import Study

TEXTS = [f"the dog sees the cat {number} {'and the bird ' * (number % 4)}" for number in range(20)]


@pytest.fixture
def study(tiny_model: Path, tmp_path: Path) -> Study:
    """A study on a table of two classes that look alike, of which twenty of forty rows are copies."""
    rows = [f"{text},{label}\n" for text in TEXTS for label in ("neg", "Neg")]
    (tmp_path / "reviews.csv").write_text("text,label\n" + "".join(rows))
    task = {"file": str(tmp_path / "reviews.csv"), "text": "text", "label": "label"}
    return Study(
        "s", tasks=[task], models=[str(tiny_model)], seeds=1, settings={"max_steps": 1, "max_length": 12}, device="cpu"
    )


def test_decisions_are_said_before_anything_runs(study: Study) -> None:
    """Kind and why, classes with counts, what is alike, how the rows were divided, how many texts are cut."""
    kind, sizes, judged, held_out, alike, *others = study.notes()
    assert kind == "reviews: classification, because labels such as neg are not numbers"
    assert sizes.startswith("reviews: 32 training and 8 development examples of 2 classes: Neg ")
    assert judged == "reviews: judged by accuracy; a prediction that never changes scores 0.500"
    assert held_out.endswith("the rows have 20 different texts, all copies of a text are in one part")
    assert alike.startswith("warning: reviews: the classes 'Neg' (20), 'neg' (20) differ only by case")
    (cut,) = [note for note in others if "are cut at" in note]
    assert cut.startswith("reviews: 20 of 40 texts are cut at 12 tokens")
    assert "--set max_length=17 cuts fewer" in cut


@pytest.mark.slow
def test_the_store_and_its_reports_say_them_too(study: Study, tmp_path: Path) -> None:
    before = study.notes()
    results = study.run(tmp_path / "out", jobs=1, progress=False)
    (folder,) = (tmp_path / "out" / "tasks").iterdir()
    assert json.loads((folder / "task.json").read_text())["decisions"][0] == before[0].removeprefix("reviews: ")
    notes = task_notes(Store.open(tmp_path / "out"), decisions=True)
    assert (
        notes[:4] == [note for note in before if "judged by" not in note][:4]
    )  # every table of results says what judges
    assert notes[-1].startswith("reviews: 20 texts were cut at the 12 tokens")
    assert results.notes() == notes[2:]
    page = results.report(tmp_path / "report.html").read_text(encoding="utf-8")
    assert "labels such as neg are not numbers" in page
    assert "20 texts were cut at the 12 tokens" in page
