"""Real runs in real worker processes: killed with real signals, they end in the same bits."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from seedproof.execution.recording import Recording
from seedproof.recipes import recipe
from seedproof.store import Store
from seedproof.study.results import Results, open_results
from seedproof.study.study import Study

RECIPES = [
    recipe("devlin", learning_rate=1e-3, epochs=60),
    recipe("mosbach-v1", learning_rate=1e-3, epochs=60),
    recipe("mixout", learning_rate=1e-3, epochs=60),
]


def make_study(model: Path, task, seeds: int = 1, **recording) -> Study:
    return Study(
        "kill", tasks=[task], models=[str(model)], recipes=RECIPES, seeds=seeds, recording=Recording(**recording)
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, tiny_model, module_task) -> Results:
    """The same study without any interruption."""
    folder = tmp_path_factory.mktemp("undisturbed") / "study"
    return make_study(tiny_model, module_task, weights=True).run(folder, jobs=1, progress=False)


@pytest.fixture(scope="module")
def module_task():
    from seedproof.tasks import Split, Task, load_task

    whole = load_task("miniature/acceptability")
    train = Split(whole.train.texts[:80], None, whole.train.labels[:80])
    dev = Split(whole.dev.texts[:30], None, whole.dev.labels[:30])
    return Task(name="small", train=train, dev=dev, classes=whole.classes, metrics=("accuracy",))


def stored(results: Results) -> dict[str, dict[str, object]]:
    """Everything that a store holds of each run but what may differ between two executions."""
    runs = {}
    for id_, result in Store.open(results.path).results():
        weights = results.path / "runs" / id_ / "weights" / "model.safetensors"
        runs[id_] = {
            "result": {key: value for key, value in result.items() if key != "execution"},
            "journal": (results.path / "runs" / id_ / "journal.jsonl").read_bytes(),
            "weights": weights.read_bytes() if weights.exists() else None,
        }
    return runs


def launch(folder: Path) -> subprocess.Popen[bytes]:
    """Give the command that made the study again, in a process of its own."""
    command = [
        sys.executable,
        "-m",
        "seedproof",
        "study",
        "run",
        str(folder / "study.toml"),
        "--out",
        str(folder),
        "--jobs",
        "1",
    ]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)


def wait_for_work(folder: Path, launcher: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait until some run is under way, then a little longer."""
    until = time.monotonic() + 60
    while launcher.poll() is None and time.monotonic() < until:
        if "running" in {str(state) for state in Store.open(folder).states().values()}:
            time.sleep(seconds)
            return
        time.sleep(0.02)


def workers(folder: Path) -> list[int]:
    """Process ids of the live workers of a store."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if b"seedproof.launch.local.worker" in line and str(folder).encode() in line:
                found.append(int(entry.name))
    return found


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the worker processes in /proc")
@pytest.mark.parametrize("interval", [0.05, 300.0], ids=["from checkpoints", "from the start"])
def test_killed_at_random_points_the_store_ends_in_the_same_bits(
    tmp_path, tiny_model, module_task, undisturbed, interval
):
    folder = tmp_path / "study"
    store, _ = make_study(tiny_model, module_task, weights=True, checkpoint_seconds=interval).prepare(folder)
    chance = random.Random(f"kill {interval}")
    for victim in ("worker", "launcher", "worker"):
        launcher = launch(folder)
        wait_for_work(folder, launcher, chance.uniform(0.0, 1.5))
        for pid in [launcher.pid] if victim == "launcher" else workers(folder):
            with contextlib.suppress(ProcessLookupError):  # it was just done
                os.kill(pid, signal.SIGKILL)
        launcher.communicate(timeout=120)
        until = time.monotonic() + 20
        while workers(folder) and time.monotonic() < until:  # they end when their launcher is dead
            time.sleep(0.05)
        assert not workers(folder)
    output, _ = launch(folder).communicate(timeout=300)
    assert {str(state) for state in store.states().values()} == {"finished"}, output.decode()
    attempts = [len([e for e in store.run(id_).attempts() if e["event"] == "start"]) for id_ in store.run_ids()]
    assert max(attempts) > 1, "no run was hit: the test shows nothing"
    assert stored(open_results(folder)) == stored(undisturbed)


@pytest.mark.slow
def test_interrupted_cleanly_and_continued(tmp_path, tiny_model, module_task, undisturbed):
    folder = tmp_path / "study"
    store, _ = make_study(tiny_model, module_task, weights=True, checkpoint_seconds=0.05).prepare(folder)
    launcher = launch(folder)
    wait_for_work(folder, launcher, 0.3)
    os.kill(launcher.pid, signal.SIGINT)
    output, _ = launcher.communicate(timeout=60)
    assert launcher.returncode == 130
    assert "same command again to continue" in output.decode()
    assert "interrupted" in {str(state) for state in store.states().values()}
    launch(folder).communicate(timeout=300)
    assert stored(open_results(folder)) == stored(undisturbed)


@pytest.mark.slow
def test_a_study_done_again_elsewhere_is_the_same(tmp_path, tiny_model, module_task, undisturbed):
    again = make_study(tiny_model, module_task, weights=True).run(tmp_path / "again", jobs=2, progress=False)
    assert stored(again) == stored(undisturbed)


def test_a_model_that_changed_under_a_study_is_noticed(tmp_path, tiny_model, module_task):
    import shutil

    copy = tmp_path / "model"
    shutil.copytree(tiny_model, copy)
    study = Study(
        "moved", tasks=[module_task], models=[str(copy)], recipes=["devlin"], seeds=1, settings={"max_steps": 1}
    )
    store, _ = study.prepare(tmp_path / "study")
    shutil.rmtree(copy)
    from seedproof.errors import UserError
    from seedproof.execution.inputs import model_source

    with pytest.raises(UserError, match="no longer where this study found them"):
        model_source(store, store.run(store.run_ids()[0]).spec.model)
