"""Progress of a study while it runs: live in a terminal or in the cell of a notebook, a few plain lines anywhere else.

A listener like any other (:mod:`seedproof.events`). A failed run is a result, so it is counted, not announced; a crashed one
is a fault and gets its own line, live or plain.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seedproof import events
from seedproof.events import Event
from seedproof.report.console import Console
from seedproof.report.notebook import Cell, in_notebook
from seedproof.store.checked import STOPPED

_PLAIN_LINES = 10
"""Lines about the overall progress that the plain mode writes for a whole study, at most."""
_BAR = 12
"""Characters of a run's bar; the overall one is twice as long."""
_CELL_SECONDS = 0.25
"""The cell of a notebook is drawn again at most this often, but for lines that must not be missed."""
_CELL_LINES = 20
"""Such lines that a cell shows, the latest."""


class Progress:
    """A listener that shows how far a study is, between its entry and its end as a context manager.

    Args:
        runs: runs of the study that this command executes or has already found finished.
        finished: how many of them were finished before; they count as done but not for the time left.
        failed: how many of those had failed.
        stopped: how many of those a rule had stopped.
        labels: what to call a run, by its id; the id itself where there is none.
        console: where to write; standard error by default, so that standard output stays for results.
        live: whether to draw over earlier lines; by default only where the console is a terminal that can.
        cell: of a notebook, to draw in instead of the console; by default the one that is being executed, if there is one
            and no console is given.
        clock: seconds since some fixed moment.
    """

    def __init__(
        self,
        runs: int,
        *,
        finished: int = 0,
        failed: int = 0,
        stopped: int = 0,
        labels: Mapping[str, str] | None = None,
        console: Console | None = None,
        live: bool | None = None,
        cell: Cell | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cell = Cell() if cell is None and console is None and in_notebook() else cell
        self._said: list[str] = []
        self._drawn = clock()
        self.console = console or Console(stderr=True)
        capable = self.console.is_terminal and not self.console.is_dumb_terminal
        self._is_live = (capable if live is None else live) and self._cell is None
        self.runs, self.finished, self.failed, self.stopped, self.crashed = runs, finished, failed, stopped, 0
        self._already, self._labels, self._clock = finished, labels or {}, clock
        self._active: dict[str, tuple[int, int, float | None]] = {}  # run -> steps done, steps to do, latest loss
        self._waiting: dict[str, float] = {}  # run that waits for its race -> part of it that is done
        self._started, self._tenth = clock(), 0
        self._lock = threading.Lock()
        self._live = Live(get_renderable=self._render, console=self.console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        self._started = self._clock()
        self._tenth = self._tenths()
        if self._is_live:
            self._live.start()
        elif self._cell is None:
            self._say(self._overall())
        self._draw(must=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._is_live:
            self._live.stop()
        if self._cell is not None:
            self._cell.draw("\n".join([self._overall(left=False), *self._said[-_CELL_LINES:]]))
        elif self._is_live or self.finished < self.runs:  # else the last tenth has said it
            self._say(self._overall(left=False))

    def __call__(self, event: Event) -> None:
        """Take note of an event; kinds that this display does not know are passed over."""
        with self._lock:
            lines = self._taken(event)
        # Outside the lock: printing takes the display's own lock, under which the display calls _render.
        for line in lines:
            self._say(line)
        self._draw(must=bool(lines))

    def _draw(self, *, must: bool) -> None:
        """Draw the cell of a notebook again."""
        if self._cell is None or not (must or self._clock() - self._drawn >= _CELL_SECONDS):
            return
        self._drawn = self._clock()
        text = io.StringIO()
        Console(file=text, width=100, color_system=None).print(self._render())
        self._cell.draw("\n".join([text.getvalue().rstrip(), *self._said[-_CELL_LINES:]]))

    def _taken(self, event: Event) -> list[str]:
        """Count ``event``; the lines that it is worth."""
        lines = []
        match event:
            case events.Started():
                self._waiting.pop(event.run, None)
                self._active[event.run] = (0, 0, None)
            case events.Paused():
                steps = self._active.pop(event.run, (0, 0, None))[1]
                self._waiting[event.run] = event.step / steps if steps else 0.0
            case events.Progress():
                self._active[event.run] = (event.step, event.steps, event.loss)
            case events.Finished() | events.Crashed() | events.Interrupted():
                self._active.pop(event.run, None)
        match event:
            case events.Stopping():
                lines.append("stopping after the present step of each run; Ctrl-C again stops at once")
            case events.Crashed():
                self.crashed += 1
                lines.append(f"crashed: {self._label(event.run)}: {event.message}")
            case events.Note():
                lines.append(f"note: {self._label(event.run)}{': ' if event.run else ''}{event.message}")
            case events.Finished():
                self.finished += 1
                self.failed += event.outcome == "failed"
                self.stopped += event.outcome == STOPPED
                self._waiting.pop(event.run, None)
        if not self._is_live and self._cell is None and self._tenths() > self._tenth:
            self._tenth = self._tenths()
            lines.append(self._overall())
        return lines

    def _tenths(self) -> int:
        return _PLAIN_LINES * self.finished // self.runs if self.runs else _PLAIN_LINES

    def _say(self, text: str) -> None:
        if self._cell is not None:
            self._said.append(text)
            return
        self.console.print(text, markup=False, highlight=False, soft_wrap=not self.console.is_terminal)

    def _label(self, run: str) -> str:
        return self._labels.get(run, run)

    def _done(self) -> float:
        """Finished runs and the finished parts of active and waiting ones."""
        active = sum(step / steps for step, steps, _ in self._active.values() if steps)
        return self.finished + active + sum(self._waiting.values())

    def _overall(self, *, left: bool = True) -> str:
        text = f"{self.finished} of {self.runs} runs finished, {self.failed} failed"
        text += f", {self.stopped} stopped" if self.stopped else ""
        text += f", {self.crashed} crashed" if self.crashed else ""
        text += f", {len(self._waiting)} waiting for their race" if self._waiting else ""
        done, elapsed = self._done(), self._clock() - self._started
        to_do = self.runs - self.crashed - done
        if left and to_do > 0 and done > self._already and elapsed > 0:
            text += f", about {duration(elapsed * to_do / (done - self._already))} left"
        return text

    def _render(self) -> Group:
        with self._lock:
            lines = Table.grid(padding=(0, 2, 0, 0))
            lines.add_column(max_width=36, overflow="fold")  # breaks between words
            lines.add_column(width=_BAR)
            lines.add_column(no_wrap=True)
            for run, (step, steps, loss) in self._active.items():
                state = f"step {step}/{steps}" if steps else "starting"
                state += "" if loss is None else f", loss {loss:.3f}"
                lines.add_row(Text(self._label(run)), _bar(step, steps, _BAR), Text(state))
            # The overall line comes first: with more workers than rows, a terminal cuts off the end.
            overall = Table.grid(padding=(0, 2, 0, 0))
            overall.add_column(width=2 * _BAR)
            overall.add_row(_bar(self._done(), self.runs, 2 * _BAR), Text(self._overall(), style="bold"))
            return Group(overall, lines)


def _bar(done: float, total: int, width: int) -> ProgressBar:
    return ProgressBar(total=total or 1, completed=done, width=width)


def duration(seconds: float) -> str:
    """A length of time as a person says it: ``0.3 s``, ``40 s``, ``12 min``, ``3 h 20 min``, beyond two days ``5 d 3 h``."""
    if 0 < seconds < 0.95:
        return f"{seconds:.1g} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if minutes > 48 * 60:
        return f"{hours // 24:,} d {hours % 24} h"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
