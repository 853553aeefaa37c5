"""Runs survive the death of anything: of their worker, of the launcher, of the disk's last free block."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seedproof import events
from seedproof.errors import UserError
from seedproof.launch import StudyInterrupted, Summary
from seedproof.launch.base import Work
from seedproof.launch.local.launcher import LocalLauncher
from seedproof.spec import ModelReference, Numerics, RunSpec, Seeds, TaskReference
from seedproof.store import Cell, State, Store

pytestmark = pytest.mark.slow  # every test starts worker processes, each of which imports PyTorch

EXECUTOR = "local_executors:execute"
START_SECONDS = 60
"""How long a launcher and its workers may take to begin, on a machine that does much else."""

LAUNCHER = f"""
import sys
from seedproof.launch import StudyInterrupted
from seedproof.launch.base import Work
from seedproof.launch.local.launcher import LocalLauncher
from seedproof.store import Store
store = Store.open(sys.argv[1])
work = Work(store=store, specs=tuple(store.run(id_).spec for id_ in sys.argv[2:]), jobs=2)
try:
    LocalLauncher(executor="{EXECUTOR}").run(work, lambda event: None)
except StudyInterrupted as stop:
    print("stopped:", stop, flush=True)
    sys.exit(130)
"""


@pytest.fixture(autouse=True)
def executors_importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store.create(tmp_path / "a study", "first", Numerics(threads=3))


def add(store: Store, *behaviours: str) -> list[str]:
    """Add one run per behaviour and return their ids."""
    ids = []
    for behaviour in behaviours:
        spec = RunSpec(
            task=TaskReference(name="t", fingerprint="a", train_examples=1, dev_examples=1),
            model=ModelReference(name="m", fingerprint="b", family="bert"),
            recipe={"name": "r", "behaviour": behaviour},
            seeds=Seeds.from_number(len(store.cells()) + 1),
            numerics=Numerics(),
        )
        store.add(spec)
        store.add_cells([Cell.of(spec)])
        ids.append(spec.id)
    return ids


def nobody(event: events.Event) -> None:
    pass


def launch(
    store: Store, ids: list[str], jobs: int = 1, listener: events.Listener = nobody, executor: str = EXECUTOR
) -> Summary:
    work = Work(store=store, specs=tuple(store.run(id_).spec for id_ in ids), jobs=jobs)
    return LocalLauncher(executor=executor).run(work, listener)


def states(store: Store) -> list[State]:
    return list(store.states().values())


def all_run(store: Store, ids: list[str]) -> bool:
    """Whether each of these runs is running and has noted its start, which follows the lock."""
    folders = [store.run(id_) for id_ in ids]
    return all(folder.state is State.RUNNING and folder.attempts() for folder in folders)


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.02)


@pytest.fixture
def start_launcher(store: Store) -> Iterator[Callable[[list[str]], subprocess.Popen[str]]]:
    """Start a launcher of its own process; it is killed at the end of the test if it still lives."""
    processes = []

    def start(ids: list[str]) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", LAUNCHER, str(store.path), *ids]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_runs_are_executed_and_told_about(store: Store) -> None:
    ids = add(store, "finish", "finish", "finish")
    heard: list[events.Event] = []
    summary = launch(store, ids, jobs=2, listener=heard.append)
    assert sorted(summary.finished) == sorted(ids)
    assert states(store) == [State.FINISHED] * 3
    of_first = [event for event in heard if event.run == ids[0]]
    assert of_first[0] == events.Started(run=ids[0])
    assert of_first[-2] == events.Progress(run=ids[0], step=3, steps=3, loss=1 / 3)
    assert of_first[-1] == events.Finished(run=ids[0], outcome="succeeded", reason=None, score=0.5)
    assert store.run(ids[0]).result()["threads"] == "3"
    assert store.run(ids[0]).attempts()[0]["pid"] != os.getpid()


def test_finished_runs_are_skipped(store: Store) -> None:
    ids = add(store, "finish", "finish")
    launch(store, ids[:1])
    before = (store.run(ids[0]).path / "result.json").stat().st_mtime_ns
    assert launch(store, ids).finished == ids
    assert (store.run(ids[0]).path / "result.json").stat().st_mtime_ns == before
    assert launch(store, ids).finished == ids


def test_what_others_print_goes_to_the_log(store: Store) -> None:
    ids = add(store, "print")
    assert launch(store, ids).finished == ids
    [log] = (store.path / "logs").iterdir()
    assert '{"event": "finished", "run": "no"}' in log.read_text()
    assert "from a child" in log.read_text()


def test_a_crash_is_noted_and_the_other_runs_go_on(store: Store) -> None:
    ids = add(store, "boom", "mistake", "leave", "unfinished", "finish")
    summary = launch(store, ids)
    assert summary.crashed == {
        ids[0]: "RuntimeError: boom",
        ids[1]: "the text is too long",
        ids[2]: "SystemExit: a library that exits",
        ids[3]: "RuntimeError: the executor returned without finishing the run",
    }
    assert summary.finished == ids[4:]
    assert states(store) == [State.CRASHED] * 4 + [State.FINISHED]
    assert 'raise RuntimeError("boom")' in (store.run(ids[0]).path / "error.txt").read_text()
    assert store.run(ids[0]).attempts()[-1]["message"] == "RuntimeError: boom"


def test_a_run_whose_lock_cannot_be_opened_is_no_success(store: Store) -> None:
    """Its folder can say nothing of it, so the call does, when the other runs are done."""
    ids = add(store, "finish", "finish")
    (store.run(ids[0]).path / "lock").mkdir()
    with pytest.raises(UserError, match=r"1 run could not be begun: .*lock is a folder .*give the same command again"):
        launch(store, ids)
    assert store.run(ids[1]).is_finished
    (store.run(ids[0]).path / "lock").rmdir()
    assert launch(store, ids).crashed == {}


def test_a_crashed_run_is_tried_again_by_the_next_call(store: Store) -> None:
    ids = add(store, "boom")
    launch(store, ids)
    assert launch(store, ids).finished == ids
    assert not (store.run(ids[0]).path / "error.txt").exists()


def test_a_killed_worker_is_replaced_and_its_run_goes_on_later(store: Store) -> None:
    """One job: the runs after the killed one need a new worker. The killed one resumes from its checkpoint."""
    ids = add(store, "die", "finish", "die", "finish")
    summary = launch(store, ids)
    assert summary.finished == [ids[1], ids[3]]
    assert "SIGKILL" in summary.crashed[ids[0]]
    assert states(store) == [State.CRASHED, State.FINISHED] * 2
    assert launch(store, ids).crashed == {}
    assert store.run(ids[0]).result()["resumed_at"] == 1
    assert [record["step"] for record in store.run(ids[0]).journal.read()] == [1, 2, 3]


def test_workers_end_with_their_killed_launcher_and_their_runs_are_free(
    store: Store, start_launcher: Callable[[list[str]], subprocess.Popen[str]]
) -> None:
    ids = add(store, "wait", "stubborn")
    launcher = start_launcher(ids)
    wait_until(lambda: all_run(store, ids), START_SECONDS)
    launcher.kill()
    wait_until(lambda: states(store) == [State.LOST] * 2, 2)
    assert sorted(launch(store, ids).finished) == sorted(ids)


def test_a_worker_ends_at_once_when_its_orders_end(store: Store) -> None:
    """Its launcher still lives here, so it is the end of the pipe that it notices."""
    [id_] = add(store, "stubborn")
    command = [sys.executable, "-m", "seedproof.launch.local.worker", str(store.path), "--executor", EXECUTOR]
    command += ["--parent", str(os.getpid())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        assert worker.stdin is not None
        worker.stdin.write(b'{"order": "run", "run": "%s"}\n' % id_.encode())
        worker.stdin.flush()
        wait_until(lambda: all_run(store, [id_]), START_SECONDS)
        worker.stdin.close()
        worker.wait(5)
    assert states(store) == [State.LOST]


def test_workers_end_though_others_inherited_the_launchers_pipes(store: Store) -> None:
    """A launcher that forked a child which outlives it: the pipe stays open, but the parent is gone."""
    ids = add(store, "stubborn")
    code = LAUNCHER.replace("import sys\n", "import sys, os, threading, time, signal\n").replace(
        "try:", "threading.Timer(1.0, lambda: os.fork() or (time.sleep(20), os._exit(0))).start()\ntry:", 1
    )
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, str(store.path), *ids],
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_until(lambda: all_run(store, ids), START_SECONDS)
        time.sleep(1.5)
        process.kill()
        wait_until(lambda: states(store) == [State.LOST], 3)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_ctrl_c_ends_cleanly_and_says_how_to_go_on(
    store: Store, start_launcher: Callable[[list[str]], subprocess.Popen[str]], number: signal.Signals
) -> None:
    ids = add(store, "wait", "wait", "finish")
    launcher = start_launcher(ids)
    wait_until(lambda: all_run(store, ids[:2]), START_SECONDS)
    sessions = {os.getsid(store.run(id_).attempts()[-1]["pid"]) for id_ in ids[:2]}
    assert os.getsid(launcher.pid) not in sessions, "a terminal's Ctrl-C must reach the launcher only"
    launcher.send_signal(number)
    output, _ = launcher.communicate(timeout=20)
    assert launcher.returncode == 130
    assert "stopped: interrupted; runs: 2 interrupted, 1 not started; give the same command again" in output
    assert states(store) == [State.INTERRUPTED] * 2 + [State.PENDING]
    launch(store, ids)
    assert [store.run(id_).result()["resumed_at"] for id_ in ids] == [1, 1, 0]


def test_a_second_ctrl_c_kills(store: Store, start_launcher: Callable[[list[str]], subprocess.Popen[str]]) -> None:
    ids = add(store, "stubborn")
    launcher = start_launcher(ids)
    wait_until(lambda: all_run(store, ids), START_SECONDS)
    launcher.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        launcher.wait(0.5)
    launcher.send_signal(signal.SIGINT)
    launcher.communicate(timeout=5)
    assert launcher.returncode == 130
    assert states(store) == [State.INTERRUPTED]


def test_ctrl_c_in_a_plain_script_reaches_the_caller_and_leaves_its_handlers(store: Store) -> None:
    ids = add(store, "wait")
    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt) as caught:
        launch(store, ids, listener=lambda event: event.run and os.kill(os.getpid(), signal.SIGINT))
    assert isinstance(caught.value, StudyInterrupted)
    assert caught.value.summary.interrupted == ids
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_worker_that_is_asked_to_end_by_somebody_else_ends_cleanly(
    store: Store, start_launcher: Callable[[list[str]], subprocess.Popen[str]]
) -> None:
    """A batch system sends SIGTERM to every process of a job."""
    ids = add(store, "wait", "finish")
    launcher = start_launcher(ids[:1])
    wait_until(lambda: all_run(store, ids[:1]), START_SECONDS)
    os.kill(store.run(ids[0]).attempts()[-1]["pid"], signal.SIGTERM)
    output, _ = launcher.communicate(timeout=20)
    assert "1 interrupted" in output
    assert states(store)[0] is State.INTERRUPTED


@pytest.fixture
def signalled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[signal.Signals], str]:
    """An executor in whose import, before the worker is ready, the worker gets a signal."""

    def make(number: signal.Signals) -> str:
        # Raised in this very thread: another one would take what is sent to the process when it gets to it.
        code = f"import signal\nfrom local_executors import execute\nsignal.raise_signal({number:d})\n"
        (tmp_path / "signalled.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
        return "signalled:execute"

    return make


def test_a_worker_that_is_asked_to_end_before_it_has_a_run_crashes_none(
    store: Store, signalled: Callable[[signal.Signals], str]
) -> None:
    """What it was handed and did not take is left for the next call."""
    ids = add(store, "finish", "finish")
    with pytest.raises(StudyInterrupted) as stop:
        launch(store, ids, executor=signalled(signal.SIGTERM))
    assert stop.value.summary == Summary(not_started=ids)
    assert states(store) == [State.PENDING] * 2


def test_a_worker_that_is_killed_while_it_starts_is_a_message(
    store: Store, signalled: Callable[[signal.Signals], str]
) -> None:
    """It left nothing in its log, so how it ended is all that can be said."""
    ids = add(store, "finish")
    with pytest.raises(UserError, match="could be started: the last one was ended by SIGKILL, often a lack of memory"):
        launch(store, ids, executor=signalled(signal.SIGKILL))


def test_a_run_that_another_launcher_holds_is_left_to_it(store: Store) -> None:
    ids = add(store, "finish", "finish")
    with store.run(ids[0]).hold():
        summary = launch(store, ids)
    assert (summary.held, summary.finished) == (ids[:1], ids[1:])
    assert store.run(ids[0]).attempts() == []


def test_two_launchers_at_once_execute_each_run_once(store: Store) -> None:
    ids = add(store, *["finish"] * 12)
    summaries: list[Summary] = []
    threads = [threading.Thread(target=lambda: summaries.append(launch(store, ids))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(summaries) == 2
    assert all(sorted(summary.finished + summary.held) == sorted(ids) for summary in summaries)
    assert [len(store.run(id_).attempts()) for id_ in ids] == [1] * 12


def test_a_full_disk_stops_the_study_with_one_clear_message(store: Store) -> None:
    ids = add(store, "finish", "full", "finish")
    with pytest.raises(UserError, match=r"no space is left on the disk of .*finished runs are untouched.*free some"):
        launch(store, ids)
    assert states(store) == [State.FINISHED, State.INTERRUPTED, State.PENDING]
    assert launch(store, ids).finished == [ids[0], ids[1], ids[2]]


def test_an_error_of_the_listener_ends_the_workers(store: Store) -> None:
    """A bug in a progress display must not leave processes behind."""
    ids = add(store, "stubborn")

    def fail(event: events.Event) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        launch(store, ids, listener=fail)
    assert states(store) == [State.LOST]


def test_a_worker_that_cannot_start_says_why(store: Store) -> None:
    ids = add(store, "finish")
    with pytest.raises(RuntimeError, match="no_such_module"):
        launch(store, ids, executor="no_such_module:execute")
    assert states(store) == [State.PENDING]


def test_modules_in_the_users_folder_do_not_get_in_the_way(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "safetensors.py").write_text("raise ImportError('the wrong one')")
    monkeypatch.chdir(tmp_path)
    ids = add(store, "finish")
    assert launch(store, ids).finished == ids


def test_the_mistakes_of_a_caller(store: Store) -> None:
    with pytest.raises(UserError, match="jobs must be at least 1, but is 0"):
        launch(store, [], jobs=0)
    assert launch(store, []) == Summary()
