"""Who has a run: it is held by one process at a time, and however it is let go of, that is noted in its folder, and told.

A process that died notes nothing, and a run that waits for its race is held by nobody: whoever finds these holds them for as
long as it takes to write how they ended.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from seedproof import events
from seedproof.errors import UserError, is_out_of_memory
from seedproof.events import Listener
from seedproof.execution.environment import Process
from seedproof.execution.inputs import read_task
from seedproof.execution.outcome import make_result
from seedproof.execution.recording import Recording
from seedproof.execution.stopping import Stopped
from seedproof.store import Held, Journal, RunFolder, State, Store, disk_full_message, is_disk_full


class HeldRun:
    """A run of a store in the hands of this process, from its lock to its end. Every end lets go of it.

    Args:
        store: of the run.
        run_id: its id.
        send: told every event of the run.
    """

    def __init__(self, store: Store, run_id: str, send: Listener) -> None:
        self.id, self.folder = run_id, store.run(run_id)
        self._store, self._send = store.path, send
        self._lock = ExitStack()
        self.is_open = False
        """Whether it is held, and neither finished nor let go of."""

    def hold(self) -> bool:
        """Take the run; whether that could be done. If not, that was told, and nothing is noted."""
        try:
            self._lock.enter_context(self.folder.hold())
        except Held as error:
            self._send(events.Held(run=self.id, message=str(error)))
            return False
        except (OSError, UserError) as error:  # nothing may be written into its folder
            self._send(events.Crashed(run=self.id, message=_message(error, self._store), refused=True))
            return False
        self.is_open = True
        return True

    def start(self, process: Process) -> None:
        """Note that a process begins with it, or goes on."""
        where = {"host": process.host, "pid": process.pid}
        self.folder.add_attempt_event("start", environment=dict(process.environment), **where)
        self._send(events.Started(run=self.id))

    def finish(self) -> None:
        """Let go of a run that has its result."""
        self._end(_finished(self.folder))

    def pause(self, step: int, about: Mapping[str, Any], execution: Mapping[str, Any]) -> None:
        """Note that it waits after ``step``, with what its result will say of this attempt if it is stopped here."""
        self.folder.add_attempt_event("paused", about=dict(about), execution=dict(execution))
        self._end(events.Paused(run=self.id, step=step))

    def interrupt(self, journal: Journal) -> None:
        """Note the interruption, behind all that is in its journal; if that cannot be done, it is a crash."""
        try:
            journal.flush()
            self.folder.add_attempt_event("interrupted")
        except (OSError, UserError) as error:
            self.crash(error)
        else:
            self._end(events.Interrupted(run=self.id))

    def crash(self, error: BaseException) -> None:
        """Note the crash; a run has no fault where the disk is full, and is interrupted."""
        message, is_full = _message(error, self._store), is_disk_full(error)
        refused = False
        try:
            with suppress(OSError):  # a full disk also refuses these notes; the event tells in any case
                self.folder.add_attempt_event("interrupted" if is_full else "crashed", message=message)
            if not is_full:
                with suppress(OSError):
                    self.folder.write_error("".join(traceback.format_exception(error)))
        except UserError as damaged:  # its folder cannot say how it ended
            message, refused = str(damaged), True
        if is_full:
            self._end(events.Interrupted(run=self.id, disk_full=True))
        else:
            self._end(events.Crashed(run=self.id, message=message, refused=refused))

    def _end(self, event: events.Event) -> None:
        """Let go of the run, then tell: whoever hears of its end may hold it."""
        self.is_open = False
        self._lock.close()
        self._send(event)


def _message(error: BaseException, store: Path) -> str:
    """The error that ended a run, in words."""
    if is_disk_full(error):
        return disk_full_message(store)
    if is_out_of_memory(error):
        return f"memory ended ({str(error) or type(error).__name__}); give the same command again with fewer --jobs"
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"


def _finished(folder: RunFolder) -> events.Finished:
    """What there is to tell of a finished run."""
    result = folder.result()
    outcome = str(result.get("outcome"))
    return events.Finished(run=folder.id, outcome=outcome, reason=result.get("reason"), score=result.get("score"))


def end_dead_run(store: Store, run_id: str, message: str, *, interrupted: bool, repeat: bool) -> events.Event:
    """Say how the run of a process that has died ended, and note it in its folder, unless the process did.

    Args:
        store: of the run.
        run_id: its id.
        message: how the process ended.
        interrupted: whether that was somebody's wish, and not a crash.
        repeat: whether the run had been finished before, and was done again.
    """
    folder = store.run(run_id)
    ended: events.Event = events.Crashed(run=run_id, message=message)
    if interrupted:
        ended = events.Interrupted(run=run_id)
    try:
        with folder.hold():
            if folder.is_finished and not repeat:
                return _finished(folder)
            if folder.attempts() and folder.attempts()[-1]["event"] == "start":
                folder.add_attempt_event("interrupted" if interrupted else "crashed", message=message)
    except Held:
        pass  # somebody else took the run over already
    except (OSError, UserError) as error:
        if not is_disk_full(error):  # its folder cannot say how it ended
            return events.Crashed(run=run_id, message=f"{message}; {error}", refused=True)
    return ended


def stop_paused(store: Store, run_id: str, stopped: Stopped) -> events.Finished | None:
    """Finish a run that waits for its race, as stopped.

    Args:
        store: of the run.
        run_id: its id.
        stopped: why.

    Returns:
        What there is to tell; None where it does not wait any more, because another process has stopped it.

    Raises:
        UserError: another process holds the run, or it is damaged.
    """
    folder = store.run(run_id)
    with folder.hold():
        if folder.state_if_free is not State.PAUSED:
            return None
        paused = folder.attempts()[-1]
        task = read_task(store.task_folder(folder.spec.task.fingerprint))
        recording = Recording.read(store.path)
        folder.finish(make_result(stopped, folder, task, paused["about"], recording, paused["execution"]))
    return _finished(folder)
