"""A table becomes a model: the whole way, gone again and further, and of several labels."""

from __future__ import annotations

import random
import shutil

import pandas as pd
import pytest
from tests.track.handmade import Remembering

import seedproof as sp
from seedproof.events import Started
from seedproof.methods.class_weights import ClassWeights
from seedproof.tasks import load_task

pytestmark = pytest.mark.slow


def test_the_same_call_trains_nothing_again_and_more_seeds_extend(fitted, table, tiny_model, options, tmp_path):
    shutil.copytree(fitted.path.parent, tmp_path / "out")

    def again(**more):
        events, out = [], tmp_path / "out" / "model"
        found = sp.fit(table, model=tiny_model, out=out, listeners=[events.append], progress=False, **more, **options)
        return found, [event for event in events if isinstance(event, Started)]

    same, started = again(seeds=3, ensemble="weights")
    assert not started
    assert [run.score for run in same.judgement.runs] == [run.score for run in fitted.judgement.runs]
    assert same.judgement.ensemble["averaged"] == "weights"
    more, started = again(seeds=4)
    assert len(started) == 1
    assert len(more.judgement.runs) == 4
    assert not list((tmp_path / "out").glob(".*"))


def test_the_study_of_a_fit_is_shown_in_a_tracker(fitted):
    tracker = Remembering()
    study = fitted.path.with_name(f"{fitted.path.name}.study")
    assert sum(sp.open_results(study).track(tracker).verdicts.values()) == len(tracker.ends) == 3


def test_a_text_may_have_several_labels(tiny_model, tmp_path):
    words = sorted({word for text in load_task("miniature/acceptability").train.texts[:200] for word in text.split()})
    generator = random.Random(1)
    rows = []
    for row in range(120):
        has = [generator.random() < 0.5 for _ in range(2)]
        named = [word for word, is_there in zip((words[3], words[7]), has, strict=True) if is_there]
        text = " ".join([*named, *generator.choices(words[10:], k=3)])
        rows.append({"name": f"r{row}", "text": text, "document": row // 4, "loud": int(has[0]), "blue": int(has[1])})
    pd.DataFrame(rows).to_csv(tmp_path / "rows.csv", index=False)
    columns = {"text": "text", "label": ["loud", "blue"], "group": "document", "id": "name", "metric": "micro_f1"}
    weights = [ClassWeights(weights="balanced")]
    options = {"settings": {"epochs": 15, "learning_rate": 3e-3}, "launcher": "inline", "progress": False}
    fitted = sp.fit(
        tmp_path / "rows.csv", model=tiny_model, out=tmp_path / "model", seeds=2, methods=weights, **columns, **options
    )
    assert "class_weights" in fitted.told.recipe
    assert fitted.numbers["score"] > fitted.told.task.majority["micro_f1"]
    assert "| loud | " in (fitted.path / "README.md").read_text(encoding="utf-8")
    answers = pd.read_csv(sp.predict(fitted.path, tmp_path / "rows.csv", out=tmp_path / "answers.csv"))
    assert list(answers.columns) == ["name", "prediction", "probability_loud", "probability_blue"]
    both = answers[(answers["probability_loud"] > 0.5) & (answers["probability_blue"] > 0.5)]
    assert len(both)
    assert set(both["prediction"]) == {"loud;blue"}
