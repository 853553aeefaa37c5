"""Contenders take turns: every repeat lets each do one block, in the same order; all times are kept.

A contender's processes do their blocks at the same time. Its rate in a repeat is the sum of theirs.
"""

from __future__ import annotations

import dataclasses
import json
import os
import queue
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from seedproof.bench.contenders import Contender, Trial
from seedproof.launch.local.process import Inbox, Message, WorkerProcess, worker_environment
from seedproof.launch.signals import ending_as_ctrl_c

TAIL = 400
"""Characters of a log that a failure quotes."""


@dataclass(eq=False)
class Series:
    """What was seen of one contender."""

    contender: Contender
    ready: list[Message] = field(default_factory=list)
    """One report of each process."""
    blocks: list[list[Message]] = field(default_factory=list)
    """Reports by repeat, one of each process."""
    error: str | None = None

    @property
    def members(self) -> int:
        """Members of each process: on a GPU as many as memory held."""
        return int(self.ready[0].get("members", self.contender.members)) if self.ready else self.contender.members

    def times(self) -> list[float]:
        """Seconds of one step of one run in each repeat: the machine's, with all processes at work."""
        return [1.0 / sum(self._steps(report) / report["seconds"] for report in block) for block in self.blocks]

    def _steps(self, report: Message) -> float:
        if not self.contender.whole:
            return float(report["steps"] * self.members)
        # A fleet trains all that it has at once: on a GPU as many as memory held, which may be fewer than were wanted.
        return float(self.members if self.contender.kind == "fleet" else self.contender.whole)

    def peak(self, of: str = "process") -> int:
        """Most memory of all its processes together, in bytes; ``of="work"``: beyond what a process had before the model
        was made."""
        return sum(report["peak"][of] for report in self.blocks[-1]) if self.blocks else 0


class Failed(RuntimeError):
    """A contender's process ended or said why it cannot do its work."""


class Entrant:
    """A contender's processes."""

    def __init__(self, contender: Contender, trial: Trial, repeats: int, folder: Path) -> None:
        folder.mkdir()
        self.series = Series(contender)
        self._inbox: Inbox = queue.SimpleQueue()
        is_cpu = contender.device == "cpu"
        environment = {**worker_environment(contender.threads if is_cpu else None), "TMPDIR": str(folder)}
        if not is_cpu:  # lengths differ from step to step
            environment["PYTORCH_ALLOC_CONF"] = "expandable_segments:True"
        command = [sys.executable, "-P", "-m", "seedproof.bench.worker", "--parent", str(os.getpid())]
        steps, warmup, plan_steps = 1, 1, 0
        if contender.whole:
            warmup = 0
        elif contender.kind in ("trainer", "plain", "fleet", "rates"):
            plan_steps = trial.warmup + repeats * trial.steps
            steps, warmup = (1, 1) if contender.kind == "rates" else (trial.steps, trial.warmup)
        self._workers = []
        for number in range(contender.processes):
            worker = WorkerProcess(command, environment, folder / f"{number}.log", self._inbox)
            self._workers.append(worker)
            runs = max(contender.members, contender.whole)
            seeds = list(range(number * runs, (number + 1) * runs))
            start = {
                "contender": contender.to_json(),
                "problem": dataclasses.asdict(trial.problem),
                "seeds": seeds,
                "steps": steps,
                "warmup": warmup,
                "plan_steps": plan_steps,
            }
            worker.order("start", start=json.dumps(start))

    def wait_until_ready(self) -> None:
        """Wait until every process has done its warm-up.

        Raises:
            Failed: one has not.
        """
        if not self.series.ready and self.series.error is None:
            self.series.ready = self._gather()

    def block(self) -> None:
        """Let all processes do a block.

        Raises:
            Failed: one has not.
        """
        for worker in self._workers:
            worker.order("block")
        self.series.blocks.append(self._gather())

    def _gather(self) -> list[Message]:
        events: dict[WorkerProcess, Message] = {}
        while len(events) < len(self._workers):
            sender, event = self._inbox.get()
            assert sender is not None
            if event is None:
                log = sender.log.read_text(errors="replace").strip()
                raise Failed(f"its process ended with status {sender.reap()}: ...{log[-TAIL:]}")
            if event["event"] == "error":
                raise Failed(event["message"])
            events[sender] = event
        return [events[worker] for worker in self._workers]

    def end(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.reap()


def run_trial(trial: Trial, repeats: int, say: Callable[[str], None]) -> list[Series]:
    """Run a trial; a contender that fails keeps its error, and the others go on."""
    with ending_as_ctrl_c(), _entrants(trial, repeats) as entrants:
        for entrant in entrants:
            say(f"{trial.name}: {entrant.series.contender.name}, warming up")
            _guarded(entrant, entrant.wait_until_ready)
        for repeat in range(repeats):
            for entrant in (entrant for entrant in entrants if entrant.series.error is None):
                say(f"{trial.name}: {entrant.series.contender.name}, repeat {repeat + 1} of {repeats}")
                _guarded(entrant, entrant.block)
    return [entrant.series for entrant in entrants]


def _guarded(entrant: Entrant, do: Callable[[], None]) -> None:
    try:
        do()
    except Failed as error:
        entrant.series.error = str(error)
        entrant.end()


@contextmanager
def _entrants(trial: Trial, repeats: int) -> Iterator[Sequence[Entrant]]:
    """The processes of all contenders, in their order. They start together; but fleets on a GPU, which are as large as
    the memory that the others leave, begin when those are ready, one after the other."""
    with tempfile.TemporaryDirectory(prefix="seedproof-bench-") as scratch:
        entrants: dict[Contender, Entrant] = {}
        is_late = {one: one.kind == "fleet" and one.device != "cpu" for one in trial.contenders}
        try:
            for number, contender in enumerate(sorted(trial.contenders, key=lambda one: is_late[one])):
                for entrant in entrants.values() if is_late[contender] else ():
                    _guarded(entrant, entrant.wait_until_ready)
                entrants[contender] = Entrant(contender, trial, repeats, Path(scratch) / str(number))
            yield [entrants[contender] for contender in trial.contenders]
        finally:
            for entrant in entrants.values():
                entrant.end()
