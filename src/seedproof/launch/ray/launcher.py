"""Runs on a Ray cluster, by Ray core's actors: one worker per core or GPU, on whichever nodes have one.

This process alone has the store. It holds each run that it hands out, with the session that keeps it, and does to that session
what the worker's executor did to its own. When a worker is lost, with its node or alone, its runs are handed out again from
their last checkpoints, which lie here; Ray itself repeats nothing (it would begin a run anew and mix two executions).
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError

from seedproof import events
from seedproof.errors import UserError
from seedproof.events import Event, Listener, throttled
from seedproof.execution.environment import Process, difference, pinned
from seedproof.execution.run_session import RunSession
from seedproof.launch.base import Launcher, Work
from seedproof.launch.local.process import worker_environment
from seedproof.launch.placement import Placement, most_members, place
from seedproof.launch.ray.cluster import Needs, connected, slots, too_small, whole_cluster
from seedproof.launch.ray.parcels import Parcel, pack
from seedproof.launch.ray.session import Message, Order, replay
from seedproof.launch.ray.worker import Ready, Worker
from seedproof.launch.signals import caught
from seedproof.launch.tally import Summary, Tally
from seedproof.machine import Machine
from seedproof.models.source import ModelSource
from seedproof.spec import Numerics, RunSpec
from seedproof.store import disk_full_message, is_disk_full

EXECUTOR = "seedproof.execution.plain:execute"

MOST_LOSSES = 3
"""Times that the worker of a run may be lost without a new checkpoint between; then the run may be what ends them."""

TURN_SECONDS = 0.2
"""How long a signal may wait."""

WAITING_SECONDS = 30.0
"""After how long it is said that no worker has begun."""

PATIENCE_SECONDS = 60.0
"""How long a cluster may have no node for a worker, once it had one."""


class RayLauncher(Launcher):
    """Workers on a Ray cluster, as many as it has cores (GPUs, for runs on these) unless told otherwise.

    Args:
        address: of the cluster; see :func:`seedproof.launch.ray.cluster.connected`. A program that has called ``ray.init``
            needs none.
        executor: ``module:function`` that executes one run, given its session.
    """

    name = "ray"

    def __init__(self, *, address: str | None = None, executor: str = EXECUTOR) -> None:
        self.address, self.executor = address, executor
        self._connection = ExitStack()

    def machine(self) -> Machine:
        """All nodes together; the connection stays until the runs are done."""
        self._connection.enter_context(connected(self.address))
        return whole_cluster()

    def default_jobs(self, numerics: Numerics) -> int:
        """As many as the cluster's nodes hold."""
        self.machine()
        return slots(Needs.of(numerics))

    def run(self, work: Work, listener: Listener) -> Summary:
        """Execute runs on the cluster and wait for them.

        Raises:
            StudyInterrupted: as :meth:`Launcher.run`.
            UserError: as there, or the cluster cannot be reached, has no node for a run, or starts no worker.
        """
        self.check_jobs(work.jobs)
        tally = Tally(work)
        with self._connection as connection:
            if tally.left:
                connection.enter_context(connected(self.address))
                self._run(work, tally, listener)
        return tally.conclude()

    def _run(self, work: Work, tally: Tally, listener: Listener) -> None:
        needs = Needs.of(work.store.numerics)
        if not (room := slots(needs)):
            raise too_small(needs)
        parcels = Parcels()
        try:
            # What a GPU holds, its worker says.
            for placement in place(tally.left, work.jobs or room, work.weight_bytes, whole_cluster()):
                _Launch(work, placement, self.executor, tally, listener, parcels).run()
        except OSError as error:
            if is_disk_full(error):
                raise UserError(disk_full_message(work.store.path)) from error
            raise


class Parcels:
    """The parcels of a launch: each task and model is packed once."""

    def __init__(self) -> None:
        self._packed: dict[str, Parcel] = {}

    def task(self, folder: Path) -> Parcel:
        """The data of a task."""
        return self._get(str(folder), {file.name: file for file in folder.iterdir() if file.is_file()})

    def model(self, source: ModelSource) -> Parcel:
        """What is loaded of a model."""
        files = [source.folder / "config.json", *source.folder.glob("*.safetensors.index.json")]
        files += [*source.weight_files, *source.tokenizer_files]
        return self._get(source.fingerprint, {file.name: file for file in files})

    def _get(self, key: str, files: Mapping[str, Path]) -> Parcel:
        if key not in self._packed:
            self._packed[key] = pack(files)
        return self._packed[key]


@dataclass(eq=False)
class _Attempt:
    """A run in the hands of a worker, with the session that keeps it."""

    number: int
    session: RunSession
    told: deque[Event]
    is_over: bool = False
    """Whether its end is noted; what the worker still says of it is not heard."""
    is_mute: bool = False
    """Whether its end is none for the launch, because the run is handed out again or the launch itself has failed."""
    step: int = 0
    """Of the checkpoint that it went on from, or its last one."""

    def hear(self, event: Event) -> None:
        """Take an event of the session, to be told when the session has done what it was called for."""
        self.is_over = self.is_over or events.is_end(event)
        if not (self.is_mute and events.is_end(event)):
            self.told.append(event)


