"""Runs in this process: what it is asked is heeded, and what belongs to the process is as before."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import torch

from seedproof.execution import Interrupted
from seedproof.execution.plain import configure_process
from seedproof.execution.session import Session
from seedproof.launch import StudyInterrupted
from seedproof.launch.base import Work
from seedproof.launch.inline import InlineLauncher
from seedproof.spec import ModelReference, Numerics, RunSpec, Seeds, TaskReference
from seedproof.store import Cell, Store


@pytest.fixture
def work(tmp_path: Path) -> Work:
    """A run of each engine."""
    store = Store.create(tmp_path / "a study", "first", Numerics())
    specs = []
    for number, engine in enumerate(("plain", "fleet")):
        spec = RunSpec(
            task=TaskReference(name="t", fingerprint="a", train_examples=1, dev_examples=1),
            model=ModelReference(name="m", fingerprint="b", family="bert"),
            recipe={"name": "r"},
            seeds=Seeds.from_number(number),
            numerics=Numerics(engine=engine),
        )
        store.add(spec)
        store.add_cells([Cell.of(spec)])
        specs.append(spec)
    return Work(store=store, specs=tuple(specs), weight_bytes={"b": 1})


def interrupted(session: Session) -> None:
    os.kill(os.getpid(), signal.SIGINT)
    assert session.should_stop()
    raise Interrupted


def test_after_ctrl_c_no_fleet_is_begun(work: Work) -> None:
    """Its runs would be loaded, which takes long, only to be let go of."""
    plain, fleet = (spec.id for spec in work.specs)
    with pytest.raises(StudyInterrupted) as stop:
        InlineLauncher(executor=interrupted).run(work, lambda event: None)
    assert (stop.value.summary.interrupted, stop.value.summary.not_started) == ([plain], [fleet])
    assert work.store.run(fleet).attempts() == []


def configuring(session: Session) -> None:
    """Set what runs on a GPU set."""
    configure_process(Numerics(device="cuda"))
    raise Interrupted


def test_the_settings_of_the_process_are_as_before(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who only wants to be warned of what is not deterministic is not stopped by it afterwards."""
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        with pytest.raises(StudyInterrupted):
            InlineLauncher(executor=configuring).run(work, lambda event: None)
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
    assert "CUBLAS_WORKSPACE_CONFIG" not in os.environ
