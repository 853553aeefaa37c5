"""A launch in a process of its own, to be killed: ``python -m seedproof.testing.launch STORE LAUNCHER OPTIONS JOBS``, the last
two as JSON."""

from __future__ import annotations

import json
import signal
import sys

from seedproof.launch import StudyInterrupted
from seedproof.launch.base import launcher_of
from seedproof.store import Store
from seedproof.testing.tiny import ignore, work_of


def main() -> None:
    """Execute the runs of a store."""
    path, name, options, jobs = sys.argv[1:]
    signal.signal(signal.SIGINT, signal.default_int_handler)  # what a shell starts with "&" ignores it
    try:
        launcher_of(name, **json.loads(options)).run(work_of(Store.open(path), json.loads(jobs)), ignore)
    except StudyInterrupted:
        sys.exit(130)


if __name__ == "__main__":
    main()
