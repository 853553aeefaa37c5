"""How long it takes to look at a store of many finished runs."""

from __future__ import annotations

import dataclasses
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from seedproof.spec import Seeds
from seedproof.store import Store
from seedproof.store.cells import Cell
from seedproof.study.study import Study

RUNS = (10, 100, 1000, 10_000)
COMMANDS = ("status", "summary")


def store_growth(repeats: int, say: Callable[[str], None], runs: tuple[int, ...] = RUNS) -> list[dict[str, Any]]:
    """Seconds of ``study status`` and ``study summary`` as commands, process start included, by number of runs."""
    found = []
    with tempfile.TemporaryDirectory(prefix="seedproof-bench-") as scratch:
        folder = Path(scratch) / "study"
        say("growth: store, one real run")
        settings = {"max_steps": 2, "dropout": 0.0}
        Study("many", tasks=["miniature/entailment"], models=["miniature/bert"], seeds=1, settings=settings).run(
            folder, jobs=1
        )
        present = 1
        for count in runs:
            say(f"growth: store of {count} runs")
            _multiply(Store.open(folder), range(present, count))
            present = count
            times: dict[str, list[float]] = {command: [] for command in COMMANDS}
            for _ in range(repeats + 1):
                for command, seconds in times.items():
                    seconds.append(_timed(command, folder))
            for command, seconds in times.items():
                counted = seconds[1:]  # the first fills the caches of the disk
                row = {"runs": count, "command": f"study {command}", "median": statistics.median(counted)}
                found.append({**row, "seconds": counted})
    return found


def _multiply(store: Store, seeds: range) -> None:
    """Copies of the store's first run under the ids of other seeds, each with its own score."""
    first = store.run(store.run_ids()[0])
    spec, result = first.spec, first.result()
    cells = []
    for seed in seeds:
        copy = dataclasses.replace(spec, seeds=Seeds.from_number(seed))
        folder = store.add(copy)
        for name in ("journal.jsonl", "attempts.jsonl"):
            if (first.path / name).exists():
                shutil.copy(first.path / name, folder.path / name)
        folder.finish({**result, "score": result["score"] * (1 - 0.001 * (seed % 7))})
        cells.append(Cell.of(copy))
    store.add_cells(cells)


def _timed(command: str, folder: Path) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", "seedproof", "study", command, str(folder)], check=True, capture_output=True)
    return time.perf_counter() - start