@dataclass(eq=False)
class _Worker:
    """A worker as this process sees it."""

    actor: Any
    answer: Any
    """What is waited for: that it is ready, then what it has to say."""
    ready: Ready | None = None
    capacity: int = 0
    attempts: dict[int, _Attempt] = field(default_factory=dict)

    def __str__(self) -> str:
        process = self.ready.process if self.ready else None
        return f"process {process.pid} on {process.host}" if process else "a worker"


class _Launch:
    """Hands out the runs of one placement, keeps what comes back, replaces workers that are lost."""

    def __init__(
        self, work: Work, placement: Placement, executor: str, tally: Tally, listener: Listener, parcels: Parcels
    ) -> None:
        self._work, self._store, self._tally, self._parcels = work, work.store, tally, parcels
        self._listener, self._send = listener, throttled(listener)
        self._executor, self._placement = executor, placement
        self._members = placement.members
        self._needs = Needs.of(work.store.numerics)
        self._waiting = deque(placement.runs)
        self._specs: dict[str, RunSpec] = {spec.id: spec for spec in work.specs}
        self._variables = pinned(work.store.path)
        self._workers: list[_Worker] = []
        self._told: deque[Event] = deque()
        self._losses: Counter[str] = Counter()
        self._attempts = self._failures = 0
        self._signals = self._seen_signals = 0
        self._noted: set[str] = set()
        self._alone_since = time.monotonic()
        """Since when no worker has been ready."""

    def run(self) -> None:
        if self._tally.is_stopping:
            return
        with caught(self._on_signal):
            try:
                for _ in range(self._placement.jobs):
                    self._start_worker()
                while self._workers:
                    self._turn()
            finally:  # workers are left only by an error, of the listener for instance
                for worker in list(self._workers):
                    self._abandon(worker)

    def _on_signal(self) -> None:
        self._signals += 1

    def _turn(self) -> None:
        """Wait for a worker to say something, or for a signal, and see to it."""
        answers = {worker.answer: worker for worker in self._workers}
        done, _ = ray.wait(list(answers), timeout=TURN_SECONDS)
        while self._seen_signals < self._signals:
            self._seen_signals += 1
            self._stop_by_signal()
        for answer in done:
            if (worker := answers[answer]) in self._workers:
                self._workers.append(self._workers.pop(self._workers.index(worker)))  # the next turn is another's
                self._hear(worker)
        self._tell()
        self._check_nodes()

    # Workers.

    def _start_worker(self) -> None:
        variables = worker_environment(self._store.numerics.threads, self._variables)
        options = {
            "num_cpus": self._needs.cpus,
            "num_gpus": self._needs.gpus,
            "max_restarts": 0,
            "max_task_retries": 0,
            "max_concurrency": 4,  # it is asked what it has to say while it is handed a run or told to stop
            "scheduling_strategy": "SPREAD",
            "runtime_env": {"env_vars": variables},
        }
        actor = ray.remote(Worker).options(**options).remote(self._executor, self._members, self._variables)
        self._workers.append(_Worker(actor, actor.begin.remote()))

    def _hear(self, worker: _Worker) -> None:
        try:
            said = ray.get(worker.answer)
        except RayError as error:
            self._lose(worker, error)
            return
        if isinstance(said, Ready):
            self._welcome(worker, said)
        else:
            for message in said:
                self._keep(worker, message)
        if worker in self._workers and not self._hand_out(worker):
            return
        worker.answer = worker.actor.take.remote(1.0)

    def _welcome(self, worker: _Worker, ready: Ready) -> None:
        worker.ready, self._failures = ready, 0
        worker.capacity = max(1, self._members)
        if self._members:
            device = self._store.numerics.device
            largest = max(self._work.weight_bytes[self._specs[id_].model.fingerprint] for id_ in self._placement.runs)
            worker.capacity = max(1, min(self._members, most_members(device, largest, ready.machine)))
        if differing := _other_versions(Process.here(), ready.process):
            self._note_once(
                f"runs execute with other versions than this machine has ({differing}); each result says which"
            )
        if self._tally.is_stopping:
            worker.actor.stop.remote()

    def _hand_out(self, worker: _Worker) -> bool:
        """Give a worker what it can take; whether it has anything to do. One that has not is let go."""
        while self._waiting and not self._tally.is_stopping and len(worker.attempts) < worker.capacity:
            self._begin(worker, self._waiting.popleft())
            self._tell()
        if not worker.attempts:
            self._workers.remove(worker)
            ray.kill(worker.actor)
        return bool(worker.attempts)

    def _begin(self, worker: _Worker, run_id: str) -> None:
        """Hold a run and hand it to a worker; or that cannot be, and is told."""
        assert worker.ready is not None
        self._attempts += 1
        session = RunSession(
            self._store,
            run_id,
            lambda event: attempt.hear(event),
            repeat=run_id in self._work.repeat,
            process=worker.ready.process,
        )
        attempt = _Attempt(self._attempts, session, self._told)
        if not session.open():
            return
        try:
            checkpoint = session.resume()
            attempt.step = checkpoint.step if checkpoint else 0
            order = Order(
                attempt=attempt.number,
                spec=session.spec,
                recording=session.recording,
                checkpoint=checkpoint,
                task=self._parcels.task(self._store.task_folder(session.spec.task.fingerprint)),
                model=self._parcels.model(session.source),
            )
        except Exception as error:
            session.crash(error)
            return
        worker.attempts[attempt.number] = attempt
        worker.actor.hand.remote(order)

    def _keep(self, worker: _Worker, message: Message) -> None:
        """Do to the session of a run what its worker did."""
        attempt = worker.attempts[message.attempt]
        if not attempt.is_over:
            try:
                replay(message, attempt.session)
            except Exception as error:
                attempt.session.crash(error)
                worker.actor.drop.remote(message.attempt)
        if message.method == "save":
            attempt.step = message.arguments[0]
            self._losses.pop(attempt.session.id, None)
        if message.is_last:
            del worker.attempts[message.attempt]
        self._tell()

    # Ends.

    def _lose(self, worker: _Worker, error: RayError) -> None:
        """Replace a worker that is gone, and let its runs go on elsewhere."""
        self._workers.remove(worker)
        ray.kill(worker.actor)  # it may only be out of reach
        reason, is_node = _reason(error)
        if worker.ready is None:
            self._failures += 1
            if self._failures >= MOST_LOSSES:
                raise UserError(
                    f"the Ray cluster starts no worker ({reason}); install the same seedproof and torch on all of its nodes"
                )
        runs = [attempt for attempt in worker.attempts.values() if not attempt.is_over]
        if len(runs) > 1 and not is_node:
            # Most often the system's way to say that memory is short: the same runs again, fewer at a time.
            self._members = max(1, self._members // 2)
        for attempt in reversed(runs):
            self._lose_run(attempt, f"{worker} was lost ({reason})")
        if self._waiting and not self._tally.is_stopping:
            self._start_worker()

    def _lose_run(self, attempt: _Attempt, message: str) -> None:
        run_id = attempt.session.id
        self._losses[run_id] += 1
        if self._tally.is_stopping:
            attempt.session.interrupt()
        elif self._losses[run_id] >= MOST_LOSSES:
            attempt.session.crash(
                UserError(f"{message}; that was the {MOST_LOSSES}rd time without a checkpoint between")
            )
        else:
            where = f"goes on from step {attempt.step}" if attempt.step else "starts again"
            attempt.session.note(f"{message}; the run {where} on another worker")
            attempt.is_mute = True
            attempt.session.interrupt()
            self._waiting.appendleft(run_id)
        self._tell()

    def _stop_by_signal(self) -> None:
        if self._seen_signals == 1:
            self._take(events.Stopping())
            return
        for worker in list(self._workers):
            for attempt in worker.attempts.values():
                if not attempt.is_over:
                    attempt.session.interrupt()
            self._workers.remove(worker)
            ray.kill(worker.actor)

    def _abandon(self, worker: _Worker) -> None:
        """Let go of a worker and its runs, in a launch that has failed."""
        self._workers.remove(worker)
        ray.kill(worker.actor)
        for attempt in worker.attempts.values():
            attempt.is_mute = True
            if not attempt.is_over:
                attempt.session.interrupt()

    # Events.

    def _tell(self) -> None:
        """Pass on what sessions have told meanwhile."""
        while self._told:
            self._take(self._told.popleft())

    def _take(self, event: Event) -> None:
        """Enter an event into the tally, stop if it says so, and pass it on."""
        was_stopping = self._tally.is_stopping
        self._tally.take(event)
        if self._tally.is_stopping and not was_stopping:
            for worker in list(self._workers):
                worker.actor.stop.remote()
                if not worker.attempts:
                    self._workers.remove(worker)
                    ray.kill(worker.actor)
        self._send(event)

    def _note_once(self, message: str) -> None:
        if message not in self._noted:
            self._noted.add(message)
            self._listener(events.Note(message=message))

    def _check_nodes(self) -> None:
        """Say where no worker begins; give up where none can."""
        now = time.monotonic()
        if any(worker.ready is not None for worker in self._workers):
            self._alone_since = now
        waited = now - self._alone_since
        if waited > WAITING_SECONDS:
            self._note_once(
                f"no worker has begun yet on the Ray cluster: each needs {self._needs}, which others may have"
            )
        if waited > PATIENCE_SECONDS and not slots(self._needs):
            raise too_small(self._needs)


def _other_versions(here: Process, there: Process) -> str:
    """What differs between the versions of two processes, in words."""

    def versions(process: Process) -> dict[str, Any]:
        packages = {name: value for name, value in process.environment.items() if name.startswith("version_")}
        return {"python": process.python, "seedproof": process.seedproof, **packages}

    return difference(versions(here), versions(there))


def _reason(error: RayError) -> tuple[str, bool]:
    """Why a worker is gone, in a line, and whether its node is gone too."""
    text = " ".join(str(error).split())
    if "node has died" in text or "node died" in text:
        return "its node is gone", True
    return text[:300], False
