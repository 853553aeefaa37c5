"""The races of a study, one for each task, model and recipe: checked before they start, decided from stored evaluations."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence

from seedproof import events
from seedproof.alarms.doomed import EVERY
from seedproof.errors import UserError
from seedproof.events import Listener
from seedproof.execution.holding import stop_paused
from seedproof.execution.race import Decision, Race, add_decision, decisions, ranking
from seedproof.execution.recording import Recording
from seedproof.execution.stopping import Stopped
from seedproof.recipes import from_json
from seedproof.spec import RunSpec, Seeds
from seedproof.store import RunFolder, State, Store
from seedproof.study.given import as_seeds
from seedproof.study.planning import PlannedRun
from seedproof.tasks.folder import read_metric
from seedproof.training.plan import step_at, total_steps

Cell = tuple[str, str, str]
"""Names of a task, a model and a recipe: the runs of one race."""


def as_race(race: Race | str | None, *, stop_doomed: bool) -> Race | None:
    """The race of a study, from what its user gave.

    Raises:
        UserError: it is none, or runs are to be stopped without a race.
    """
    if race is None:
        if stop_doomed:
            raise UserError(
                "doomed runs are stopped within a race only; give one, e.g. --race 10:5, or leave out stop_doomed"
            )
        return None
    if isinstance(race, str):
        return Race.parse(race, stop_doomed=stop_doomed)
    if not isinstance(race, Race):
        raise UserError(
            f'the race {race!r} is not valid; give how many runs start and how many finish as a text, "10:5"'
        )
    return dataclasses.replace(race, stop_doomed=race.stop_doomed or stop_doomed)


def seeds_of(race: Race | None, seeds: int | Iterable[int | Seeds] | None) -> tuple[Seeds, ...]:
    """The seeds of a study; those that its race starts where there is one.

    Raises:
        UserError: as :func:`as_seeds`, or another number of them than the race starts.
    """
    if race is None:
        return as_seeds(seeds)
    given = as_seeds(race.started if seeds is None else seeds)
    if len(given) != race.started:
        raise UserError(
            f"the race {race} starts {race.started} seeds, and {len(given)} are given; leave out the seeds, or give as many"
        )
    return given


def check_steps(race: Race, runs: Iterable[PlannedRun]) -> None:
    """Refuse a race that is decided before the first step of a recipe, or behind its last but one.

    Raises:
        UserError: it names the recipe and what to change.
    """
    for run in runs:
        steps = total_steps(from_json(run.spec.recipe), run.spec.task.train_examples)
        check_fraction(race, steps, f"{run.cell.recipe} on {run.cell.task}")


def check_fraction(race: Race, steps: int, what: str) -> None:
    """Refuse a race that is decided before the first of so many steps of ``what``, or behind the last but one.

    Raises:
        UserError: it names what has these steps, and what to change.
    """
    if round(race.at * steps) < 1 or step_at(race.at, steps) >= steps:
        raise UserError(
            f"the race {race} is decided at {100 * race.at:g} % of training, and {what} has "
            f"{steps} step{'s' if steps > 1 else ''}, with no step to evaluate after there; give another fraction, "
            f"{race.started}:{race.finished}@FRACTION, or more steps"
        )


def check_against(store: Store, race: Race | None, runs: Sequence[PlannedRun]) -> None:
    """Refuse to go on with a study as another race than it is, or to let more seeds into a race that has begun.

    Raises:
        UserError: with what the study is.
    """
    stored, cells = Race.read(store.path), store.cells()
    if stored == race or (race is not None and not cells):  # a race that is kept pauses runs, also those of no race
        return _check_seeds(store, runs) if race is not None else None
    if stored is None:
        finished = sum(store.run(cell.id).is_finished for cell in cells)
        raise UserError(
            f"the study in {store.path} is no race: its runs go to their end, and {finished} of {len(cells)} have; leave out "
            f"the race {called(store, race)}, or choose another folder"
        )
    given = "there is none now" if race is None else f"now it is {called(store, race)}"
    raise UserError(
        f"the study in {store.path} is the race {called(store, stored)}, and {given}; go on with {_asked(store, stored)}, or "
        "choose another folder"
    )


def called(store: Store, race: Race | None) -> str:
    """The race, and what it does to doomed runs, in the words by which the runs of a store are asked for it."""
    assert race is not None
    doomed = "stop=True" if store.is_watched else "--stop-doomed"
    return f"{race}{f' with {doomed}' if race.stop_doomed else ''}"


def _asked(store: Store, race: Race) -> str:
    """What asks for the race of a store: on the command line, or of a person's Trainers in Python."""
    if store.is_watched:
        return f'race="{race}"{", stop=True" if race.stop_doomed else ""}'
    return f"--race {race}{' --stop-doomed' if race.stop_doomed else ''}"


def _check_seeds(store: Store, runs: Sequence[PlannedRun]) -> None:
    there = _seeds((cell.task, cell.model, cell.recipe, cell.seed) for cell in store.cells())
    now = _seeds((run.cell.task, run.cell.model, run.cell.recipe, run.cell.seed) for run in runs)
    for cell, seeds in now.items():
        if cell in there and set(there[cell]) != set(seeds):
            raise UserError(
                f"the race of {cell[2]} on {cell[0]} with {cell[1]} in {store.path} was started with the seeds "
                f"{', '.join(there[cell])}, and others cannot join it; give these, or choose another folder"
            )


def _seeds(rows: Iterable[tuple[str, str, str, str]]) -> dict[Cell, list[str]]:
    found: dict[Cell, list[str]] = {}
    for *cell, seed in rows:
        found.setdefault(tuple(cell), []).append(seed)  # type: ignore[arg-type]  # three names
    return found


