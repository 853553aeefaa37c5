"""The runs of a launch between the store and the workers: handed out, kept as they go on, handed out again when they are lost."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable

from seedproof.errors import UserError
from seedproof.events import Event
from seedproof.execution.run_session import RunSession
from seedproof.launch.base import Work
from seedproof.launch.ray.attempts import Attempt, HiredWorker
from seedproof.launch.ray.parcels import Parcels
from seedproof.launch.ray.session import Message, Order, replay

MOST_LOSSES = 3
"""Times that the worker of a run may be lost without a new checkpoint between; then the run may be what ends them."""


class Runs:
    """The runs of one placement.

    Args:
        work: of the launch.
        ids: of the runs, in the order in which they are handed out.
        parcels: what they need of the store, packed.
    """

    def __init__(self, work: Work, ids: Iterable[str], parcels: Parcels) -> None:
        self._work, self._parcels = work, parcels
        self.waiting = deque(ids)
        self.told: deque[Event] = deque()
        """Events of sessions, to be told when a session has done what it was called for."""
        self._attempts = 0
        self._losses: Counter[str] = Counter()
        self._lost: set[str] = set()

    def hand_out(self, worker: HiredWorker) -> None:
        """Hold the next run and hand it to a worker; or that cannot be, and is told."""
        assert worker.ready is not None
        run_id = self.waiting.popleft()
        self._attempts += 1
        session = RunSession(
            self._work.store,
            run_id,
            lambda event: attempt.hear(event),
            repeat=run_id in self._work.repeat,
            process=worker.ready.process,
        )
        attempt = Attempt(self._attempts, session, self.told)
        if not session.open():
            return
        try:
            order = self._order(attempt)
        except Exception as error:
            session.crash(error)
            return
        worker.attempts[attempt.number] = attempt
        worker.actor.hand.remote(order)

    def _order(self, attempt: Attempt) -> Order:
        """All that a worker needs for a run, from its last checkpoint on."""
        session = attempt.session
        checkpoint = session.resume()
        attempt.step = checkpoint.step if checkpoint else 0
        return Order(
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

    def keep(self, worker: HiredWorker, message: Message) -> None:
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

    def lose(self, attempt: Attempt, message: str, *, is_stopping: bool) -> None:
        """Let a run go on elsewhere whose worker is gone, unless the launch is stopping, or it has been lost too often."""
        run_id = attempt.session.id
        self._losses[run_id] += 1
        if is_stopping:
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
            self.waiting.appendleft(run_id)

    @property
    def not_resumed(self) -> set[str]:
        """Those that have begun, were lost, and wait to go on."""
        return self._lost.intersection(self.waiting)
