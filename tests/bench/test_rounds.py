"""Contenders take turns, and mistakes are named; one trial from end to end on a model of one layer."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.cli.test_cli import refused

from seedproof.bench import rounds
from seedproof.bench.bench import bench, run_one
from seedproof.bench.contenders import Contender, Problem, Ratio, Shape, Trial
from seedproof.bench.gate import Enough, Gate
from seedproof.bench.inputs import Inputs
from seedproof.bench.machine import hardware, versions
from seedproof.bench.output import Report
from seedproof.bench.plot import draw
from seedproof.bench.surface import ScriptLoss, StackedRow, corners
from seedproof.bench.workloads import WORKLOADS, Setting, trials_of
from seedproof.errors import UserError
from seedproof.measure.classifier_loss import ClassifierLoss, batches_of, flatten
from seedproof.measure.classifier_loss import Problem as PointProblem
from seedproof.measure.plane import Plane, measure_points
from seedproof.testing.launchers import wait_until

TINY = Problem(shape=Shape(layers=1, width=16, heads=2, words=50), data="cola", batch=4)


def contender(name, kind="plain", **given):
    return Contender(name=name, group=name, kind=kind, **given)


def test_blocks_are_interleaved_and_a_failure_stops_only_its_contender(monkeypatch):
    seen = []

    class Fake:
        def __init__(self, contender, *_):
            self.series = rounds.Series(contender)

        def wait_until_ready(self):
            seen.append(f"{self.series.contender.name} ready")

        def block(self):
            name = self.series.contender.name
            if name == "b" and "b" in seen:
                raise rounds.Failed("no memory")
            seen.append(name)

        def end(self):
            pass

    monkeypatch.setattr(rounds, "Entrant", Fake)
    trial = Trial(name="t", problem=TINY, contenders=(contender("a"), contender("b"), contender("c")))
    series = rounds.run_trial(trial, 3, lambda _: None)
    assert seen == ["a ready", "b ready", "c ready", "a", "b", "c", "a", "c", "a", "c"]
    assert [one.error for one in series] == [None, "no memory", None]


def test_a_gate_does_not_count_the_warm_up():
    sent, orders = [], iter([True, True, False])
    gate = Gate(2, 3, "cpu", sent.append, lambda: next(orders))
    gate.facts["members"] = 4
    gate.open()
    with pytest.raises(Enough):
        deque(gate() for _ in range(100))
    assert [report["event"] for report in sent] == ["ready", "block", "block"]
    assert sent[0]["members"] == 4
    assert all(report["steps"] == 3 and report["seconds"] >= 0 for report in sent[1:])


def test_whole_runs_are_counted_by_runs():
    one = rounds.Series(contender("fleet", "fleet", members=12, whole=12))
    one.blocks = [[{"steps": 1, "seconds": 6.0}]]
    assert one.times() == [0.5]
    one.ready = [{"members": 6}]  # memory held no more
    assert one.times() == [1.0]
    plain = rounds.Series(contender("plain", whole=12))
    plain.blocks = one.blocks
    assert plain.times() == [0.5]


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_every_work_can_be_laid_out(device):
    for name in WORKLOADS:
        for trial in trials_of(name, Setting(cores=2, device=device)):
            names = [one.name for one in trial.contenders]
            assert len(set(names)) == len(names)
            assert {group for ratio in trial.ratios for group in (ratio.over, ratio.ours)} <= {
                one.group for one in trial.contenders
            }
            if device == "cpu":
                assert all(one.processes * one.threads in (1, 2) for one in trial.contenders)


@pytest.mark.parametrize("problem", [TINY, Problem(data="miniature")])
def test_the_size_is_that_of_the_model(problem):
    """Counted without drawing weights, which takes a large model seconds in every worker."""
    inputs = Inputs(problem, 0)
    size, model = inputs.size(), inputs.model(0)
    assert size.parameters == sum(value.numel() for value in model.parameters())
    assert (size.layers, size.width) == (model.config.num_hidden_layers, model.config.hidden_size)


def test_a_row_of_points_is_the_points():
    inputs = Inputs(TINY, 0)
    models = corners(inputs, 0)
    points = [(0.0, 0.0), (1.0, 0.0), (-0.5, 0.7)]
    batches = batches_of(inputs.data.train, range(TINY.batch))
    plane = Plane(*map(flatten, models))
    alone = measure_points(plane, ClassifierLoss(PointProblem(models[0].config, plane, batches, False)), points)
    np.testing.assert_allclose(StackedRow(models, inputs, "cpu").losses(points), alone["loss"], rtol=1e-5)
    script = measure_points(plane, ScriptLoss(corners(inputs, 0)[0], inputs), points)
    np.testing.assert_allclose(script["loss"], alone["loss"], rtol=1e-5)


def test_mistakes_are_named(monkeypatch, tmp_path):
    assert "did you mean 'seeds'" in refused("bench", "seedz")
    assert "--quick" in refused("bench")
    assert "needs a GPU" in refused("bench", "large")
    assert "there is no folder" in refused("bench", "seeds", "--out", tmp_path / "none" / "b.json")
    assert ".png" in refused("bench", "seeds", "--plot", tmp_path / "drawing.xyz")
    assert "at least 1" in refused("bench", "seeds", "--repeats", 0)
    assert "no such folder" in refused("bench", "cola", "--data-dir", tmp_path / "none")
    assert "--vocabulary" in refused("bench", "cola", "--data-dir", tmp_path)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="no GPU"):
        bench(["seeds"], device="cuda")


ALONE = """
import sys
from seedproof.bench.contenders import Contender, Problem, Shape, Trial
from seedproof.bench.rounds import run_trial
problem = Problem(shape=Shape(layers=1, width=16, heads=2, words=50), data="cola", batch=4)
whole = Contender(name="plain", group="plain", kind="plain", whole=1000)
run_trial(Trial(name="t", problem=problem, contenders=(whole,)), 1, lambda text: print(text, flush=True))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the worker processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_whole_runs_end_with_the_process_that_asked_for_them(tmp_path, monkeypatch, number):
    """They would train on for minutes; what is killed can tidy up no files."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", ALONE], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = iter(process.stdout.readline, "")
        assert any("repeat 1 of 1" in line for line in lines)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert len(children) == 1
        process.send_signal(number)
    wait_until(lambda: not Path(f"/proc/{children[0]}").exists(), 10)
    assert number == signal.SIGKILL or list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_trial_from_end_to_end(tmp_path):
    """Every kind of contender on a model of one layer, two steps a block; the Trainer where its dependency is."""
    contenders = [
        contender("lower bound", "rates", members=2),
        contender("plain", processes=2),
        contender("wrong", "no kind"),
        contender("fleet", "fleet", members=2),
    ]
    if importlib.util.find_spec("accelerate"):
        contenders.append(contender("Trainer", "trainer", pad_to=24))
    trial = Trial(
        name="tiny",
        problem=TINY,
        contenders=tuple(contenders),
        steps=2,
        warmup=1,
        ratios=(Ratio(over="plain", ours="fleet"), Ratio(over="plain", ours="fleet", of="memory")),
    )
    report = Report("test", versions(), hardware("cpu"), 2)
    run_one(trial, report, lambda _: None)
    found = json.loads(json.dumps(report.to_json()))["trials"][0]
    assert len(found["contenders"]) == len(contenders)
    for one in found["contenders"]:
        if one["name"] == "wrong":
            assert "no kind" in one["error"]
            continue
        assert one["error"] is None, one
        assert [len(block) for block in one["blocks"]] == [one["processes"]] * 2
        assert one["blocks"][0][0]["seconds"] > 0
    assert found["ratios"][0]["value"] > 0
    row = report.outcomes[0].rows[0]
    assert row.median > row.lower_bound > 0
    draw(report, tmp_path / "bench.png")
    assert (tmp_path / "bench.png").stat().st_size > 0