def recorded_for(race: Race, recording: Recording) -> Recording:
    """What is recorded of runs that race: an evaluation where the race is decided, and what the alarm looks at."""
    probes = {**recording.probes, "gradients": math.gcd(EVERY, recording.probes.get("gradients", EVERY))}
    return Recording(**{**recording.to_json(), "probes": probes, "evaluation_at": race.at})


def in_words(race: Race) -> str:
    """What the race will do, for the notes of a study."""
    goes = "go" if race.finished > 1 else "goes"
    doomed = "stops runs at once" + (
        "" if race.stop_doomed else " on models on which it was measured, without added methods, and reports on others"
    )
    return (
        f"race {race}: {race.started} runs of each task, model and recipe start; after {100 * race.at:g} % of training the "
        f"{race.finished} with the best development scores so far {goes} on, and the others are stopped (in all at most "
        f"{100 * race.share:.0f} % of the steps of {race.started} whole runs; until then a checkpoint of each is kept). "
        f"The doomed-run detector {doomed}"
    )


def not_waiting(store: Store, specs: Iterable[RunSpec]) -> tuple[RunSpec, ...]:
    """The runs that can be executed: those that are finished, wait for a race that is not decided, or lost it are left out."""
    chosen = {id_ for decision in decisions(store) for id_ in decision.going_on}
    found = [(spec, store.run(spec.id).state_if_free) for spec in specs]
    return tuple(
        spec
        for spec, state in found
        if state is not State.FINISHED and (state is not State.PAUSED or spec.id in chosen)
    )


def settle(store: Store, runs: Sequence[PlannedRun], race: Race, tell: Listener) -> None:
    """Decide every race whose runs have all got there, and stop those that do not go on.

    Args:
        store: of the study.
        runs: of it, as it names them.
        race: of it.
        tell: told of every run that is stopped, and of every race that cannot be decided yet.
    """
    cells: dict[Cell, list[PlannedRun]] = {}
    for run in runs:
        cells.setdefault((run.cell.task, run.cell.model, run.cell.recipe), []).append(run)
    with store.locked():
        known = {(each.task, each.model, each.recipe) for each in decisions(store)}
        for cell, racing in cells.items():
            if cell not in known and (decision := _decide(store, cell, racing, race, tell)) is not None:
                add_decision(store, decision)
    for decision in decisions(store):
        _carry_out(store, decision, race, tell)


def _decide(store: Store, cell: Cell, runs: Sequence[PlannedRun], race: Race, tell: Listener) -> Decision | None:
    """The decision, or None while a run has neither come to the fraction nor ended before."""
    folders = {run.spec.id: store.run(run.spec.id) for run in runs}
    states = {id_: folder.state_if_free for id_, folder in folders.items()}
    if late := [id_ for id_, state in states.items() if state not in (State.PAUSED, State.FINISHED)]:
        tell(
            events.Note(
                message=f"the race of {cell[2]} on {cell[0]} with {cell[1]} is not decided: {len(late)} of {len(runs)} runs "
                f"have not come to {100 * race.at:g} % of training ({', '.join(str(states[id_]) for id_ in late)}); the "
                "others wait there, and the same command goes on"
            )
        )
        return None
    metric = read_metric(store.task_folder(runs[0].spec.task.fingerprint))
    step = step_at(race.at, max(map(_steps_of, folders.values())))
    scores = {id_: best_so_far(folders[id_], metric, step) for id_, state in states.items() if state is State.PAUSED}
    ranked = ranking(scores)
    going_on = tuple(ranked[: race.finished])
    if len(ranked) > race.finished and (equal := scores[ranked[race.finished]]) == scores[going_on[-1]]:
        tied = sum(score == equal for score in scores.values())
        tell(
            events.Note(
                message=f"the race of {cell[2]} on {cell[0]} with {cell[1]} was decided between equals by the order of their "
                f"seeds: {tied} of {len(scores)} runs had {equal:.3f} as their best score so far; a later fraction would tell "
                "more of them apart"
            )
        )
    return Decision(task=cell[0], model=cell[1], recipe=cell[2], step=step, scores=scores, going_on=going_on)


def _steps_of(folder: RunFolder) -> int:
    """The steps of a run that waits, or is finished, to its end, as who trains it said: a Trainer's cannot be planned, and one
    that its own callback has ended had fewer."""
    about = folder.result() if folder.is_finished else folder.attempts()[-1]["about"]
    return int(about["steps"])


def best_so_far(folder: RunFolder, metric: str, step: int) -> float:
    """The best score on the development set at an evaluation after the first step and up to ``step``; NaN where no such score
    is finite."""
    found: list[float] = [
        record["scores"][metric]
        for record in folder.records()
        if record["kind"] == "evaluation" and 0 < record["step"] <= step
    ]
    return max((score for score in found if math.isfinite(score)), default=math.nan)


def _carry_out(store: Store, decision: Decision, race: Race, tell: Listener) -> None:
    ranked, last = ranking(decision.scores), decision.scores[decision.going_on[-1]] if decision.going_on else math.nan
    for id_ in [each for each in ranked if each not in decision.going_on]:
        if store.run(id_).is_finished:
            continue
        stopped = Stopped(by="race", at=decision.step, because=_why(decision.scores, ranked, id_, last, race))
        if (event := stop_paused(store, id_, stopped)) is not None:
            tell(event)


def _why(scores: Mapping[str, float], ranked: Sequence[str], id_: str, last: float, race: Race) -> str:
    equal = ", and of equals the earlier seed goes on" if scores[id_] == last else ""
    return (
        f"its best score up to there, {scores[id_]:.3f}, has place {ranked.index(id_) + 1} of {len(ranked)} in the race {race}; "
        f"the last that went on had {last:.3f}{equal}"
    )
