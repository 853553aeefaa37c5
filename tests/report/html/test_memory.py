"""What a report needs of memory does not grow with the journals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.report.html.conftest import made_records, made_result, make_task

from seedproof.recipes import recipe, resolve
from seedproof.spec import ModelReference, Numerics, RunSpec, Seeds
from seedproof.store import Cell, Store
from seedproof.store.encoding import dumps

pytestmark = pytest.mark.slow

REPORT = """
import resource, sys
from seedproof.report.html import write_study_report
from seedproof.store import Store
write_study_report(Store.open(sys.argv[1]), sys.argv[1] + "/report.html")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def finished_store(folder: Path, runs: int, steps: int) -> Store:
    """Runs that succeeded and failed in turn, written without a flush for each file."""
    task, store = make_task(), Store.create(folder, "made", Numerics())
    task.write(store.task_folder(task.fingerprint))
    values = resolve(recipe("devlin", max_steps=steps), "bert", {"learning_rate": 1e-4}).recipe.to_json()
    model = ModelReference(name="miniature/bert", fingerprint="b" * 64, family="bert")
    written = {}
    for outcome in ("succeeded", "majority"):
        records = made_records(outcome, task, steps=steps)
        result = made_result(outcome, records, task, {"gradients": 10}) | {"steps": steps}
        written[outcome] = "".join(dumps(record) + "\n" for record in records), dumps(result)
    cells = []
    for seed in range(runs):
        spec = RunSpec(
            task=task.reference(), model=model, recipe=values, seeds=Seeds.from_number(seed), numerics=Numerics()
        )
        (place := store.path / "runs" / spec.id).mkdir()
        journal, result = written[("succeeded", "majority")[seed % 2]]
        for name, text in (("spec.json", dumps(spec.to_json())), ("journal.jsonl", journal), ("result.json", result)):
            (place / name).write_text(text)
        cells.append(Cell(task="made", model="miniature/bert", recipe="devlin", seed=str(seed), id=spec.id))
    store.add_cells(cells)
    return store


def peak(store: Store) -> float:
    """Megabytes of memory at most, of a report in a process of its own."""
    done = subprocess.run([sys.executable, "-c", REPORT, str(store.path)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def test_memory_does_not_follow_the_journals(tmp_path):
    """Two journals of 2 MB cost less than 70 MB more than two small ones: read whole, they would cost 140."""
    small = peak(finished_store(tmp_path / "small", 2, 40))
    long = finished_store(tmp_path / "long", 2, 30_000)
    assert sum(path.stat().st_size for path in long.path.glob("runs/*/journal.jsonl")) > 3e6
    grown = peak(long)
    assert grown < small + 70, (small, grown)
