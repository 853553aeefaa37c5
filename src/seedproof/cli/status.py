"""What is printed of how far a study is: its runs by state, what crashed, and how to go on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from seedproof.cli.quantities import runs_in_words
from seedproof.cli.streams import say
from seedproof.store.checked import STOPPED

if TYPE_CHECKING:
    from seedproof.store import State, Store

REASONS = {"majority": "not better than the majority", "diverged": "diverged"}
"""How a run failed, in words."""

STATES = ("finished", "running", "pending", "interrupted", "paused", "lost", "crashed")
"""States in the order in which they are printed."""


def print_status(store: Store) -> None:
    """Print the runs of a study by state and outcome, and the message of each crash."""
    from seedproof.execution.race import Race
    from seedproof.execution.recording import Recording

    states = store.states()
    store.check_specs(states)
    counts = Counter(str(state) for state in states.values())
    details = {
        "finished": _outcomes(store, states),
        "pending": _without_folders(store, states) if counts["pending"] else "",
        "paused": " (waiting until all of their race have come as far)",
    }
    say(f"study {store.name!r} in {store.path}: {runs_in_words(len(states))}")
    for state in STATES:
        if counts[state]:
            say(f"  {counts[state]:>5} {state}{details.get(state, '')}")
    if (race := Race.read(store.path)) is not None:
        from seedproof.study.racing import called

        say(f"race: {called(store, race)}")
    say(f"recorded: {Recording.read(store.path).in_words()}")
    _print_crashes(store, states)
    if counts["finished"] < len(states) and not counts["running"]:
        _print_continuing(store, states)


def _outcomes(store: Store, states: Mapping[str, State]) -> str:
    """How many of the finished runs failed, and how, and how many a rule has stopped."""
    results = [store.run(id_).result() for id_, state in states.items() if state == "finished"]
    failed = Counter(result["reason"] for result in results if result["outcome"] == "failed")
    stopped = Counter(result["reason"] for result in results if result["outcome"] == STOPPED)
    reasons = ", ".join(f"{count} {REASONS[reason]}" for reason, count in sorted(failed.items()))
    by = " and ".join(f"{count} by the {rule}" for rule, count in sorted(stopped.items()))
    early = f"; {stopped.total()} stopped early, {by}" if by else ""
    return f" ({failed.total()} failed{': ' + reasons if reasons else ''}{early})"


def _without_folders(store: Store, states: Mapping[str, State]) -> str:
    """How many of the runs have lost their folder."""
    lost = sum(not store.run(id_).has_spec for id_ in states)
    return f" (of {lost} the folder is gone; {'it' if lost == 1 else 'they'} will be run anew)" if lost else ""


def _print_crashes(store: Store, states: Mapping[str, State]) -> None:
    for id_, state in states.items():
        if state == "crashed":
            last = store.run(id_).attempts()[-1]
            trace = store.run(id_).path / "error.txt"
            where = f"; see {trace}" if trace.exists() else ""
            say(f"crashed: run {id_}: {last.get('message', '')}{where}")


def _print_continuing(store: Store, states: Mapping[str, State]) -> None:
    """Say how to go on with a study; what was copied in unfinished is another study's."""
    from seedproof.report.commands import commands_of

    strangers = sum(states[id_] != "finished" for id_ in store.copied_in())
    if strangers < sum(state != "finished" for state in states.values()):
        say("to continue:")
        unfinished = [cell for cell in store.cells() if states.get(cell.id) != "finished"]
        made_again = (
            "run the script that trains again" if store.is_watched else "give the command that made the study again"
        )
        for line in commands_of(store, cells=unfinished) or [made_again]:
            say(f"  {line}")
    if strangers:
        say(
            f"{strangers} that are not finished were copied in; go on with them in the study they are from, and copy their "
            "folders again"
        )
