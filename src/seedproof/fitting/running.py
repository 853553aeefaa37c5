"""The study of a fit, run: what is said before it, and its runs as the judge takes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from seedproof.analysis.runs import came_to_end
from seedproof.errors import UserError, command
from seedproof.events import Listener
from seedproof.fitting.asking import Request
from seedproof.fitting.deciding import write_decision
from seedproof.fitting.judgement import Run, StoppedRun
from seedproof.launch.base import Launcher
from seedproof.report.notes import notes_before
from seedproof.store import Store
from seedproof.study.results import Results

if TYPE_CHECKING:
    from seedproof.spec import RunSpec
    from seedproof.study.planning import PlannedRun


@dataclass(frozen=True, kw_only=True, eq=False)
class Ran:
    """A study of a fit, done."""

    store: Store
    results: Results
    spec: RunSpec
    """Spec of the first run; the others differ in their seeds alone."""
    finished: Sequence[Run]
    """The runs that came to their end, in the order of their seeds; as the following."""
    stopped: Sequence[StoppedRun]
    notes: Sequence[str]
    """What was decided about data and training."""


def run(
    request: Request,
    launcher: Launcher,
    *,
    jobs: int | None,
    listeners: Sequence[Listener],
    progress: bool,
    say: Callable[[str], None],
) -> Ran:
    """Decide on seeds and epochs, say what was decided, and do the runs that are not yet done.

    Raises:
        UserError: something that was asked for cannot be used, or a run is not finished.
    """
    launcher.check_jobs(jobs)
    decision = request.decide(launcher, jobs)
    study, said = request.study(decision, request.asked.parsed_race), list[str]()
    store, planned = study.prepare(request.folder, launcher=launcher, say=said.append)
    write_decision(request.folder, request.asked, decision)
    about_data = notes_before([request.task], {request.source.name: request.source}, [each.spec for each in planned])
    is_done = all(store.run(each.spec.id).is_finished for each in planned)
    for line in filter(None, (*about_data, *said, *decision.decided, "" if is_done else decision.estimate)):
        say(line)
    results = study.execute(store, planned, jobs=jobs, launcher=launcher, listeners=listeners, progress=progress)
    rows = _rows(results, planned)
    ended = came_to_end(rows)
    return Ran(
        store=store,
        results=results,
        spec=planned[0].spec,
        finished=[_finished(str(id_), row, results) for id_, row in ended.iterrows()],
        stopped=[_stopped(row) for row in rows.drop(index=ended.index).to_dict("records")],
        notes=[*about_data, *decision.decided],
    )


def _rows(results: Results, planned: Sequence[PlannedRun]) -> pd.DataFrame:
    """The runs of this fit among those of its study, by their id, in the order of their seeds.

    Raises:
        UserError: one of them crashed, or another process executes it.
    """
    rows = results.runs().drop_duplicates("run").set_index("run")
    wanted = rows.loc[[each.spec.id for each in planned]]
    unfinished = wanted[wanted["state"] != "finished"]
    if len(unfinished):
        states = ", ".join(f"{count} {state}" for state, count in unfinished["state"].value_counts().items())
        raise UserError(
            f"{len(unfinished)} of the {len(wanted)} runs are not finished ({states}); no model was written. To see why: "
            f"{command('study', 'status', results.path)}"
        )
    return wanted


def _finished(id_: str, row: pd.Series[Any], results: Results) -> Run:
    return Run(
        id=id_,
        seed=str(row["seed"]),
        score=float(row["score"]),
        outcome=str(row["outcome"]),
        kind=str(row["kind"]),
        outputs=results.logits(id_).get("dev", np.empty((0, 1), np.float32)),
    )


def _stopped(row: dict[Any, Any]) -> StoppedRun:
    return StoppedRun(seed=row["seed"], at=int(row["stopped_at"]), by=row["reason"], score=float(row["stopped_score"]))
