"""The report of any study, from its folder."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from seedproof.analysis import answers, summarize
from seedproof.analysis.runs import is_stopped
from seedproof.analysis.stored import stored_runs
from seedproof.errors import UserError
from seedproof.report.html.page import Page, RunFacts
from seedproof.report.html.stored import stored_figures, stored_ledger
from seedproof.report.html.study_claims import study_ledger
from seedproof.report.html.study_drawings import study_figures
from seedproof.report.html.study_facts import study_sections
from seedproof.report.html.write import write_report
from seedproof.report.limits import Limits
from seedproof.report.notes import task_notes
from seedproof.store import Store
from seedproof.store.files import check_target

if TYPE_CHECKING:
    from seedproof.tasks import Task

_DEFAULT = Limits()


def write_study_report(
    store: Store,
    path: str | os.PathLike[str],
    *,
    texts: bool = True,
    turnable: bool = False,
    limits: Limits = _DEFAULT,
    baseline: str | None = None,
) -> Path:
    """Write the report of a study as one HTML file.

    Args:
        store: of the study, finished or not: every call reads it anew.
        path: the file; its folder must exist.
        texts: whether the texts of the development sets are put into it, beside their predictions.
        turnable: whether surfaces can be turned in it; that needs a library of 4.8 MB in the file.
        limits: how much is drawn and kept.
        baseline: the recipe that others are compared with; as for :func:`seedproof.analysis.answers`.

    Returns:
        ``path``.

    Raises:
        UserError: the study has no runs, its records are damaged, or the file cannot be written.
    """
    target = check_target(path, "the report ")
    # A reproduction of what needs no runs, as Figure 6, has figures alone.
    if not store.cells() and (figures := stored_figures(store.path)):
        page = Page(
            title=store.name,
            figures=figures,
            ledger=stored_ledger(store.path),
            claims_lead=True,
            turnable=turnable,
            limits=limits,
        )
        return write_report(target, page)
    with tempfile.TemporaryDirectory() as folder:
        return write_report(
            target, study_page(store, Path(folder), texts=texts, turnable=turnable, limits=limits, baseline=baseline)
        )


def study_runs(store: Store) -> pd.DataFrame:
    """The table of runs of a study.

    Raises:
        UserError: it has none.
    """
    runs = stored_runs(store)
    if runs.empty:
        raise UserError(f"the study in {store.path} has no runs yet, so there is nothing to report")
    return runs


def study_page(
    store: Store,
    folder: Path | None,
    *,
    texts: bool = True,
    turnable: bool = False,
    limits: Limits = _DEFAULT,
    baseline: str | None = None,
) -> Page:
    """What the report of a study shows.

    Args:
        store: of the study.
        folder: where its figures are drawn; it must stay until the page is written. None: for a caller who puts in
            figures and a ledger of their own.
        texts: as for :func:`write_study_report`, as are all others.
        turnable: whether surfaces can be turned.
        limits: how much is drawn and kept.
        baseline: the recipe that others are compared with.

    Raises:
        UserError: the study has no runs, or its records are damaged.
    """
    runs = study_runs(store)
    folders = {id_: store.run(id_) for id_ in dict.fromkeys(runs["run"])}
    # Of each spec one word is kept: there may be thousands. A lost folder has none.
    fingerprints = {id_: sys.intern(there.spec.task.fingerprint) for id_, there in folders.items() if there.has_spec}
    tasks = _tasks(store, set(fingerprints.values()))
    facts = {
        id_: RunFacts(records=folders[id_].records, task=fingerprint)
        for id_, fingerprint in fingerprints.items()
        if folders[id_].journal.path.exists()
    }
    # A reproduction has made figures and a ledger with more evidence than the runs alone; then they are shown.
    reproduced = [] if folder is None else stored_figures(store.path)
    ledger, claims_note = (stored_ledger(store.path), "") if reproduced else (None, "")
    if folder is not None and ledger is None:
        ledger, claims_note = study_ledger(store, runs[runs["run"].isin(fingerprints)], tasks)
    summary = summarize(runs)
    return Page(
        title=f"{store.name}",
        subtitle=_subtitle(runs),
        answers=answers(summary, baseline),
        claims_lead=folder is None or bool(reproduced),
        ledger=ledger,
        claims_note=claims_note,
        summary=summary,
        figures=[] if folder is None else reproduced or study_figures(store, runs, folder, limits=limits),
        runs=runs,
        facts=facts,
        tasks=tasks,
        notes=[*_state_notes(runs), *task_notes(store, decisions=True)],
        sections=study_sections(store, runs),
        show_texts=texts,
        turnable=turnable,
        limits=limits,
    )


def _tasks(store: Store, fingerprints: set[str]) -> dict[str, Task]:
    """The tasks whose data the store has: run folders that were copied in may have come without theirs."""
    from seedproof.tasks import Task

    return {
        name: Task.read(store.task_folder(name)) for name in sorted(fingerprints) if store.task_folder(name).is_dir()
    }


def _subtitle(runs: pd.DataFrame) -> str:
    def names(column: str, many: str) -> str:
        found = list(dict.fromkeys(runs[column]))
        return ", ".join(found) if len(found) <= 3 else f"{len(found)} {many}"

    recipes = runs["recipe"].nunique()
    return f"{names('model', 'models')} on {names('task', 'tasks')}; {recipes} recipe{'s' if recipes > 1 else ''}."


def _state_notes(runs: pd.DataFrame) -> list[str]:
    counts = runs.drop_duplicates("run")["state"].value_counts()
    unfinished = {str(state): int(count) for state, count in counts.items() if state != "finished"}
    notes = _notes_on_stopped(runs.drop_duplicates("run"))
    if not unfinished:
        return notes
    words = ", ".join(f"{count} {state}" for state, count in unfinished.items())
    return [
        *notes,
        f"Not all runs are finished ({words}). They are listed below and are in no statistic; failed runs are in all of them.",
    ]


def _notes_on_stopped(runs: pd.DataFrame) -> list[str]:
    """What became of runs that a rule has stopped, and of which an alarm sounded."""
    stopped, notes = runs[is_stopped(runs)], []
    if len(stopped):
        by = " and ".join(f"{count} by the {rule}" for rule, count in stopped["reason"].value_counts().items())
        notes.append(
            f"{len(stopped)} of {len(runs)} runs were stopped before their end ({by}). They are listed below and are in no "
            "statistic; those that finished were selected, so recipes are not compared."
        )
    if "alarm_because" in runs and (told := runs[runs["alarm_because"].notna()]).size:
        ended = ", ".join(f"{count} {outcome}" for outcome, count in told["outcome"].value_counts().items())
        notes.append(f"An alarm held {len(told)} of {len(runs)} runs for doomed: {ended}.")
    return notes
