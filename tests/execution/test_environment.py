"""What changes bits beside the spec is kept with the study, recorded, and compared."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from seedproof import events
from seedproof.errors import UserError
from seedproof.execution.environment import VARIABLES, Process, difference, of_workers, pinned, present
from seedproof.execution.outcome import Stopwatch
from seedproof.execution.plain import configure_process
from seedproof.execution.recording import Recording
from seedproof.spec import Numerics
from seedproof.store import Store
from seedproof.study.study import Study


def test_workers_get_the_variables_that_were_set_when_the_study_first_ran(tmp_path, monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    assert pinned(tmp_path) == {"ATEN_CPU_CAPABILITY": "avx2"}
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    monkeypatch.setenv("MKL_CBWR", "AVX2")
    variables, remark = of_workers(pinned(tmp_path))
    assert variables["ATEN_CPU_CAPABILITY"] == "avx2"
    assert "MKL_CBWR" not in variables
    assert "ATEN_CPU_CAPABILITY default, now avx2; MKL_CBWR AVX2, now not set" in remark
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    monkeypatch.delenv("MKL_CBWR")
    assert of_workers(pinned(tmp_path))[1] == ""


@pytest.mark.parametrize("variables", [{"LD_PRELOAD": "x.so"}, {"MKL_CBWR": 1}, ["MKL_CBWR"]])
def test_a_strangers_store_sets_no_other_variable(tmp_path, variables):
    (tmp_path / "environment.json").write_text(json.dumps({"variables": variables}))
    with pytest.raises(UserError, match=r"environment\.json is damaged"):
        pinned(tmp_path)


def test_only_what_both_know_of_is_compared():
    assert (
        difference({"version_torch": "2.11"}, {"version_torch": "2.13", "cpu_capability": "AVX2"})
        == "torch 2.11, now 2.13"
    )
    assert difference({}, present()) == "", "older versions recorded none"


def test_what_runs_on_a_gpu_set_themselves_is_no_difference(monkeypatch):
    """A process is looked at before its first run sets it, and has it before the others."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")  # so that what is set below is undone at the end
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    before, was = present(), torch.are_deterministic_algorithms_enabled()
    try:
        configure_process(Numerics(device="cuda"))
        assert difference(before, present()) == ""
        monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
        assert difference(before, present()) == "CUBLAS_WORKSPACE_CONFIG not set, now :16:8"
    finally:
        torch.use_deterministic_algorithms(was)


def test_a_clock_that_is_set_back_makes_no_negative_time(monkeypatch):
    watch = Stopwatch()
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert watch.seconds >= 0


@pytest.mark.slow
def test_a_run_that_goes_on_under_another_environment_says_so(tmp_path, tiny_model, small_task, monkeypatch, capfd):
    """Begun with one CPU capability, continued with another: said, and kept with attempts and result."""
    study = Study(
        "x",
        tasks=[small_task],
        models=[str(tiny_model)],
        recipes=["devlin(epochs=2)"],
        seeds=1,
        recording=Recording(checkpoint_seconds=0.0),
    )
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "avx2")
    store, runs = study.prepare(tmp_path / "study")
    from seedproof.execution import plain
    from seedproof.execution.run_session import RunSession
    from seedproof.launch.base import Work
    from seedproof.launch.local.launcher import LocalLauncher

    folder = store.run(runs[0].spec.id)
    steps = iter([False, False, True])
    elsewhere = dataclasses.replace(Process.here(), environment=present() | {"cpu_capability": "AVX2"})
    with RunSession(
        store, folder.id, lambda event: None, should_stop=lambda: next(steps), process=elsewhere
    ) as session:
        plain.execute(session)
    monkeypatch.undo()
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    (store.path / "environment.json").unlink(missing_ok=True)
    heard = []
    LocalLauncher().run(Work(store=store, specs=(folder.spec,), jobs=1), heard.append)
    notes = [event.message for event in heard if isinstance(event, events.Note)]
    assert len(notes) == 1
    assert "goes on from its checkpoint under another environment" in notes[0]
    assert "CPU capability AVX2, now DEFAULT" in notes[0]
    execution = Store.open(store.path).run(folder.id).result()["execution"]
    assert (execution["cpu_capability"], execution["variables"]) == ("DEFAULT", {"ATEN_CPU_CAPABILITY": "default"})
    assert "CPU capability AVX2, now DEFAULT" in execution["earlier_attempts_differ"]
    assert folder.attempts()[-1]["environment"]["cpu_capability"] == "DEFAULT"
