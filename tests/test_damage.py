"""Whatever happens to a file of a store, there is a user's error or the same numbers: no third."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seedproof.errors import UserError
from seedproof.execution.environment import pinned
from seedproof.execution.recording import Recording
from seedproof.measure.runs import run_checkpoint
from seedproof.store import Store, read_table
from seedproof.store.documents import read_document, write_document
from seedproof.store.encoding import dumps
from seedproof.store.measurements import measurements
from seedproof.store.seals import seal_file
from seedproof.study.results import open_results
from seedproof.study.study import Study
from seedproof.tasks import Task, load_task

ASSETS = Path(__file__).parent / "assets" / "first"


# Nothing is kept of examples: what they mean depends on the bytes of the store, and every session makes its own.


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """A store with runs, an interrupted one and measurements, as this version writes it: an old one, sealed."""
    folder = tmp_path_factory.mktemp("damage") / "study"
    shutil.copytree(ASSETS / "measured", folder)
    interrupted = next(path.parent for path in (ASSETS / "plain").glob("runs/*/checkpoint.safetensors"))
    shutil.copytree(interrupted, folder / "runs" / interrupted.name)
    for path in [*folder.rglob("seedproof.json"), *folder.glob("*/*/result.json"), *folder.glob("runs/*/spec.json")]:
        write_document(path, read_document(path, fix=""))
    for path in folder.glob("tasks/*"):
        task = Task.read(path)
        (path / "task.json").unlink()
        task.write(path)
    sealed = ("journal.jsonl", "parts.jsonl", "runs.jsonl", "*.csv", "weights/model.safetensors", "weights/config.json")
    for path in [path for pattern in sealed for path in folder.rglob(pattern)]:
        seal_file(path)
    store = Store.open(folder)
    run = store.run(interrupted.name)
    step, tensors, extra = run.load_checkpoint() or (0, {}, None)
    run.save_checkpoint(step, tensors, extra)
    store.places.add_model(run.spec.model.fingerprint, str(ASSETS / "model"))
    return store


def numbers(folder: Path) -> str:
    """Every number that can be had from a store, as text."""
    store = Store.open(folder)
    results = open_results(folder)
    runs = results.runs()
    finished = runs[runs["state"] == "finished"]
    kept = [name for name in finished.columns if not name.startswith("execution_")]
    found: list[Any] = [finished[kept].to_csv(), results.summary().to_csv(index=False), str(store.numerics)]
    for id_ in store.run_ids():
        run = store.run(id_)
        records = list(run.records())
        found += [run.spec.id, dumps(records) if run.is_finished else "", dumps(run.load_checkpoint())]
        if run.weights.is_dir():
            found.append(run_checkpoint(store, id_).weights.joinpath("model.safetensors").read_bytes().hex())
        run.attempts()
    for path in sorted((folder / "tasks").iterdir()):
        found.append(Task.read(store.task_folder(path.name)).fingerprint)
    for measurement in measurements(folder):
        found += [dumps(measurement.description), dumps(measurement.done()), dumps(measurement.result())]
    found += [read_table(path).to_csv() for path in sorted(folder.glob("measurements/*/*.csv"))]
    Recording.read(folder)
    pinned(folder)
    for path in store.definitions():
        with contextlib.suppress(UserError):
            Study.read(path)
    return "\n".join(map(str, found))


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every value inside a JSON value."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from leaves(inner, (*path, key))


OTHERS = [None, True, -1, 10**30, 1e308, "", "x", "../../x", [], {}, {"float": "nan"}, [[[]]], {"dict": {"float": 1}}]


@st.composite
def damaged(draw: st.DrawFn, data: bytes, is_json: bool) -> bytes:
    """``data`` after an accident, or after somebody's edit."""
    kinds = ["bit", "cut", "line lost", "line doubled", "other"] + (["value"] * 3 if is_json else [])
    kind = draw(st.sampled_from(kinds))
    place = draw(st.integers(0, max(0, len(data) - 1)))
    if kind == "bit" and data:
        return data[:place] + bytes([data[place] ^ 1 << draw(st.integers(0, 7))]) + data[place + 1 :]
    if kind == "cut":
        return data[:place]
    if kind == "other":
        return draw(st.sampled_from([b"", b"\n", b"null", b"[]", b"{}", b"\xff\xfe", b"[" * 99_999, b"9" * 9_999]))
    lines = data.splitlines(keepends=True) or [b""]
    index = draw(st.integers(0, len(lines) - 1))
    if kind == "value":
        return _with_another_value(draw, data, lines, index)
    return b"".join(
        lines[:index] + lines[index : index + 1] * (2 if kind == "line doubled" else 0) + lines[index + 1 :]
    )


def _with_another_value(draw: st.DrawFn, data: bytes, lines: list[bytes], index: int) -> bytes:
    try:
        value, before, after = json.loads(data), b"", b""
    except ValueError:
        value, before, after = json.loads(lines[index]), b"".join(lines[:index]), b"".join(lines[index + 1 :])
    path, other = draw(st.sampled_from(list(leaves(value)))), draw(st.sampled_from(OTHERS))
    inner = value
    for key in path[:-1]:
        inner = inner[key]
    if path:
        inner[path[-1]] = other
    return before + json.dumps(value if path else other).encode() + b"\n" + after


def check(store: Store, data: st.DataObject, expected: Expected) -> None:
    path = data.draw(st.sampled_from(expected.files))
    before = path.read_bytes()
    found = None
    try:
        path.write_bytes(data.draw(damaged(before, path.suffix in (".json", ".jsonl"))))
        found = numbers(store.path)
    except UserError:
        return
    finally:
        path.write_bytes(before)
    assert found == expected.numbers, f"other numbers, and no word about {path}"


@dataclass
class Expected:
    """The store as it was."""

    numbers: str
    files: list[Path]


@pytest.fixture(scope="module")
def expected(store: Store) -> Expected:
    whole = numbers(store.path)
    return Expected(whole, sorted(path for path in store.path.rglob("*") if path.is_file() and path.name != "lock"))


@settings(max_examples=25, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_damaged_store_gives_a_users_error_or_the_same_numbers(store: Store, expected: Expected, data) -> None:
    check(store, data, expected)


@pytest.mark.slow
@settings(max_examples=600, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_damaged_store_gives_a_users_error_or_the_same_numbers_many_times(
    store: Store, expected: Expected, data
) -> None:
    check(store, data, expected)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same small table in every format."""
    import pandas as pd

    folder = tmp_path_factory.mktemp("tables")
    table = pd.DataFrame({"text": [f"text {i}" for i in range(12)], "label": ["yes", "no", "no"] * 4})
    table.to_csv(folder / "t.csv", index=False)
    table.to_csv(folder / "t.tsv", index=False, sep="\t")
    table.to_json(folder / "t.jsonl", orient="records", lines=True)
    table.to_json(folder / "t.json", orient="records")
    table.to_parquet(folder / "t.parquet", index=False)
    (folder / "t.toml").write_text(
        'name = "x"\ntasks = ["t.csv"]\nmodels = ["m"]\nseeds = [1, 2]\n[settings]\nepochs = 3\n'
    )
    return folder


@settings(max_examples=150, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_damaged_table_is_read_or_refused(tables: Path, data) -> None:
    path = data.draw(st.sampled_from(sorted(tables.iterdir())))
    before = path.read_bytes()
    try:
        path.write_bytes(data.draw(damaged(before, path.suffix in (".json", ".jsonl"))))
        with contextlib.suppress(UserError):
            _ = Study.read(path) if path.suffix == ".toml" else load_task(str(path), text="text", label="label")
    finally:
        path.write_bytes(before)
