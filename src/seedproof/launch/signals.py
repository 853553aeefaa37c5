"""Ctrl-C and SIGTERM while runs execute: they ask, and do not tear."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def caught(on_signal: Callable[[], None]) -> Iterator[None]:
    """Call ``on_signal`` at each SIGINT and SIGTERM within a ``with`` block, in place of what they would do.

    Only the main thread can, and only it gets them; in another one this does nothing. A signal that is ignored on purpose, as
    ``nohup`` and ``&`` in a script do, stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {}
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            previous[number] = signal.signal(number, lambda *_: on_signal())
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def ending_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM end what is done within a ``with`` block as Ctrl-C does, so that processes and temporary files go, too."""
    with caught(_interrupt):
        yield


def _interrupt() -> None:
    raise KeyboardInterrupt
