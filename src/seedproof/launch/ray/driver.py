"""The process that has the store, while workers on a cluster execute its runs.

It holds each run that it hands out, with the session that keeps it, and does to that session what the worker's executor did to
its own (:mod:`seedproof.launch.ray.runs`). When a worker is lost, with its node or alone, its runs are handed out again from
their last checkpoints, which lie here; Ray itself repeats nothing (it would begin a run anew and mix two executions).
"""

from __future__ import annotations

import ray
from ray.exceptions import RayError

from seedproof import events
from seedproof.events import Event, Listener, throttled
from seedproof.launch.base import Work
from seedproof.launch.placement import Placement
from seedproof.launch.ray.attempts import HiredWorker
from seedproof.launch.ray.crew import Crew
from seedproof.launch.ray.parcels import Parcels
from seedproof.launch.ray.runs import Runs
from seedproof.launch.ray.worker import Ready
from seedproof.launch.signals import caught
from seedproof.launch.tally import Tally


class Driver:
    """Hands out the runs of one placement, keeps what comes back, replaces workers that are lost."""

    def __init__(
        self, work: Work, placement: Placement, executor: str, tally: Tally, listener: Listener, parcels: Parcels
    ) -> None:
        self._tally, self._send, self._jobs = tally, throttled(listener), placement.jobs
        self._crew = Crew(work, placement, executor, listener)
        self._runs = Runs(work, placement.runs, parcels)
        self._signals = self._seen_signals = 0

    def run(self) -> None:
        """Execute the runs of the placement; what became of them is in the tally.

        Raises:
            UserError: the cluster starts no worker, or has no node for one any more.
        """
        if self._tally.is_stopping:
            return
        with caught(self._on_signal):
            try:
                for _ in range(self._jobs):
                    self._crew.hire()
                while self._crew.workers:
                    self._turn()
                for run_id in self._runs.not_resumed:
                    self._take(events.Interrupted(run=run_id))
            finally:  # workers are left only by an error, of the listener for instance
                for worker in list(self._crew.workers):
                    self._abandon(worker)

    def _on_signal(self) -> None:
        self._signals += 1

    def _turn(self) -> None:
        """Wait for a worker to say something, or for a signal, and see to it."""
        said = self._crew.wait()
        while self._seen_signals < self._signals:
            self._seen_signals += 1
            self._stop_by_signal()
        for worker in said:
            if worker in self._crew.workers:
                self._hear(worker)
        self._tell()
        self._crew.check_nodes()

    # Workers.

    def _hear(self, worker: HiredWorker) -> None:
        try:
            said = ray.get(worker.answer)
        except RayError as error:
            self._lose(worker, error)
            return
        if isinstance(said, Ready):
            self._crew.welcome(worker, said)
            if self._tally.is_stopping:
                worker.actor.stop.remote()
        else:
            for message in said:
                self._runs.keep(worker, message)
                self._tell()
        if worker in self._crew.workers and self._hand_out(worker):
            worker.listen()

    def _hand_out(self, worker: HiredWorker) -> bool:
        """Give a worker what it can take; whether it has anything to do. One that has not is let go."""
        while self._runs.waiting and not self._tally.is_stopping and len(worker.attempts) < worker.capacity:
            self._runs.hand_out(worker)
            self._tell()
        if not worker.attempts:
            self._crew.let_go(worker)
        return bool(worker.attempts)

    def _lose(self, worker: HiredWorker, error: RayError) -> None:
        """Replace a worker that is gone, and let its runs go on elsewhere."""
        reason = self._crew.lose(worker, error)
        for attempt in reversed(worker.running):
            self._runs.lose(attempt, f"{worker} was lost ({reason})", is_stopping=self._tally.is_stopping)
            self._tell()
        if self._runs.waiting and not self._tally.is_stopping:
            self._crew.hire()

    def _stop_by_signal(self) -> None:
        """Let runs end after their present step at the first signal, at once at another."""
        if self._seen_signals == 1:
            self._take(events.Stopping())
            return
        for worker in list(self._crew.workers):
            for attempt in worker.running:
                attempt.session.interrupt()
            self._crew.let_go(worker)

    def _abandon(self, worker: HiredWorker) -> None:
        """Let go of a worker and its runs, in a launch that has failed."""
        self._crew.let_go(worker)
        for attempt in worker.running:
            attempt.is_mute = True
            attempt.session.interrupt()

    # Events.

    def _tell(self) -> None:
        """Pass on what sessions have told meanwhile."""
        while self._runs.told:
            self._take(self._runs.told.popleft())

    def _take(self, event: Event) -> None:
        """Enter an event into the tally, stop if it says so, and pass it on."""
        was_stopping = self._tally.is_stopping
        self._tally.take(event)
        if self._tally.is_stopping and not was_stopping:
            self._crew.stop()
        self._send(event)
