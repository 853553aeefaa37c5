"""A process that evaluates points of a plane, started by :mod:`seedproof.measure.pool` as

    python -m seedproof.measure.worker FOLDER --parent PID

FOLDER holds the problem (:class:`seedproof.measure.classifier_loss.Problem`) and ``parts.json``, the points of each part
by its name. Orders come as JSON lines on the standard input: ``{"order": "part", "part": name}``. What was found goes as
``{"event": "part", "part": name, "values": ...}`` to the standard output. When the input ends, so does the process.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

ORPHAN_SECONDS = 1.0


def end_with(parent: int) -> None:
    """End when the process that started this one is gone, also in the middle of a part."""
    while os.getppid() == parent:
        time.sleep(ORPHAN_SECONDS)
    os._exit(1)


def main() -> None:
    """Evaluate points until told to end."""
    folder, parent = Path(sys.argv[1]), int(sys.argv[3])
    threading.Thread(target=end_with, args=(parent,), daemon=True).start()
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints goes to the log
    import torch

    from seedproof.measure.classifier_loss import Problem, evaluator
    from seedproof.measure.plane import measure_points
    from seedproof.store.encoding import dumps

    torch.set_num_threads(1)
    parts = json.loads((folder / "parts.json").read_text())
    problem = Problem.read(folder)
    evaluate = evaluator(problem)
    for line in sys.stdin:
        name = json.loads(line)["part"]
        values = measure_points(problem.plane, evaluate, parts[name])
        output.write(dumps({"event": "part", "part": name, "values": values}) + "\n")
        output.flush()


if __name__ == "__main__":
    main()
