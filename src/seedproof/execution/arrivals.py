"""Runs on their way into a fleet that trains."""

from __future__ import annotations

import queue
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from seedproof.execution.session import Session

TOGETHER_SECONDS = 0.1
"""How long to wait for the next of several runs that are handed over one by one."""

Order = TypeVar("Order")


class Arrivals(Generic[Order]):
    """Runs that are handed to a fleet while it trains.

    Args:
        orders: what names a run, or None: no more runs will come.
        begin: begins the run that an order names; None where there is nothing to execute.
    """

    def __init__(self, orders: queue.SimpleQueue[Order | None], begin: Callable[[Order], Session | None]) -> None:
        self._orders, self._begin = orders, begin
        self.is_over = False
        """Whether no more runs will come."""

    def take(self, *, wait: bool) -> list[Session]:
        """All runs that have been handed over by now; those that were handed over together come together, so that they stay
        in step.

        Args:
            wait: for a first one.
        """
        taken: list[Session] = []
        with suppress(queue.Empty):
            while not self.is_over:
                order = (
                    self._orders.get()
                    if wait and not taken
                    else self._orders.get(timeout=TOGETHER_SECONDS if taken else 0)
                )
                if order is None:
                    self.is_over = True
                elif (session := self._begin(order)) is not None:
                    taken.append(session)
        return taken
