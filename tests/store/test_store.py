"""The folder of a study: found, refused, extended, moved, merged."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from seedproof.errors import UserError
from seedproof.spec import Numerics, RunSpec, Seeds
from seedproof.store import Cell, State, Store

MakeSpec = Callable[[int], RunSpec]
NUMERICS = Numerics(threads=2)


def fill(store: Store, make_spec: MakeSpec, seeds: range) -> list[str]:
    specs = [make_spec(seed) for seed in seeds]
    for spec in specs:
        store.add(spec)
    store.add_cells(Cell.of(spec) for spec in specs)
    return [spec.id for spec in specs]


def test_a_study_opens_as_it_was_made(store: Store) -> None:
    opened = Store.open(store.path)
    assert (opened.name, opened.numerics) == ("first", NUMERICS)


def test_an_existing_study_keeps_its_name_and_numerics(store: Store) -> None:
    """The number of threads changes bits, so it is fixed when the study is made."""
    opened = Store.open_or_create(store.path, "second", Numerics(threads=1))
    assert (opened.name, opened.numerics) == ("first", NUMERICS)


def test_a_new_study_may_use_a_new_or_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "new" / "deep"):
        assert Store.open_or_create(str(folder), "x", NUMERICS).path == folder


def test_other_places_are_refused_with_a_reason(tmp_path: Path, store: Store) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "stranger").mkdir()
    (tmp_path / "stranger" / "thesis.tex").touch()
    for path, create, reason in [
        (store.path, True, "already a study"),
        (tmp_path / "file", True, "is a file"),
        (tmp_path / "stranger", True, "thesis.tex"),
        (tmp_path / "file" / "below", True, "cannot make a study"),
        (tmp_path / "missing", False, "there is no folder"),
        (tmp_path / "file", False, "is a file"),
        (tmp_path / "stranger", False, "is not a study"),
    ]:
        with pytest.raises(UserError, match=reason):
            _ = Store.create(path, "x", NUMERICS) if create else Store.open(path)
    assert not (tmp_path / "missing").exists(), "looking must not make folders"


def test_a_folder_that_cannot_be_written_is_the_users_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError, match=r"cannot make a study in .*Permission denied"):
        Store.create(tmp_path / "x", "x", NUMERICS)


def test_a_newer_store_is_not_touched(store: Store, make_spec: MakeSpec) -> None:
    marker = store.path / "seedproof.json"
    newer = json.dumps({"format": 2, "name": "x", "future": True})
    marker.write_text(newer)
    with pytest.raises(UserError, match=r"newer seedproof \(format 2, this version reads up to 1\)"):
        Store.open(store.path)
    with pytest.raises(UserError, match="newer seedproof"):
        Store.open_or_create(store.path, "x", NUMERICS)
    assert marker.read_text() == newer


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"format": "1"}', '{"format": 1}', '{"format":1,"name":"x","numerics":{"a":1}}']
)
def test_a_damaged_marker_is_named(store: Store, content: str) -> None:
    (store.path / "seedproof.json").write_text(content)
    with pytest.raises(UserError, match=r"seedproof\.json"):
        Store.open(store.path)


def test_a_store_of_the_first_format_opens(tmp_path: Path) -> None:
    """Written by hand as format 1 is documented: later versions must go on reading it."""
    numerics = {"engine": "plain", "precision": "fp32", "device": "cpu", "threads": 1}
    (tmp_path / "seedproof.json").write_text(json.dumps({"format": 1, "name": "old", "numerics": numerics}))
    cell = {"task": "glue/rte", "model": "m", "recipe": "devlin", "seed": "0", "id": "0123456789abcdef"}
    (tmp_path / "runs.jsonl").write_text(json.dumps(cell) + "\n")
    run = tmp_path / "runs" / "0123456789abcdef"
    run.mkdir(parents=True)
    (run / "result.json").write_text('{"outcome": "failed", "score": {"float": "nan"}}')
    store = Store.open(tmp_path)
    assert store.states() == {"0123456789abcdef": State.FINISHED}
    assert store.cells() == [Cell(**cell)]
    assert [result["outcome"] for _, result in store.results()] == ["failed"]


def test_a_cell_whose_id_is_none_is_named_with_its_line(store: Store) -> None:
    cells = [
        {"task": "t", "model": "m", "recipe": "r", "seed": "0", "id": id_} for id_ in ("0123456789abcdef", "zebra")
    ]
    (store.path / "runs.jsonl").write_text("".join(json.dumps(cell) + "\n" for cell in cells))
    with pytest.raises(UserError, match=r"runs\.jsonl, line 2, is damaged \('zebra' is not the id of a run.*restore"):
        store.cells()


def test_cells_are_added_once_and_stay(store: Store, make_spec: MakeSpec) -> None:
    cells = [Cell.of(make_spec(seed)) for seed in range(3)]
    assert store.add_cells(cells[:2] + cells[:1]) == cells[:2]
    assert store.add_cells(cells) == cells[2:]
    assert Store.open(store.path).cells() == cells
    assert store.run_ids() == [cell.id for cell in cells]


def test_nothing_is_written_that_reading_refuses(store: Store, make_spec: MakeSpec, tmp_path: Path) -> None:
    """One such line would make the whole study unreadable, one such run folder its tables."""
    spec = dataclasses.replace(make_spec(0), seeds=Seeds(head=-1, order=0, dropout=0))
    good = Cell.of(make_spec(0))
    with pytest.raises(UserError, match=r"the run glue/rte/devlin/-1/0/0 cannot be stored: .*from 0 to 2\^63 - 1"):
        store.add(spec)
    for bad in (Cell.of(spec), dataclasses.replace(good, id="none")):
        with pytest.raises(UserError, match="cannot be stored"):
            store.add_cells([good, bad])
    assert store.cells() == []
    with pytest.raises(UserError, match="its threads are 5000"):
        Store.create(tmp_path / "new", "new", Numerics(threads=5000))
    assert not (tmp_path / "new").exists()


def test_two_cells_may_share_a_run(store: Store, make_spec: MakeSpec) -> None:
    """Two recipes that resolve to the same values are two rows of the table and one execution."""
    cell = Cell.of(make_spec(0))
    other = Cell(task=cell.task, model=cell.model, recipe="same by another name", seed=cell.seed, id=cell.id)
    store.add_cells([cell, other])
    assert len(store.cells()) == 2
    assert store.run_ids() == [cell.id]


def test_two_commands_do_not_add_cells_at_the_same_time(store: Store, make_spec: MakeSpec) -> None:
    """Otherwise both would find a cell missing and both would add it."""
    cells = [Cell.of(make_spec(0))]
    thread = threading.Thread(target=lambda: Store.open(store.path).add_cells(cells))
    with store.locked():
        thread.start()
        thread.join(0.3)
        assert store.cells() == []
    thread.join()
    assert store.cells() == cells


def test_a_moved_store_works(store: Store, make_spec: MakeSpec, tmp_path: Path) -> None:
    ids = fill(store, make_spec, range(2))
    store.run(ids[0]).finish({"outcome": "succeeded", "score": 0.5})
    store.run(ids[1]).add_attempt_event("start")
    before = (store.cells(), store.states(), list(store.results()))
    moved = Store.open(shutil.move(store.path, tmp_path / "elsewhere"))
    assert (moved.cells(), moved.states(), list(moved.results())) == before
    assert moved.run(ids[0]).spec == make_spec(0)


def test_copied_run_folders_belong_to_the_store(store: Store, make_spec: MakeSpec, tmp_path: Path) -> None:
    """Merging two stores is copying folders."""
    fill(store, make_spec, range(2))
    other = Store.create(tmp_path / "other", "second", NUMERICS)
    [new] = fill(other, make_spec, range(7, 8))
    other.run(new).finish({"outcome": "failed"})
    shutil.copytree(other.path / "runs", store.path / "runs", dirs_exist_ok=True)
    assert [cell.seed for cell in store.cells()] == ["0", "1", "7"]
    assert store.states()[new] is State.FINISHED


def test_strange_folders_among_the_runs_are_not_runs(store: Store) -> None:
    for name in (".DS_Store", "0123456789abcdef", "notes"):
        (store.path / "runs" / name).mkdir()
    assert store.run_ids() == []


@pytest.mark.parametrize("id_", ["", "../../x", "0123456789ABCDEF", "0123"])
def test_an_id_is_checked_before_it_becomes_a_path(store: Store, id_: str) -> None:
    with pytest.raises(UserError, match="is not the id of a run"):
        store.run(id_)


def made_folders(store: Store, count: int) -> None:
    """A study in the middle of its life: half the runs finished, the others in every other state."""
    cells = []
    start = '{"event":"start","attempt":1,"host":"h","pid":1,"time":1.0}\n'
    for number in range(count):
        id_ = f"{number:016x}"
        cells.append(Cell(task="t", model="m", recipe="r", seed=str(number), id=id_))
        folder = store.path / "runs" / id_
        folder.mkdir()
        (folder / "spec.json").touch()
        if number % 4:
            (folder / "lock").touch()
            (folder / "attempts.jsonl").write_text(start)
        if number % 4 > 1:
            (folder / "result.json").touch()
    store.add_cells(cells)


@pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])
def test_the_states_of_thousands_of_runs_are_read_quickly(store: Store, count: int) -> None:
    """10,000 runs in less than 3 seconds of processor time."""
    made_folders(store, count)
    started = time.process_time()
    states = store.states()
    assert time.process_time() - started < 3.0 * count / 10_000
    assert [states[f"{number:016x}"] for number in range(4)] == [State.PENDING, State.LOST] + 2 * [State.FINISHED]


def test_the_store_does_not_load_torch_or_pandas() -> None:
    code = "import sys, seedproof.store; sys.exit(bool({'torch', 'transformers', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
