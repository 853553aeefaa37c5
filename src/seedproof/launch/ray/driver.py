"""The process that has the store, while workers on a cluster execute its runs.

It holds each run that it hands out, with the session that keeps it, and does to that session what the worker's executor did to
its own. When a worker is lost, with its node or alone, its runs are handed out again from their last checkpoints, which lie
here; Ray itself repeats nothing (it would begin a run anew and mix two executions).
"""

from __future__ import annotations

import time
from collections import Counter, deque

import ray
from ray.exceptions import RayError

from seedproof import events
from seedproof.errors import UserError
from seedproof.events import Event, Listener, throttled
from seedproof.execution.run_session import RunSession
from seedproof.launch.base import Work
from seedproof.launch.placement import Placement, most_members
from seedproof.launch.ray.attempts import Attempt, HiredWorker, reason_of_loss
from seedproof.launch.ray.cluster import Needs, slots, too_small
from seedproof.launch.ray.parcels import Parcels
from seedproof.launch.ray.session import Message, Order, replay
from seedproof.launch.ray.worker import Ready
from seedproof.launch.signals import caught
from seedproof.launch.tally import Tally
from seedproof.spec import RunSpec

MOST_LOSSES = 3
"""Times that the worker of a run may be lost without a new checkpoint between; then the run may be what ends them."""

TURN_SECONDS = 0.2
"""How long a signal may wait."""

WAITING_SECONDS = 30.0
"""After how long it is said that no worker has begun."""

PATIENCE_SECONDS = 60.0
"""How long a cluster may have no node for a worker, once it had one."""


class Driver:
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
        self._workers: list[HiredWorker] = []
        self._told: deque[Event] = deque()
        self._losses: Counter[str] = Counter()
        self._lost: set[str] = set()
        self._attempts = self._failures = 0
        self._signals = self._seen_signals = 0
        self._noted: set[str] = set()
        self._alone_since = time.monotonic()
        """Since when no worker has been ready."""

    def run(self) -> None:
        """Execute the runs of the placement; what became of them is in the tally.

        Raises:
            UserError: the cluster starts no worker, or has no node for one any more.
        """
        if self._tally.is_stopping:
            return
        with caught(self._on_signal):
            try:
                for _ in range(self._placement.jobs):
                    self._start_worker()
                while self._workers:
                    self._turn()
                for run_id in self._lost.intersection(
                    self._waiting
                ):  # they have begun, and stopped before they went on
                    self._take(events.Interrupted(run=run_id))
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
        self._workers.append(HiredWorker.hire(self._needs, self._executor, self._members, self._store))

    def _hear(self, worker: HiredWorker) -> None:
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
        if worker in self._workers and self._hand_out(worker):
            worker.listen()

    def _welcome(self, worker: HiredWorker, ready: Ready) -> None:
        worker.ready, self._failures = ready, 0
        worker.capacity = max(1, self._members)
        if self._members:
            device = self._store.numerics.device
            largest = max(self._work.weight_bytes[self._specs[id_].model.fingerprint] for id_ in self._placement.runs)
            worker.capacity = max(1, min(self._members, most_members(device, largest, ready.machine)))
        if differing := worker.other_versions:
            self._note_once(
                f"runs execute with other versions than this machine has ({differing}); each result says which"
            )
        if self._tally.is_stopping:
            worker.actor.stop.remote()

    def _hand_out(self, worker: HiredWorker) -> bool:
        """Give a worker what it can take; whether it has anything to do. One that has not is let go."""
        while self._waiting and not self._tally.is_stopping and len(worker.attempts) < worker.capacity:
            self._begin(worker, self._waiting.popleft())
            self._tell()
        if not worker.attempts:
            self._workers.remove(worker)
            worker.dismiss()
        return bool(worker.attempts)

    def _begin(self, worker: HiredWorker, run_id: str) -> None:
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
        attempt = Attempt(self._attempts, session, self._told)
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
                pause_at=session.pause_at,
                guard=session.guard,
                task=self._parcels.task(session.spec.task),
                model=self._parcels.model(session.source),
                code=self._parcels.code(),
            )
        except Exception as error:
            session.crash(error)
            return
        worker.attempts[attempt.number] = attempt
        worker.actor.hand.remote(order)

    def _keep(self, worker: HiredWorker, message: Message) -> None:
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

    def _lose(self, worker: HiredWorker, error: RayError) -> None:
        """Replace a worker that is gone, and let its runs go on elsewhere."""
        self._workers.remove(worker)
        worker.dismiss()  # it may only be out of reach
        reason, is_node = reason_of_loss(error)
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

    def _lose_run(self, attempt: Attempt, message: str) -> None:
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
            self._lost.add(run_id)
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
            worker.dismiss()

    def _abandon(self, worker: HiredWorker) -> None:
        """Let go of a worker and its runs, in a launch that has failed."""
        self._workers.remove(worker)
        worker.dismiss()
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
                    worker.dismiss()
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
