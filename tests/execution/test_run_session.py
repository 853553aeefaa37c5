"""A run's session: what it goes on from."""

from __future__ import annotations

import pytest

from seedproof import events
from seedproof.errors import UserError
from seedproof.execution import plain
from seedproof.execution.run_session import RunSession
from seedproof.study.study import Study


def test_a_checkpoint_of_another_version_of_a_method_is_not_gone_on_from(tiny_model, small_task, tmp_path):
    name = "tests.methods.own:Later"
    study = Study("s", tasks=[small_task], models=[str(tiny_model)], recipes=[f"devlin(max_steps=2) + {name}"], seeds=1)
    store, [run] = study.prepare(tmp_path / "study")
    heard: list[events.Event] = []
    for _ in range(2):
        with RunSession(store, run.spec.id, heard.append) as session:
            assert session is not None
            assert session.resume() is None
            session.save(1, {}, {"methods": [{"name": name, "version": 1, "values": {}}]})
            session.interrupt()
    [note] = [event.message for event in heard if isinstance(event, events.Note)]
    assert "written by its version 1, and this is its version 2, so the run starts again at its first step" in note


def test_the_plain_engine_executes_no_run_of_a_fleet(tiny_model, small_task, tmp_path):
    """Its result would stand under the id of other bits."""
    study = Study(
        "x", tasks=[small_task], models=[str(tiny_model)], recipes=["devlin(max_steps=1)"], seeds=1, engine="fleet"
    )
    store, [run] = study.prepare(tmp_path / "study")
    with RunSession(store, run.spec.id, lambda event: None) as session:
        with pytest.raises(
            UserError, match=r"is for the fleet engine, and this launcher executes runs of the plain engine"
        ):
            plain.execute(session)
        session.interrupt()
    assert not store.run(run.spec.id).is_finished
