"""Peak memory, time and size of a report: over many runs, and over one run with a long journal.

python benchmarks/report_memory.py --runs 10000
python benchmarks/report_memory.py --megabytes 200

The store is made of invented records; what is measured is ``seedproof report`` in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from seedproof.recipes import recipe, resolve
from seedproof.spec import ModelReference, Numerics, RunSpec, Seeds
from seedproof.store import Cell, Store
from seedproof.store.encoding import dumps
from seedproof.tasks import Split, Task

STEPS, EVALUATIONS, LAYERS, EXAMPLES = 200, 4, 12, 100
RECIPES = ("devlin", "mosbach", "devlin-quarter-lr", "mixout")
KINDS = ("attention.self.query", "attention.output.dense", "output.dense")
NAMES = [
    *(f"bert.encoder.layer.{layer}.{kind}.weight" for layer in range(LAYERS) for kind in KINDS),
    "bert.pooler.dense.weight",
    "classifier.weight",
]


def made_task() -> Task:
    """A task of two classes."""
    split = Split(tuple(f"text number {n}" for n in range(EXAMPLES)), None, np.arange(EXAMPLES) % 2)
    return Task(name="made", train=split, dev=split, classes=("no", "yes"), metrics=("accuracy",))


def records(task: Task, *, steps: int, succeeds: bool, seed: int) -> Iterator[dict[str, Any]]:
    """The journal of a run: a loss for each step, gradients every tenth, four evaluations."""
    random = np.random.default_rng(seed)
    yield {"step": 0, "kind": "gradients", "names": NAMES}
    for step in range(1, steps + 1):
        loss = 0.69 * (np.exp(-3 * step / steps) if succeeds else 1) + 0.01 * random.random()
        yield {"step": step, "kind": "loss", "loss": float(loss)}
        if step % 10 == 0:
            yield {"step": step, "kind": "gradients", "norms": random.random(len(NAMES), np.float32), "total": 1.0}
        if step % (steps // EVALUATIONS) == 0:
            logits = random.normal(size=(EXAMPLES, 2)).astype(np.float32)
            logits[np.arange(EXAMPLES), task.dev.labels if succeeds else 0] += 4
            yield {"step": step, "kind": "evaluation", "scores": task.score({"dev": logits}), "logits dev": logits}


def made_store(folder: Path, runs: int, steps: int) -> Store:
    """A finished study of ``runs`` runs; a third of them failed."""
    task, store = made_task(), Store.create(folder, "made", Numerics())
    task.write(store.task_folder(task.fingerprint))
    values = {name: resolve(recipe(name), "bert", 1e-4, {}).recipe.to_json() for name in RECIPES}
    model = ModelReference(name="made", fingerprint="b" * 64, family="bert")
    cells = []
    for number in range(runs):
        name, seed = RECIPES[number % len(RECIPES)], number // len(RECIPES)
        spec = RunSpec(
            task=task.reference(), model=model, recipe=values[name], seeds=Seeds.from_number(seed), numerics=Numerics()
        )
        cells.append(Cell(task="made", model="made", recipe=name, seed=str(seed), id=spec.id))
        _write(store.path / "runs" / spec.id, spec, task, steps=steps, succeeds=seed % 3 > 0, seed=number)
    store.add_cells(cells)
    return store


def _write(folder: Path, spec: RunSpec, task: Task, *, steps: int, succeeds: bool, seed: int) -> None:
    """Straight into files: with a flush for each, ten thousand runs would take minutes."""
    folder.mkdir(parents=True)
    (folder / "spec.json").write_text(dumps(spec.to_json()))
    last: dict[str, Any] = {}
    losses = []
    with (folder / "journal.jsonl").open("w") as journal:
        for record in records(task, steps=steps, succeeds=succeeds, seed=seed):
            journal.write(dumps(record) + "\n")
            last = record if record["kind"] == "evaluation" else last
            losses += [record["loss"]] if record["kind"] == "loss" else []
    score = last["scores"]["accuracy"] if succeeds else 0.5
    result = {
        "outcome": "succeeded" if succeeds else "failed",
        "reason": None if succeeds else "majority",
        "diverged_at": None,
        "metric": "accuracy",
        "score": score,
        "majority": 0.5,
        "metrics": {"accuracy": score},
        "majorities": task.majority,
        "training_loss": float(np.mean(losses[-steps // 3 :])),
        "steps": steps,
        "steps_per_epoch": steps // 3,
        "evaluated_step": last["step"],
        "missing_parameters": [],
        "truncated_examples": 0,
        "recordings": {"gradients": 10},
        "execution": {"seconds": 1.0, "python": "3", "processor": "x86_64", "host": "made", "version_torch": "2"},
    }
    (folder / "result.json").write_text(dumps(result))


def measured(store: Path, out: Path, options: list[str]) -> tuple[float, float, float]:
    """Peak resident memory in MB, seconds, and MB of the page, of one ``seedproof report``."""
    started = time.monotonic()
    command = [sys.executable, "-m", "seedproof", "report", str(store), "--out", str(out), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return peak, time.monotonic() - started, out.stat().st_size / 1e6


def main() -> None:
    """Make the store, write its report, print what it took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1, help="runs of the study")
    parser.add_argument("--megabytes", type=float, default=0, help="size of each journal, in place of 200 steps")
    parser.add_argument("options", nargs="*", help="options of seedproof report, after --")
    asked = parser.parse_args()
    steps = int(asked.megabytes * 1e6 / 85) if asked.megabytes else STEPS  # a step takes about 85 bytes
    with tempfile.TemporaryDirectory() as folder:
        store = made_store(Path(folder) / "store", asked.runs, steps)
        size = sum(path.stat().st_size for path in store.path.glob("runs/*/journal.jsonl")) / 1e6
        peak, seconds, page = measured(store.path, Path(folder) / "report.html", asked.options)
    print(
        f"{asked.runs:,} runs, journals of {size:,.0f} MB: {peak:,.0f} MB of memory, {seconds:.0f} s, page of {page:.1f} MB "
        f"({os.cpu_count()} cores)"
    )


if __name__ == "__main__":
    main()
