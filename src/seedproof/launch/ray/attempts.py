"""Attempts at runs, and the workers that make them, as the process that has the store sees them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any, Self

import ray
from ray.exceptions import RayError

from seedproof import events
from seedproof.events import Event
from seedproof.execution.environment import Process, difference, pinned
from seedproof.execution.run_session import RunSession
from seedproof.launch.local.process import worker_environment
from seedproof.launch.ray.cluster import Needs
from seedproof.launch.ray.worker import Ready, Worker
from seedproof.store import Store

TAKE_SECONDS = 1.0
"""How long a worker waits for something to say before it answers that there is nothing."""


@dataclass(eq=False)
class Attempt:
    """A run in the hands of a worker, with the session that keeps it."""

    number: int
    session: RunSession
    told: deque[Event]
    is_over: bool = False
    """Whether its end is noted; what the worker still says of it is not heard."""
    is_mute: bool = False
    """Whether its end is none for the launch, because the run is handed out again or the launch itself has failed."""
    step: int = 0
    """Step of the checkpoint that it went on from, or of its last one."""

    def hear(self, event: Event) -> None:
        """Take an event of the session, to be told when the session has done what it was called for."""
        self.is_over = self.is_over or events.is_end(event)
        if not (self.is_mute and events.is_end(event)):
            self.told.append(event)


@dataclass(eq=False)
class HiredWorker:
    """A worker as this process sees it."""

    actor: Any
    answer: Any
    """Ray's reference to what is waited for: that it is ready, then what it has to say."""
    ready: Ready | None = None
    capacity: int = 0
    attempts: dict[int, Attempt] = field(default_factory=dict)

    def __str__(self) -> str:
        process = self.ready.process if self.ready else None
        return f"process {process.pid} on {process.host}" if process else "a worker"

    @classmethod
    def hire(cls, needs: Needs, executor: str, members: int, store: Store) -> Self:
        """Ask the cluster for a worker; it begins when a node has room."""
        variables = pinned(store.path)
        actor_class = ray.remote(Worker).options(
            num_cpus=needs.cpus,
            num_gpus=needs.gpus,
            max_restarts=0,
            max_task_retries=0,
            max_concurrency=4,  # it is asked what it has to say while it is handed a run or told to stop
            scheduling_strategy="SPREAD",
            runtime_env={"env_vars": worker_environment(store.numerics.threads, variables)},
        )
        actor = actor_class.remote(executor, members, variables)
        return cls(actor, actor.begin.remote())

    def listen(self) -> None:
        """Wait for what it has to say next."""
        self.answer = self.actor.take.remote(TAKE_SECONDS)

    def dismiss(self) -> None:
        """End its process, whatever it does."""
        ray.kill(self.actor)

    @property
    def running(self) -> list[Attempt]:
        """Its attempts whose end is not noted."""
        return [attempt for attempt in self.attempts.values() if not attempt.is_over]

    @property
    def other_versions(self) -> str:
        """What differs between its versions and those of this process, in words."""
        assert self.ready is not None
        return difference(_versions(Process.here()), _versions(self.ready.process))


def _versions(process: Process) -> dict[str, Any]:
    packages = {name: value for name, value in process.environment.items() if name.startswith("version_")}
    return {"python": process.python, "seedproof": process.seedproof, **packages}


def reason_of_loss(error: RayError) -> tuple[str, bool]:
    """Why a worker is gone, in a line, and whether its node is gone too."""
    text = " ".join(str(error).split())
    if "node has died" in text or "node died" in text:
        return "its node is gone", True
    if "worker process has died" in text:
        return "its process was ended, often for a lack of memory", False
    return text[:300], False
