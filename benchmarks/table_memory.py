"""The memory that a large table takes: python benchmarks/table_memory.py MEGABYTES [LIMIT in megabytes of address space].

Writes a CSV of so many megabytes, half of which is the wanted text, loads it as a task and says what that took.
"""

from __future__ import annotations

import random
import resource
import sys
import tempfile
import time
from pathlib import Path

from seedproof.tasks import load_task


def write(path: Path, size: int) -> None:
    generator, words = random.Random(0), [f"w{number}" for number in range(5000)]
    with path.open("w") as file:
        written, row = file.write("id,body,label,notes\n"), 0
        while written < size:
            body, notes = (" ".join(generator.choices(words, k=40)) for _ in range(2))
            written += file.write(f'r{row},{body},{"abc"[row % 3]},"{notes}"\n')
            row += 1


def peak() -> float:
    """Most memory that this process has held, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def main() -> None:
    size, limit = (int(word) * 10**6 for word in (*sys.argv[1:], 0)[:2])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.csv"
        write(path, size)
        if limit:
            resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        start, before = time.perf_counter(), peak()
        task = load_task(path, text="body", label="label")
        read, seconds = peak(), time.perf_counter() - start
        task.fingerprint, task.data_report  # noqa: B018
        kept = sum(map(len, (*task.train.texts, *task.dev.texts))) / 1e6
        print(f"{len(task.train) + len(task.dev):,} rows, {kept:.0f} MB of wanted text, {seconds:.0f} s to read")
        print(f"peak {before:.0f} MB before, {read:.0f} MB when read, {peak():.0f} MB with fingerprint and report")


if __name__ == "__main__":
    main()
