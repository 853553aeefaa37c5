"""What a reproduction lacks on this machine is said, and nothing that is here."""

from __future__ import annotations

import dataclasses

import pytest

from seedproof.models.source import WEIGHTS
from seedproof.paper import here
from seedproof.paper.here import missing, speed
from seedproof.paper.paths import Paths
from seedproof.paper.real import CORE_RATE, real_scale
from seedproof.paper.reproduce import chosen_figures
from seedproof.paper.sizes import MINI, PAPER
from seedproof.spec import Numerics

CPU = Numerics(engine="plain", precision="fp32", device="cpu", threads=1)


@pytest.fixture
def empty(monkeypatch, tmp_path):
    """A machine that has loaded nothing from the hub."""
    for name in ("HF_HOME", "HF_HUB_CACHE", "HF_DATASETS_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))
    return tmp_path


def test_everything_of_the_papers_scale_is_missing_on_a_new_machine(empty):
    lines = missing(chosen_figures(["fig2"], PAPER), PAPER, Paths())
    assert [line.partition(":")[0] for line in lines] == [
        "data of glue/rte",
        "data of glue/mrpc",
        "data of glue/cola",
        "model bert-large-uncased",
        "text for forgetting (WikiText-2)",
    ]


def test_what_was_given_or_loaded_before_is_not_missing(empty):
    for folder in ("glue/RTE", "glue/MRPC", "glue/CoLA", "cache/models--bert-large-uncased/snapshots/0"):
        (empty / folder).mkdir(parents=True)
    (empty / "cache/models--bert-large-uncased/snapshots/0/config.json").write_text("{}")
    (empty / "wiki.raw").write_text("a")
    assert (
        missing(chosen_figures(["fig2"], PAPER), PAPER, Paths(data_dir=empty / "glue", text=empty / "wiki.raw")) == []
    )
    lines = missing(chosen_figures(["fig5"], PAPER), PAPER, Paths(data_dir=empty / "glue", models_dir=empty))
    assert [line.partition(":")[0] for line in lines] == [
        "model bert-large-uncased",
        "model roberta-large",
        "model albert-large-v2",
    ]


def test_a_model_of_ones_own_from_the_hub_is_not_missing(empty):
    """Its name here is the last part of that on the hub, and it was looked for as a folder."""
    mine = dataclasses.replace(PAPER.model("bert"), name="mine", folder="org/mine")
    scale = dataclasses.replace(PAPER, models={"bert": mine})
    asked = chosen_figures(["fig1"], scale), scale, Paths()
    assert any(line.startswith("model mine: not here") for line in missing(*asked))
    (empty / "cache/models--org--mine/snapshots/0").mkdir(parents=True)
    (empty / "cache/models--org--mine/snapshots/0/config.json").write_text("{}")
    assert not any(line.startswith("model") for line in missing(*asked))


def test_nothing_of_the_miniatures_is_missing(empty):
    assert missing(chosen_figures(["all"], MINI), MINI, Paths()) == []


def test_a_machine_of_half_the_rate_takes_twice_as_long(monkeypatch):
    """The paper's scale counts with 20 TFLOP/s; training is taken to reach half of a matrix product's rate."""
    monkeypatch.setattr(here, "_matrix_rate", lambda device: 20e12)
    assert speed(PAPER, CPU, Paths()).factor == 2.0
    monkeypatch.setattr(here, "_miniature_step", lambda *_: (0.18, 8))
    assert speed(MINI, CPU, Paths()).factor == pytest.approx(2.0)


def test_steps_of_a_model_of_ones_own_are_timed_on_each_task(monkeypatch, tmp_path):
    (tmp_path / "RTE").mkdir()
    times = {"glue/rte": 0.5, "glue/mrpc": 0.25}
    monkeypatch.setattr(here, "load_task", lambda name, data_dir: name)
    monkeypatch.setattr(here, "_step", lambda task, *_: (times[task], 3))
    monkeypatch.setattr(here, "_matrix_rate", lambda device: CORE_RATE)
    scale = real_scale(str(WEIGHTS / "bert-shallow"))
    one = scale.model("bert").seconds_per_step
    assert speed(scale, CPU, Paths(), ["rte", "mrpc"]).factor == 2.0  # no data here: counted, not timed
    (tmp_path / "MRPC").mkdir()
    found = speed(scale, CPU, Paths(data_dir=tmp_path), ["rte", "mrpc"])
    assert [found.of(task) for task in ("glue/rte", "glue/mrpc", "glue/cola")] == [0.5 / one, 0.25 / one, 0.5 / one]
    assert "0.5 s on glue/rte, 0.25 s on glue/mrpc" in found.source
