"""Stores of earlier versions are opened, summarised, reported, extended and continued: see assets/README.md."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from seedproof.execution import plain
from seedproof.execution.run_session import RunSession
from seedproof.measure.runs import forgetting_of_runs
from seedproof.store import Store
from seedproof.study.given import as_task
from seedproof.study.results import open_results
from seedproof.study.study import Study

ASSETS = Path(__file__).parent / "assets" / "first"
EXPECTED = next((ASSETS / "expected").iterdir())
FOUR = ["devlin", "mosbach", "devlin-bertadam", "mixout"]
SETTINGS = {"learning_rate": 1e-3, "epochs": 3.0}


def copied(name: str, folder: Path) -> Store:
    """A store in a folder of its own, where the model is found by its weights."""
    shutil.copytree(ASSETS / name, folder / name)
    store = Store.open(folder / name)
    (model,) = {store.run(id_).spec.model.fingerprint for id_ in store.run_ids()}
    store.places.add_model(model, str(ASSETS / "model"))
    return store


def content(store: Store) -> dict[str, bytes]:
    """Every file of the runs that are finished."""
    done = [store.run(id_).path for id_ in store.run_ids() if store.run(id_).is_finished]
    return {str(file): file.read_bytes() for path in done for file in sorted(path.rglob("*")) if file.name != "lock"}


def study(store: Store, **changes) -> Study:
    """The study on pairs as it is given today, with the task from the store."""
    tasks = [as_task({"stored": str(folder)}) for folder in (store.path / "tasks").iterdir()]
    given = {
        "tasks": [task for task in tasks if task.name == "pairs"],
        "models": [str(ASSETS / "model")],
        "recipes": FOUR,
        "seeds": 2,
        "settings": SETTINGS,
    }
    return Study(store.name, **{**given, **changes})


@pytest.mark.parametrize("name", ["plain", "fleet", "measured"])
def test_every_run_has_the_id_of_its_spec_and_the_score_that_its_logits_give(name, tmp_path):
    store = copied(name, tmp_path)
    runs = open_results(store.path).runs().set_index("run")
    for id_ in store.run_ids():
        spec = store.run(id_).spec
        assert spec.id == id_
        if store.run(id_).is_finished:
            task = as_task({"stored": str(store.task_folder(spec.task.fingerprint))})
            *_, last = (record for record in store.run(id_).journal.read() if record["kind"] == "evaluation")
            assert task.fingerprint == spec.task.fingerprint
            assert last["scores"][runs.loc[id_, "metric"]] == pytest.approx(runs.loc[id_, "score"], nan_ok=True)


@pytest.mark.parametrize("name", ["plain", "fleet", "measured"])
def test_the_numbers_of_a_summary_stay(name, tmp_path):
    """They are those that the version that wrote the store printed (``seedproof study summary DIR --format json``)."""
    expected = json.loads((ASSETS / "summaries.json").read_text())[name]
    summary = open_results(copied(name, tmp_path).path).summary()
    counts, numbers = ["runs", "finished", "failed", "diverged"], ["mean", "sd", "median", "maximum", "majority"]
    found = {f"{row['task']} {row['recipe']}": row for row in summary.to_dict("records")}
    assert found.keys() == expected.keys()
    for row, values in expected.items():
        assert [found[row][key] for key in counts] == [values[key] for key in counts]
        then = [math.nan if values[key] is None else values[key] for key in numbers]
        assert [found[row][key] for key in numbers] == pytest.approx(then, nan_ok=True)


@pytest.mark.slow
def test_a_report_is_made(tmp_path):
    page = open_results(copied("plain", tmp_path).path).report(tmp_path / "report.html")
    assert "pairs" in Path(page).read_text(encoding="utf-8")


def test_a_measurement_is_taken_up_and_not_made_again(tmp_path):
    store = copied("measured", tmp_path)
    before = {file: file.stat().st_mtime_ns for file in (store.path / "measurements").rglob("parts.jsonl")}
    table = forgetting_of_runs(store, store.run_ids(), ASSETS / "text.txt")
    stored = [pd.read_csv(file) for file in sorted((store.path / "measurements").glob("forgetting-*/*.csv"))]
    assert {file: file.stat().st_mtime_ns for file in (store.path / "measurements").rglob("parts.jsonl")} == before
    assert np.allclose(np.sort(table["perplexity"]), np.sort(pd.concat(stored)["perplexity"]))


@pytest.mark.parametrize("name", ["plain", "fleet"])
def test_the_same_study_given_today_finds_every_run_finished(name, tmp_path):
    store = copied(name, tmp_path)
    engine = store.numerics.engine
    _, runs = study(store, engine=engine).prepare(store.path)
    assert {run.spec.id for run in runs} <= set(store.run_ids())
    assert all(store.run(run.spec.id).is_finished for run in runs)
    assert len(store.run_ids()) == len(Store.open(ASSETS / name).run_ids())


def test_what_somebody_asks_for_is_another_run_and_nobody_elses(tmp_path):
    store = copied("plain", tmp_path)
    asked = study(store, recipes=["devlin"], seeds=3, settings={**SETTINGS, "new_head": True})
    _, runs = asked.prepare(store.path)
    assert [run.spec.id for run in runs] == [run.spec.id for run in asked.plan(asked.numerics()).runs]
    assert not any(run.kept for run in runs)
    assert {run.cell.recipe for run in runs}.isdisjoint({"devlin"})
    _, others = study(store, recipes=["devlin"], seeds=4).prepare(store.path)
    assert {run.cell.recipe for run in others} == {"devlin"}
    assert not any("new_head" in run.spec.recipe for run in others)


def test_the_same_tables_given_today_are_read_as_they_were(tmp_path):
    store = copied("plain", tmp_path)
    tables = [
        {"file": str(ASSETS / "pairs.csv"), "text": "text", "text_pair": "pair", "label": "label"},
        {"file": str(ASSETS / "ratings.csv"), "text": "text", "label": "label"},
    ]
    _, runs = study(store, tasks=tables, recipes=["devlin"]).prepare(store.path)
    assert {run.cell.task for run in runs} == {"pairs", "ratings"}
    assert all(store.run(run.spec.id).is_finished for run in runs)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["plain", "fleet"])
def test_more_seeds_join_the_rows_of_the_old_ones(name, tmp_path):
    store = copied(name, tmp_path)
    before, rows = content(store), len(open_results(store.path).summary())
    results = study(store, seeds=3, engine=store.numerics.engine).run(store.path, jobs=1, progress=False)
    assert content(store).items() >= before.items()
    summary = results.summary()
    assert len(summary) == rows
    assert set(summary.loc[(summary["task"] == "pairs") & summary["recipe"].isin(FOUR), "finished"]) == {3}


def continued(tmp_path: Path, until: int | None) -> Store:
    """Go on with the interrupted run, to its end or to a step."""
    store, told = copied("plain", tmp_path), []
    should_stop = lambda: until is not None and told[-1].step >= until  # noqa: E731 - as short as what it says
    with RunSession(store, EXPECTED.name, told.append, should_stop=should_stop) as session:
        plain.execute(session)
    return store


def test_the_next_step_of_an_interrupted_run_is_as_it_was_to_be(tmp_path):
    store = continued(tmp_path, until=7)
    losses = losses_in(store.run(EXPECTED.name).path)
    then = losses_in(EXPECTED)
    assert max(losses) == 7
    assert losses == pytest.approx({step: then[step] for step in losses}, rel=1e-4)


def losses_in(folder: Path) -> dict[int, float]:
    """Training loss by step, from a journal."""
    records = [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]
    return {record["step"]: record["loss"] for record in records if record["kind"] == "loss"}


def machine() -> dict[str, str]:
    """What decides bits: processor, instruction set and PyTorch."""
    names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return {
        "processor": names[0].split(":", 1)[1].strip(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
    }


@pytest.mark.slow
def test_an_interrupted_run_ends_in_the_bits_it_was_to_end_in(tmp_path):
    there = json.loads((ASSETS / "machine.json").read_text())
    if not Path("/proc/cpuinfo").exists() or machine() != there:
        pytest.skip(f"the bits are those of {there}; one step is compared with a tolerance by another test")
    folder = continued(tmp_path, until=None).run(EXPECTED.name)
    expected = json.loads((EXPECTED / "result.json").read_text())
    assert (folder.path / "journal.jsonl").read_bytes() == (EXPECTED / "journal.jsonl").read_bytes()
    result = folder.result()
    assert {key: result[key] for key in expected if key != "execution"} == {
        k: v for k, v in expected.items() if k != "execution"
    }


def test_a_flipped_bit_in_a_checkpoint_starts_the_run_again_and_says_so(tmp_path):
    """It turned a run that succeeds into a diverged one."""
    store = copied("plain", tmp_path)
    folder = store.run(EXPECTED.name)
    folder.save_checkpoint(*folder.load_checkpoint())
    path = folder.path / "checkpoint.safetensors"
    data = bytearray(path.read_bytes())
    data[-2] ^= 64
    path.write_bytes(data)
    told = []
    with RunSession(store, folder.id, told.append, should_stop=lambda: True) as session:
        assert session.resume() is None
    assert "checkpoint.safetensors is damaged" in told[1].message
    assert "the run starts again at its first step" in told[1].message
    assert list(folder.records()) == []
    assert not path.exists()
