"""A contender's process, started by :mod:`seedproof.bench.rounds` as

    python -P -m seedproof.bench.worker --parent PID

The first line on the standard input says what to do, every further one asks for a
block. Reports go to the standard output as JSON lines; whatever libraries print goes to the log. When the input ends, so
does the process; and when PID is gone, also in the middle of a block, which may be whole runs.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from typing import Any

from seedproof.measure.worker import end_with


def main() -> None:
    """Do one block after the other until the input ends."""
    threading.Thread(target=end_with, args=(int(sys.argv[2]),), daemon=True).start()
    output = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def send(report: dict[str, Any]) -> None:
        output.write(json.dumps(report) + "\n")
        output.flush()

    start = json.loads(json.loads(sys.stdin.readline())["start"])
    import torch

    from seedproof.bench.contenders import Contender, Problem
    from seedproof.bench.gate import Enough, Gate
    from seedproof.bench.inputs import Inputs
    from seedproof.bench.jobs import JOBS
    from seedproof.errors import UserError

    contender, problem = Contender(**start["contender"]), Problem.from_json(start["problem"])
    if contender.device == "cpu":
        torch.set_num_threads(contender.threads)
    inputs = Inputs(problem, start["plan_steps"])
    try:
        _ = inputs.data
        if contender.kind == "trainer":
            import transformers

            _ = transformers.Trainer  # loaded now: its modules are no memory of the work
        gate = Gate(start["warmup"], start["steps"], contender.device, send, lambda: bool(sys.stdin.readline()))
        JOBS[contender.kind](contender, inputs, start["seeds"], gate)
    except Enough:
        pass
    except UserError as error:
        send({"event": "error", "message": str(error)})
    output.flush()
    os._exit(0)  # nothing is left to say, and a GPU's memory is free at once


if __name__ == "__main__":
    main()
