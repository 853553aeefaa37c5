"""The workers of a launch: hired where nodes have room, waited for in turn, let go of; given up on where none can begin."""

from __future__ import annotations

import time

import ray
from ray.exceptions import RayError

from seedproof import events
from seedproof.errors import UserError
from seedproof.events import Listener
from seedproof.launch.base import Work
from seedproof.launch.placement import Placement, most_members
from seedproof.launch.ray.attempts import HiredWorker, reason_of_loss
from seedproof.launch.ray.cluster import Needs, slots, too_small
from seedproof.launch.ray.worker import Ready

MOST_FAILURES = 3
"""Workers that may be lost one after another before one was ready."""

TURN_SECONDS = 0.2
"""How long a signal may wait."""

WAITING_SECONDS = 30.0
"""After how long it is said that no worker has begun."""

PATIENCE_SECONDS = 60.0
"""How long a cluster may have no node for a worker, once it had one."""


class Crew:
    """The workers that execute the runs of one placement.

    Args:
        work: of the launch.
        placement: its runs, and how many at a time.
        executor: ``module:function`` that executes one run, given its session.
        listener: told, once each, what is to be known of them.
    """

    def __init__(self, work: Work, placement: Placement, executor: str, listener: Listener) -> None:
        self.workers: list[HiredWorker] = []
        self._work, self._placement, self._executor, self._listener = work, placement, executor, listener
        self._needs = Needs.of(work.store.numerics)
        self._members = placement.members
        self._failures = 0
        self._noted: set[str] = set()
        self._alone_since = time.monotonic()
        """Since when no worker has been ready."""

    def hire(self) -> None:
        """Ask the cluster for one more."""
        self.workers.append(HiredWorker.hire(self._needs, self._executor, self._members, self._work.store))

    def wait(self) -> list[HiredWorker]:
        """Those that have something to say by now, or at the end of the turn."""
        answers = {worker.answer: worker for worker in self.workers}
        done, _ = ray.wait(list(answers), timeout=TURN_SECONDS)
        said = [answers[answer] for answer in done]
        self.workers = [worker for worker in self.workers if worker not in said] + said  # the next turn is another's
        return said

    def welcome(self, worker: HiredWorker, ready: Ready) -> None:
        """Find out how many runs at a time a worker that is ready can take."""
        worker.ready, self._failures = ready, 0
        worker.capacity = max(1, self._members)
        if self._members:
            fingerprints = {spec.id: spec.model.fingerprint for spec in self._work.specs}
            largest = max(self._work.weight_bytes[fingerprints[id_]] for id_ in self._placement.runs)
            most = most_members(self._work.store.numerics.device, largest, ready.machine)
            worker.capacity = max(1, min(self._members, most))
        if differing := worker.other_versions:
            self._note_once(
                f"runs execute with other versions than this machine has ({differing}); each result says which"
            )

    def stop(self) -> None:
        """Have all runs end after their present step; workers that have none are let go."""
        for worker in list(self.workers):
            worker.actor.stop.remote()
            if not worker.attempts:
                self.let_go(worker)

    def let_go(self, worker: HiredWorker) -> None:
        """End a worker, whatever it does."""
        self.workers.remove(worker)
        worker.dismiss()

    def lose(self, worker: HiredWorker, error: RayError) -> str:
        """Let go of a worker that is gone; gives why, in words.

        Raises:
            UserError: the cluster starts none.
        """
        self.let_go(worker)  # it may only be out of reach
        reason, is_node = reason_of_loss(error)
        if worker.ready is None:
            self._failures += 1
            if self._failures >= MOST_FAILURES:
                raise UserError(
                    f"the Ray cluster starts no worker ({reason}); install the same seedproof and torch on all of its nodes"
                )
        if len(worker.running) > 1 and not is_node:
            # Most often the system's way to say that memory is short: the same runs again, fewer at a time.
            self._members = max(1, self._members // 2)
        return reason

    def check_nodes(self) -> None:
        """Say where no worker begins; give up where none can.

        Raises:
            UserError: the cluster has no node for one any more.
        """
        now = time.monotonic()
        if any(worker.ready is not None for worker in self.workers):
            self._alone_since = now
        waited = now - self._alone_since
        if waited > WAITING_SECONDS:
            self._note_once(
                f"no worker has begun yet on the Ray cluster: each needs {self._needs}, which others may have"
            )
        if waited > PATIENCE_SECONDS and not slots(self._needs):
            raise too_small(self._needs)

    def _note_once(self, message: str) -> None:
        if message not in self._noted:
            self._noted.add(message)
            self._listener(events.Note(message=message))
