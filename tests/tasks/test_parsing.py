"""A stored task keeps the rules it was parsed by, and a study that is extended parses its file by them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from seedproof.errors import UserError
from seedproof.store import Store
from seedproof.study.given import as_task, stored_parsing
from seedproof.tasks import Task, load_task
from seedproof.tasks.folder import read_decisions, read_parsing
from seedproof.tasks.parsing import BEFORE, Parsing
from seedproof.tasks.subsample import subsample

FIRST = Path(__file__).parents[1] / "assets" / "first"
RATINGS = "227a1a4807590b79496e3ddbbb31dd13f19334c9cde78a59ecc94191ed6b1347"


def ratings(**options) -> Task:
    return load_task(FIRST / "ratings.csv", text="text", label="label", **options)


def test_a_table_of_a_study_is_parsed_by_the_rules_that_it_was_parsed_by():
    """Ratings written 0.0 and 1.0 were a regression; today they are classes, but not for more runs of that study."""
    given = {"file": str(FIRST / "ratings.csv"), "text": "text", "label": "label"}
    for task in (given, ratings()):
        parsing = stored_parsing([task], Store.open(FIRST / "plain"))
        assert parsing == {"ratings": BEFORE}
        assert as_task(task).kind == "classification"
        assert (as_task(task, parsing).kind, as_task(task, parsing).fingerprint) == ("regression", RATINGS)
    assert stored_parsing([{**given, "name": "other"}, "glue/rte"], Store.open(FIRST / "plain")) == {}


def test_a_stored_task_says_its_rules(tmp_path):
    ratings().write(tmp_path / "now")
    stored = Task.read(tmp_path / "now")
    assert read_parsing(tmp_path / "now") == stored.parsing == Parsing()
    assert stored.data_report == ratings().data_report
    assert read_decisions(tmp_path / "now") == stored.data_report.decisions
    shutil.copytree(FIRST / "plain" / "tasks" / RATINGS, tmp_path / "before")
    assert read_parsing(tmp_path / "before") == BEFORE
    assert json.loads((tmp_path / "now" / "task.json").read_text())["parsing"] == {
        "kind": "values",
        "copies": "together",
        "labels": "checked",
    }


def test_a_rule_that_came_later_means_as_before_where_it_is_absent():
    assert Parsing.from_json({"kind": "values"}) == Parsing(kind="values", copies=BEFORE.copies, labels=BEFORE.labels)
    with pytest.raises(UserError, match="unknown rule of parsing 'quotes'"):
        Parsing.from_json({"quotes": "odd"})
    with pytest.raises(UserError, match="unknown kind 'value' in the rules of parsing; did you mean 'values'"):
        Parsing.from_json({"kind": "value"})


@pytest.mark.parametrize(
    "change", [{"decisions": 5}, {"warnings": [5]}, {"parsing": []}, {"parsing": {"kind": 1}}, {"reason": {}}]
)
def test_a_description_that_was_changed_is_refused(tmp_path, change):
    ratings().write(tmp_path)
    file = tmp_path / "task.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(UserError, match=r"is damaged|unknown kind"):
        read_parsing(tmp_path)


def test_what_differs_from_todays_rules_is_said():
    assert Parsing().differing() == []
    assert len(BEFORE.differing()) == 2


def test_a_sub_sample_is_parsed_by_other_rules_as_its_whole_is():
    part = subsample(ratings(), 20)
    assert part.parse is not None
    assert part.parse(BEFORE).fingerprint == subsample(ratings(parsing=BEFORE), 20).fingerprint
