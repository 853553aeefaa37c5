"""Trackers against the packages themselves: what they hold afterwards, and the traps that each of them sets."""

from __future__ import annotations

import importlib.util
import json
import math
import os
import struct
import subprocess
import sys
import warnings
from collections import Counter
from pathlib import Path

import pytest
from tests import needs
from tests.track.handmade import ENDS, make_store, race

from seedproof.errors import UserError
from seedproof.store.cells import Cell
from seedproof.track.named import TRACKERS, tracker_of
from seedproof.track.reading import ending_of, tracked_runs

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def theirs(monkeypatch):
    """The warnings of packages are theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def require(name: str) -> None:
    if importlib.util.find_spec(name) is None:
        needs.lacking("trackers", f"no {name} here; install it: {TRACKERS[name].installation}")


@pytest.mark.parametrize("name", TRACKERS)
def test_it_holds_every_run_once_and_leaves_nothing_in_the_working_folder(name, tmp_path):
    require(name)
    made = make_store(tmp_path / "study")
    made.add_cells([Cell(**{**made.cells()[0].to_json(), "recipe": """it's "mine", 50 %"""})])
    (tmp_path / "work").mkdir()
    line = [sys.executable, "-m", "seedproof", "study", "track", str(tmp_path / "study"), f"{name}:{tmp_path / name}"]
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("WANDB", "MLFLOW", "TRACKIO"))}
    for there in ("", " (5 were there already)"):
        done = subprocess.run(
            line, cwd=tmp_path / "work", env={**clean, "WANDB_MODE": "online"}, capture_output=True, text=True
        )
        said = f"5 runs: 2 succeeded, 1 failed/majority, 1 failed/diverged, 1 crashed{there}"
        assert done.stdout == f"{name}:{tmp_path / name}: {said}\n", done.stderr
    assert not list((tmp_path / "work").iterdir())


def open_at_once(tracker, store):
    """Write all runs of a store, their steps in turn, as live ones are."""
    runs = [run for run in tracked_runs(store, store.cells()) if run.seed != "1/3/7"]
    writers = [tracker.begin(run) for run in runs]
    for step in (1, 2):
        for writer, loss in zip(writers, (0.5, math.inf, math.nan), strict=True):
            writer.log(step, {"train/loss": loss * step, "dev/f1:a*": 0.1})
            writer.flush()
    for run, writer in zip(runs, writers, strict=True):
        writer.end(ending_of(store.run(run.id), "finished"))


