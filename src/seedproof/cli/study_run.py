"""What ``seedproof study run`` does with a study: show what it would do, or run it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.cli.trackers import begun_trackers, followed

if TYPE_CHECKING:
    from seedproof.launch.base import Launcher
    from seedproof.store import State
    from seedproof.study.study import Study


def foresee(study: Study, out: Path | None, launcher: Launcher, jobs: int | None, verbose: bool) -> None:
    """Show what a study would run, and what that would take; runs nothing."""
    from seedproof.cli.planned import can_be_timed, print_estimate, print_kept, print_lines, print_notes, print_plan
    from seedproof.cli.recipes import print_recipes

    numerics_there = study.numerics(out, launcher)
    planned = study.plan(numerics_there, out)
    runs = study.fitted(planned, out)
    study.check_race(planned, out)
    tried = study.try_out(planned, out)
    # The plan is the result here, and so it goes to standard output, all of it.
    print_recipes(study, verbose=verbose, err=False)
    print_kept(runs, {task.name: task.parsing for task in planned.tasks if task.parsing}, err=False)
    print_notes(planned.tasks, {source.name: source for source in planned.sources}, planned.runs, err=False)
    print_lines(tried, err=False)
    print_plan(runs, _states(out), study.recordings(out), study.left(planned, out).again)
    if can_be_timed(numerics_there, launcher):
        has_fleet = any(run.spec.numerics.engine == "fleet" for run in runs)
        print_estimate(study.estimate(planned, out), numerics_there, jobs, launcher, has_fleet=has_fleet)


def carry_out(
    study: Study, out: Path, launcher: Launcher, jobs: int | None, verbose: bool, trackers: list[str]
) -> None:
    """Run a study, saying first what was decided about recipes, data and models."""
    from seedproof.cli.planned import print_kept, print_lines, print_notes_of
    from seedproof.cli.recipes import print_recipes
    from seedproof.cli.results import continuing, print_results
    from seedproof.study.given import stored_parsing

    notes: list[str] = []
    live = [*begun_trackers(out, trackers)]
    store, runs = study.prepare(out, launcher=launcher, say=notes.append)
    print_recipes(study, verbose=verbose)
    print_kept(runs, stored_parsing(study.tasks, store))
    print_notes_of(store, runs)
    print_lines(notes)
    with continuing(), followed(live) as listeners:
        results = study.execute(store, runs, jobs=jobs, launcher=launcher, listeners=listeners)
    print_results(results)


def _states(folder: Path | None) -> dict[str, State]:
    """The states of the runs that a study has; none where there is no study yet."""
    from seedproof.study.given import study_in

    store = study_in(folder)
    return {} if store is None else store.states()
