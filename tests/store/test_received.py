"""A store that came from somebody else, or was changed by hand: nothing outside of it is touched, nothing edited is believed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from seedproof.errors import Damaged, UserError
from seedproof.spec import Numerics, RunSpec
from seedproof.store import Cell, Journal, RunFolder, Store
from seedproof.store.measurements import open_measurement

MakeSpec = Callable[[int], RunSpec]


@pytest.fixture
def store(tmp_path: Path, make_spec: MakeSpec) -> Store:
    store = Store.create(tmp_path / "study", "first", Numerics())
    folder = store.add(make_spec(0))
    store.add_cells([Cell.of(make_spec(0))])
    for step in (1, 2):
        folder.journal.append({"step": step, "kind": "loss", "loss": 0.5})
    folder.save_checkpoint(2, {"x": np.ones(5, np.float32)}, {"a": 1})
    return store


def run_of(store: Store) -> RunFolder:
    return store.run(store.run_ids()[0])


PLACES = [
    "seedproof.json",
    "study.toml",
    "runs.jsonl",
    "models.jsonl",
    "extensions.jsonl",
    "recording.json",
    "lock",
    "logs",
    "tasks",
    "measurements",
    "runs/ID/attempts.jsonl",
    "runs/ID/journal.jsonl",
    "runs/ID/result.json",
    "runs/ID/lock",
    "runs/ID/.weights.partial",
    "runs/ID/weights/model.safetensors",
    "runs/ID/again",
    "tasks/x/task.json",
    "measurements/y/parts.jsonl",
    "figures/fig1/figure.json",
    "logs/worker-1.log",
]


@pytest.mark.parametrize("place", PLACES)
def test_a_link_in_a_store_is_refused_with_its_path(store: Store, tmp_path: Path, place: str) -> None:
    """A launcher, a worker or a report would follow it, and write over or show a file elsewhere."""
    outside = tmp_path / "outside"
    outside.write_text("mine")
    link = store.path / place.replace("ID", store.run_ids()[0])
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(outside)
    with pytest.raises(UserError, match=rf"{link} is a symbolic link \(to {outside}\).*remove the link"):
        Store.open(store.path)
    assert outside.read_text() == "mine"


def test_a_run_folder_that_is_a_link_is_refused(store: Store, tmp_path: Path) -> None:
    run_of(store).path.rename(tmp_path / "elsewhere")
    run = store.path / "runs" / (tmp_path / "elsewhere" / "spec.json").parent.name
    run.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match="is a symbolic link"):
        Store.open(store.path)


def test_a_store_may_be_reached_through_a_link(store: Store, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(store.path)
    assert len(Store.open(tmp_path / "link").cells()) == 1


def test_a_pipe_is_refused_before_anybody_waits_for_it(store: Store) -> None:
    journal = run_of(store).journal.path
    journal.unlink()
    os.mkfifo(journal)
    for use in (lambda: Store.open(store.path), lambda: list(Journal(journal).read()), Journal(journal).seal):
        with pytest.raises(UserError, match=r"journal\.jsonl is a named pipe where a file belongs"):
            use()


def test_no_study_is_made_around_a_link(tmp_path: Path) -> None:
    (tmp_path / "study").mkdir()
    (tmp_path / "mine").write_text("mine")
    (tmp_path / "study" / "lock").symlink_to(tmp_path / "mine")
    with pytest.raises(UserError, match="lock is a symbolic link"):
        Store.create(tmp_path / "study", "x", Numerics())
    assert (tmp_path / "mine").read_text() == "mine"


def test_measurements_stay_in_their_folder(tmp_path: Path) -> None:
    measurement = open_measurement(tmp_path / "kept", {"kind": "x"})
    (tmp_path / "mine").write_text("mine")
    (measurement.path / "parts.jsonl").symlink_to(tmp_path / "mine")
    with pytest.raises(UserError, match=r"parts\.jsonl is a symbolic link"):
        open_measurement(tmp_path / "kept", {"kind": "x"})


def test_a_fingerprint_leads_nowhere_else(store: Store) -> None:
    for fingerprint in ("../../x", "/etc", "", "a" * 63):
        with pytest.raises(UserError, match="is not the fingerprint of a task"):
            store.task_folder(fingerprint)


def change(path: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    value = json.loads(path.read_text())
    value.pop("sha256", None)  # as an older version would have written it
    edit(value)
    path.write_text(json.dumps(value))


def test_a_spec_that_was_edited_is_not_the_run(store: Store) -> None:
    """A batch size changed by hand trained under the old id."""
    folder = run_of(store)
    change(folder.path / "spec.json", lambda spec: spec["recipe"].update(epochs=4))
    with pytest.raises(UserError, match=rf"spec\.json is damaged \(it describes the run \w+, not {folder.id}"):
        _ = folder.spec


@pytest.mark.parametrize(
    "edit",
    [
        lambda spec: spec.pop("task"),
        lambda spec: spec.update(recipe=[1]),
        lambda spec: spec["seeds"].update(head={}),
        lambda spec: spec.update(numerics=None),
        lambda spec: spec["model"].update(extra=1),
    ],
)
def test_a_spec_of_wrong_types_is_named(store: Store, edit: Callable[[dict[str, Any]], None]) -> None:
    change(run_of(store).path / "spec.json", edit)
    with pytest.raises(UserError, match=r"spec\.json is damaged"):
        _ = run_of(store).spec


def test_names_in_a_spec_are_covered_too(store: Store) -> None:
    """They are no part of the id, and name the runs of a folder that was copied in."""
    path = run_of(store).path / "spec.json"
    path.write_text(path.read_text().replace("glue/rte", "glue/qnli"))
    with pytest.raises(UserError, match="does not fit its checksum"):
        _ = run_of(store).spec


def test_a_flipped_bit_in_a_checkpoint_is_named(store: Store) -> None:
    path = run_of(store).path / "checkpoint.safetensors"
    data = bytearray(path.read_bytes())
    data[-2] ^= 4  # in the values
    path.write_bytes(data)
    with pytest.raises(Damaged, match=r"checkpoint\.safetensors is damaged \(its content does not fit its checksum\)"):
        run_of(store).load_checkpoint()


def test_a_checkpoint_of_an_earlier_version_has_no_checksum(store: Store) -> None:
    from safetensors.numpy import save

    folder = run_of(store)
    (folder.path / "checkpoint.safetensors").write_bytes(save({"x": np.ones(1)}, {"step": "2", "extra": "{}"}))
    assert (folder.load_checkpoint() or (0,))[0] == 2


def test_a_journal_shorter_than_the_checkpoint_is_named(store: Store) -> None:
    folder = run_of(store)
    lines = folder.journal.path.read_bytes().splitlines(keepends=True)
    folder.journal.path.write_bytes(lines[0])
    folder.journal.path.with_name("journal.jsonl.sha256").unlink()
    with pytest.raises(Damaged, match=r"it ends at step 1, and checkpoint\.safetensors was taken at 2"):
        RunFolder(folder.path).cut_back(2)


def test_a_journal_shorter_than_its_result_says_is_named(store: Store) -> None:
    folder = run_of(store)
    folder.finish({"steps": 3})
    folder.journal.path.with_name("journal.jsonl.sha256").unlink()
    with pytest.raises(UserError, match=r"journal\.jsonl is damaged \(it ends at step 2, and result\.json says 3"):
        list(RunFolder(folder.path).records())


def test_a_result_that_contradicts_itself_is_named(store: Store) -> None:
    folder = run_of(store)
    folder.finish({"steps": 2, "score": 0.5, "majority": 0.6, "outcome": "succeeded"})
    with pytest.raises(UserError, match=r"result\.json is damaged \(its outcome is succeeded, but .* it is failed"):
        folder.result()


@pytest.mark.parametrize("numerics", [{"threads": "1"}, {"threads": 10**9}, {"engine": "x"}, {"other": 1}, [], None])
def test_numerics_that_cannot_be_are_named(store: Store, numerics: Any) -> None:
    change(store.path / "seedproof.json", lambda marker: marker.update(numerics=numerics))
    with pytest.raises(UserError, match=r"seedproof\.json is damaged"):
        Store.open(store.path)


@pytest.mark.parametrize("line", [b"{}", b"[]", b'{"task": 1}', b"[" * 100_000, b'{"step": ' + b"9" * 5000 + b"}"])
def test_lines_that_are_none_are_named(store: Store, line: bytes) -> None:
    run = run_of(store)
    for path, read in (
        (store.path / "runs.jsonl", store.cells),
        (store.path / "models.jsonl", lambda: store.places.model_locations("x")),
        (store.path / "extensions.jsonl", store.places.extensions),
        (run.journal.path, lambda: list(run.records())),
        (run.path / "attempts.jsonl", run.attempts),
    ):
        path.write_bytes(line + b"\n" + line + b"\n")
        path.with_name(path.name + ".sha256").unlink(missing_ok=True)
        with pytest.raises(UserError, match=path.name):
            read()


def test_a_spec_of_a_newer_version_says_so(store: Store, make_spec: MakeSpec) -> None:
    change(run_of(store).path / "spec.json", lambda spec: spec.update(version=99))
    with pytest.raises(UserError, match="newer seedproof"):
        _ = run_of(store).spec