def test_tensorboard_has_a_folder_per_run_with_its_verdict(store, tmp_path):
    require("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    place = tmp_path / "logs"
    for _ in range(2):
        open_at_once(tracker_of(f"tensorboard:{place}"), store)
    folders = sorted(path.parent for path in place.rglob("seedproof.json"))
    names = [str(folder.relative_to(place)) for folder in folders]
    assert names == [f"first/glue-rte/miniature-bert/devlin/seed-1-{seed}-7" for seed in (0, 1, 2)]
    for folder, loss, end in zip(folders, (1.0, math.inf, math.nan), ENDS.values(), strict=False):
        found = EventAccumulator(str(folder)).Reload()
        losses = found.Scalars("train/loss")
        assert [each.step for each in losses] == [1, 2]  # once, though it was written twice
        assert repr(losses[-1].value) == repr(loss)
        assert found.Scalars("failed")[0].value == (end != "succeeded")
        assert end.encode() in found.Tensors("outcome/text_summary")[0].tensor_proto.string_val[0]


def test_tensorboard_tells_names_apart_that_look_alike_as_folders(store, tmp_path):
    require("tensorboard")
    import dataclasses

    tracker = tracker_of(f"tensorboard:{tmp_path / 'logs'}")
    run = next(tracked_runs(store, store.cells()))
    for task in ("glue/rte", "glue\\rte"):
        tracker.begin(dataclasses.replace(run, task=task)).end(ending_of(store.run(run.id), "finished"))
    assert len(list((tmp_path / "logs" / "first").rglob("seedproof.json"))) == 2


def test_wandb_is_offline_and_runs_that_are_open_together_stay_apart(store, tmp_path):
    require("wandb")
    for _ in range(2):
        open_at_once(tracker_of(f"wandb:{tmp_path / 'w'}"), store)
    folders = sorted((tmp_path / "w" / "wandb").glob("offline-run-*"))
    assert len(folders) == 3
    ends = Counter()
    for folder in folders:
        run, summary = _of_wandb(next(folder.glob("*.wandb")))
        ends[json.loads(summary["outcome"])] += 1
        assert (run.project, run.run_group) == ("first", "glue/rte, miniature/bert, devlin")
        assert list(run.tags) == json.loads(summary["outcome"]).split("/")
        if "majority" in run.tags:
            assert summary["train/loss"] in ("Infinity", '"Infinity"')
    assert ends == Counter(list(ENDS.values())[:3])


def write_raced(written, store):
    """Write a run that a race has stopped, and one that waits."""
    tracker, ids = tracker_of(written), race(store)
    for run in tracked_runs(store, [Cell.of(store.run(id_).spec) for id_ in ids]):
        tracker.begin(run).end(ending_of(store.run(run.id), "paused"))
    return tracker


def test_tensorboard_says_why_a_run_was_stopped(store, tmp_path):
    require("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    write_raced(f"tensorboard:{tmp_path / 'logs'}", store)
    [folder] = (tmp_path / "logs").rglob("seed-1-4-7")
    found = EventAccumulator(str(folder)).Reload()
    values = {name: found.Scalars(name)[0].value for name in ("failed", "stopped_at", "stopped_score")}
    assert values == {"failed": 0, "stopped_at": 2, "stopped_score": 0.5}
    assert b"6th of 10" in found.Tensors("stopped_because/text_summary")[0].tensor_proto.string_val[0]


def test_wandb_calls_neither_a_stopped_run_nor_one_that_waits_failed(store, tmp_path):
    require("wandb")
    from wandb.proto import wandb_internal_pb2

    write_raced(f"wandb:{tmp_path / 'w'}", store)
    codes, stopped = [], {}
    for file in (tmp_path / "w").rglob("*.wandb"):
        stopped |= _of_wandb(file)[1]
        for content in _records(file.read_bytes()):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(content)
            codes += [record.exit.exit_code] if record.WhichOneof("record_type") == "exit" else []
    assert codes == [0, 0]
    assert stopped["stopped_because"] == '"it is 6th of 10"'


def test_mlflow_calls_a_stopped_run_killed_and_one_that_waits_scheduled(store, tmp_path):
    require("mlflow")
    client = write_raced(f"mlflow:{tmp_path / 'm'}", store)._client
    runs = client.search_runs([client.get_experiment_by_name("first").experiment_id])
    assert {run.data.tags["outcome"]: run.info.status for run in runs if "outcome" in run.data.tags} == {
        "stopped/race": "KILLED",
        "paused": "SCHEDULED",
    }


def _of_wandb(file: Path):
    """The run and its summary by name, from W&B's file of records."""
    from wandb.proto import wandb_internal_pb2

    run, summary = None, {}
    for content in _records(file.read_bytes()):
        record = wandb_internal_pb2.Record()
        record.ParseFromString(content)
        match record.WhichOneof("record_type"):
            case "run":
                run = record.run
            case "summary":
                summary |= {item.key or "/".join(item.nested_key): item.value_json for item in record.summary.update}
    return run, summary


def _records(data: bytes):
    """The records of a file in LevelDB's log format: blocks of 32 KiB, each piece with checksum, length and whether it ends."""
    position, parts = 7, b""  # behind W&B's own header
    while position + 7 <= len(data):
        if 32768 - position % 32768 < 7:
            position += 32768 - position % 32768
        length, kind = struct.unpack_from("<HB", data, position + 4)
        parts += data[position + 7 : position + 7 + length]
        position += 7 + length
        if kind in (1, 4):  # whole, or its last piece
            yield parts
            parts = b""


def test_mlflow_has_a_parent_per_recipe_and_failed_runs_are_failed(store, tmp_path, monkeypatch):
    require("mlflow")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")  # is not asked
    tracker = tracker_of(f"mlflow:{tmp_path / 'm'}")
    for _ in range(2):
        open_at_once(tracker, store)
    client = tracker._client
    runs = client.search_runs([client.get_experiment_by_name("first").experiment_id])
    [parent] = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = {run.data.tags["outcome"]: run for run in runs if run is not parent}
    assert parent.info.run_name == "glue/rte, miniature/bert, devlin"
    assert set(children) == set(list(ENDS.values())[:3])
    for outcome, run in children.items():
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.info.status == ("FINISHED" if outcome == "succeeded" else "FAILED")
        assert run.data.params["order_seed"] in "012"
        assert run.data.params["_mine:Foo.k"] == "2"
        assert len(client.get_metric_history(run.info.run_id, "train/loss")) == 2
        assert client.get_metric_history(run.info.run_id, "dev/f1:a-2a-")  # MLflow takes no *
    assert math.isnan(children["failed/diverged"].data.metrics["train/loss"])
    assert math.isnan(children["failed/diverged"].data.metrics["score"])
    assert children["failed/majority"].data.metrics["train/loss"] > 1e308  # MLflow's infinity


def test_mlflow_refuses_its_old_store_of_files_in_one_message(tmp_path):
    require("mlflow")
    with pytest.raises(UserError, match="the tracker 'mlflow' cannot write to 'file://"):
        tracker_of(f"mlflow:file://{tmp_path}")


def test_trackio_keeps_runs_apart_and_has_one_folder_a_process(tmp_path):
    """In a process of its own: Trackio reads its folder when it is imported."""
    require("trackio")
    make_store(tmp_path / "study")
    program = f"""
import contextlib, io, json, math
from pathlib import Path
from tests.track.test_packages import open_at_once
from seedproof.errors import UserError
from seedproof.store import Store
from seedproof.track.named import tracker_of
store, tracker = Store.open({str(tmp_path / "study")!r}), tracker_of({f"trackio:{tmp_path / 't'}"!r})
for _ in range(2):
    open_at_once(tracker, store)
import trackio
from trackio.sqlite_storage import SQLiteStorage
for run in trackio.Api().runs("first"):
    logs = SQLiteStorage.get_logs("first", run.name, run_id=run.id)
    print(json.dumps([run.name, run.config["_Group"], run.config["mine:Foo.k"], run.config["head_seed"],
        [str(each["train/loss"]) for each in logs if "train/loss" in each], logs[-1]["outcome"], str(logs[-1]["score"])]))
try:
    tracker_of("trackio:elsewhere")
except UserError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True
    )
    *lines, refusal = done.stdout.splitlines()
    group = "glue/rte, miniature/bert, devlin"
    found = {name: rest for name, *rest in map(json.loads, lines)}
    assert len(lines) == 3  # once each, though written twice
    assert found[f"{group}, seed 1/0/7"] == [group, 2, 1, ["0.5", "1.0"], "succeeded", "0.9"]
    assert found[f"{group}, seed 1/2/7"] == [group, 2, 1, ["nan", "nan"], "failed/diverged", "nan"]
    assert "trackio keeps its runs in" in refusal
