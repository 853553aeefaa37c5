"""The contract of launchers as a class of tests for pytest, to be subclassed for a launcher of one's own.

    from seedproof.testing import LauncherContract

    class TestMyLauncher(LauncherContract):
        launcher = "my_package:MyLauncher"      # or the name of an entry point
        options = {"queue": "short"}

It takes about a minute: real runs of a model of two tiny layers, in this process and in processes that are killed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from seedproof import events
from seedproof.errors import UserError
from seedproof.events import Event, Listener
from seedproof.execution.run_session import RunSession
from seedproof.launch import Summary
from seedproof.launch.base import Launcher, launcher_of
from seedproof.store import RunFolder, State, Store
from seedproof.testing.disk import DISK_FULL, refuse_where_full, site_of
from seedproof.testing.tiny import (
    STEPS,
    contract_study,
    folders,
    ignore,
    journals,
    losses_in,
    losses_of,
    prepared,
    tiny_model,
    work_of,
)

SECONDS = 120.0
"""How long to wait for a launch to get somewhere."""


class LauncherContract:
    """What every launcher must do, as :class:`seedproof.launch.base.Launcher` says it.

    A subclass names the launcher; pytest finds its tests.
    """

    launcher: ClassVar[str]
    """A launcher's name, or ``module:Class``: it is made in other processes too."""
    options: ClassVar[Mapping[str, Any]] = {}
    """JSON values."""
    jobs: ClassVar[int | None] = 1

    @pytest.fixture
    def model(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """A tiny model, one for all tests of a session: the bits of runs depend on it."""
        folder = tmp_path_factory.getbasetemp() / "contract" / "bert"
        return folder if folder.exists() else tiny_model(folder)

    @pytest.fixture
    def expected(self, model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
        """Journals of the plain runs by id, made without a launcher and without an interruption."""
        from seedproof.execution import plain

        store = prepared(tmp_path_factory.getbasetemp() / "contract" / "expected", model)
        for run_id in store.run_ids():
            with RunSession(store, run_id, ignore) as session:
                if session is not None:  # else another test of the session has made it
                    plain.execute(session)
        return journals(store)

    @pytest.fixture
    def store(self, model: Path, tmp_path: Path) -> Store:
        """A study of two plain runs, none of which was started."""
        return prepared(tmp_path / "a study", model)

    @pytest.fixture
    def fleet(self, model: Path, tmp_path: Path) -> Store:
        """A study of two runs for a fleet, none of which was started."""
        return prepared(tmp_path / "a fleet", model, engine="fleet")

    def made(self) -> Launcher:
        """The launcher that is tested."""
        return launcher_of(self.launcher, **self.options)

    def launch(self, store: Store, listener: Listener = ignore) -> Summary:
        """Execute the runs of a store in this process."""
        return self.made().run(work_of(store, self.jobs), listener)

    def interrupted_at(self, store: Store, number: signal.Signals) -> int:
        """Execute the runs of a store from another process, which gets a signal while they run; its exit status."""
        command = [sys.executable, "-m", "seedproof.testing.launch", str(store.path), self.launcher]
        command += [json.dumps(dict(self.options)), json.dumps(self.jobs)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as process:
            try:
                wait_until(lambda: process.poll() is not None or any(map(is_under_way, folders(store))))
                process.send_signal(number)
                return process.wait(SECONDS)
            finally:
                process.kill()

    def test_runs_end_in_the_same_bits_and_are_told_about(self, store: Store, expected: dict[str, bytes]) -> None:
        heard: list[Event] = []
        summary = self.launch(store, heard.append)
        assert sorted(summary.finished) == sorted(expected)
        assert journals(store) == expected
        for run_id in expected:
            of_run = [event for event in heard if event.run == run_id]
            assert isinstance(of_run[0], events.Started)
            assert isinstance(of_run[-1], events.Finished)
            assert max(event.step for event in of_run if isinstance(event, events.Progress)) == STEPS

    def test_a_race_is_run_and_the_one_that_goes_on_ends_in_the_same_bits(
        self, model: Path, tmp_path: Path, expected: dict[str, bytes]
    ) -> None:
        heard: list[Event] = []
        race = contract_study(model, race="2:1@0.5")
        results = race.run(
            tmp_path / "a race", launcher=self.made(), jobs=self.jobs, listeners=[heard.append], progress=False
        )
        runs = results.runs().set_index("outcome")["run"]
        paused = {event.run: event.step for event in heard if isinstance(event, events.Paused)}
        assert paused == dict.fromkeys(expected, STEPS // 2)
        [stopped], [going_on] = runs[runs.index == "stopped"], runs[runs.index != "stopped"]
        assert losses_of(results.path, going_on) == losses_in(expected[going_on])
        assert losses_of(results.path, stopped) == losses_in(expected[stopped])[: STEPS // 2]

    def test_finished_runs_are_left_alone(self, store: Store) -> None:
        self.launch(store)
        before = [folder.attempts() for folder in folders(store)]
        heard: list[Event] = []
        assert sorted(self.launch(store, heard.append).finished) == sorted(store.run_ids())
        assert [folder.attempts() for folder in folders(store)] == before
        assert not any(event.run for event in heard)

    def test_a_run_that_another_process_holds_is_left_to_it(self, store: Store) -> None:
        first, *others = store.run_ids()
        with store.run(first).hold():
            summary = self.launch(store)
        assert summary.held == [first]
        assert sorted(summary.finished) == sorted(others)
        assert store.run(first).attempts() == []

    def test_a_run_that_crashes_does_not_end_the_others(self, store: Store) -> None:
        work = work_of(store, self.jobs)
        first, *others = store.run_ids()
        (store.run(first).path / "spec.json").write_text("{}")
        summary = self.made().run(work, ignore)
        assert list(summary.crashed) == [first]
        assert sorted(summary.finished) == sorted(others)
        assert store.run(first).state is State.CRASHED

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM])
    def test_plain_runs_whose_launcher_is_killed_or_asked_to_stop_go_on_to_the_same_bits(
        self, store: Store, expected: dict[str, bytes], number: signal.Signals
    ) -> None:
        status = self.interrupted_at(store, number)
        wait_until(lambda: State.RUNNING not in store.states().values())
        if number != signal.SIGKILL:
            assert status == 130
            assert State.INTERRUPTED in store.states().values()
            assert State.LOST not in store.states().values()
        assert sorted(self.launch(store).finished) == sorted(expected)
        assert journals(store) == expected

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
    def test_runs_of_a_fleet_are_complete_once_whatever_ended_it(self, fleet: Store, number: signal.Signals) -> None:
        self.interrupted_at(fleet, number)
        wait_until(lambda: State.RUNNING not in fleet.states().values())
        assert sorted(self.launch(fleet).finished) == sorted(fleet.run_ids())
        for folder in folders(fleet):
            steps = [record["step"] for record in folder.records() if record["kind"] == "loss"]
            assert steps == list(range(1, STEPS + 1))

    @pytest.mark.parametrize("engine", ["store", "fleet"])
    def test_a_full_disk_ends_the_launch_with_one_message_and_crashes_no_run(
        self, engine: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        store: Store = request.getfixturevalue(engine)
        mark = tmp_path / "the disk is full"
        monkeypatch.setenv(DISK_FULL, str(mark))
        monkeypatch.setenv("PYTHONPATH", str(site_of(tmp_path)), prepend=os.pathsep)
        refuse_where_full(monkeypatch.setattr)

        def fill(event: Event) -> None:
            if isinstance(event, events.Progress) and event.step > 10:
                mark.touch()

        with pytest.raises(UserError, match=r"no space is left on the disk of .*finished runs are untouched"):
            self.launch(store, fill)
        assert not {State.RUNNING, State.CRASHED} & set(store.states().values())
        mark.unlink()
        assert sorted(self.launch(store).finished) == sorted(store.run_ids())

    def test_an_error_of_the_listener_ends_the_launch(self, store: Store) -> None:
        def fail(event: Event) -> None:
            if isinstance(event, events.Started):
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            self.launch(store, fail)
        wait_until(lambda: State.RUNNING not in store.states().values())
        assert State.CRASHED not in store.states().values()

    def test_a_number_of_jobs_below_one_is_refused(self, store: Store) -> None:
        with pytest.raises(UserError, match="jobs must be at least 1, but is 0"):
            self.made().run(work_of(store, 0), ignore)


def is_under_way(folder: RunFolder) -> bool:
    """Whether a run goes and has saved its state."""
    return folder.state is State.RUNNING and (folder.path / "checkpoint.safetensors").exists()


def wait_until(condition: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Wait for a condition.

    Raises:
        AssertionError: it did not become true.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {seconds:g} s"
        time.sleep(0.02)
