"""Runs in this process: what it is asked is heeded, and what belongs to the process is as before."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from seedproof.execution import Interrupted
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
