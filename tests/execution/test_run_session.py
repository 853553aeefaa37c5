"""A run's session: what it goes on from."""

from __future__ import annotations

from seedproof import events
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
