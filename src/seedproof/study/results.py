"""What a study has found so far: tables, figures and records, read from its folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seedproof.display import ShownFile, table
from seedproof.errors import UserError
from seedproof.store import Store
from seedproof.store.files import check_target

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from seedproof.alarms import Alarm
    from seedproof.analysis import Answer
    from seedproof.spec import RunSpec
    from seedproof.track.base import Tracker
    from seedproof.track.whole import Tracked


class Results:
    """The results of a study; made by :meth:`seedproof.Study.run` or :func:`seedproof.open_results`.

    Every call reads the folder anew, so a study can be looked at while it runs.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def path(self) -> Path:
        """The study's folder."""
        return self._store.path

    def __repr__(self) -> str:
        return f"Results({str(self.path)!r})"

    def _repr_html_(self) -> str:
        """The summary, short."""
        columns = ["task", "model", "recipe", "failed", "finished", "runs", "mean", "sd", "median", "maximum"]
        shown = self.summary()[columns].to_html(index=False, float_format="{:.3f}".format, na_rep="–")
        return f"{table(f'study {self._store.name}', {'folder': self.path})}{shown}"

    def runs(self, *, metric: str | None = None) -> pd.DataFrame:
        """One row per run: names, seeds, id, state, outcome, scores; see :func:`seedproof.analysis.runs_table`.

        Args:
            metric: judges the runs anew from their stored outputs, majority and outcome included; a task that it does not
                fit keeps its own. None: as they were judged when they ended.

        Raises:
            UserError: the metric is unknown or fits no task, or outputs are missing.
        """
        from seedproof.analysis.stored import stored_runs

        return stored_runs(self._store, metric)

    def summary(self, *, divisor: Literal["n-1", "n"] = "n-1", metric: str | None = None) -> pd.DataFrame:
        """One row per task, model and recipe; see :func:`seedproof.analysis.summarize` and, for ``metric``, :meth:`runs`."""
        from seedproof.analysis import summarize

        return summarize(self.runs(metric=metric), divisor=divisor)

    def class_scores(self) -> pd.DataFrame:
        """Precision, recall, F1 and support (number of examples) of each class, of every finished run.

        Returns:
            Columns ``task``, ``model``, ``recipe``, ``seed``, ``run``, ``split``, ``class``, ``precision``, ``recall``,
            ``f1`` and ``support``; no rows of a regression, nor of a run that diverged.
        """
        from seedproof.analysis.stored import class_scores_table

        return class_scores_table(self.runs())

    def answers(self, baseline: str | None = None, *, metric: str | None = None) -> list[Answer]:
        """The answer of each task and model, a sentence with its numbers; see :func:`seedproof.analysis.answers`."""
        from seedproof.analysis import answers

        return answers(self.summary(metric=metric), baseline)

    def differences(self, baseline: str | None = None, *, metric: str | None = None) -> pd.DataFrame:
        """Every recipe minus the baseline, with intervals and tests; see :func:`seedproof.analysis.difference_table`."""
        from seedproof.analysis import difference_table

        return difference_table(self.answers(baseline, metric=metric))

    def notes(self) -> list[str]:
        """What a reader of the numbers should know of each task; see :func:`seedproof.report.notes.task_notes`."""
        from seedproof.report.notes import task_notes

        return task_notes(self._store)

    def box_plot(self, path: str | os.PathLike[str] | None = None, *, metric: str | None = None) -> Path:
        """Draw every run, a box per recipe and the majority line, as the paper's Figure 1.

        The numbers that are drawn go beside it, into the same name with ``.csv`` behind (:func:`numbers_of`).

        Args:
            path: a PNG, SVG or PDF file; None is ``box_plot.png`` in the study's folder.
            metric: see :meth:`runs`.

        Returns:
            Its path, which a notebook draws.
        """
        from seedproof.report.boxplot import box_plot_table, draw_box_plot
        from seedproof.store import write_table

        target = self.path / "box_plot.png" if path is None else Path(path)
        table = box_plot_table(self.runs(metric=metric))
        drawn = draw_box_plot(table, target)
        write_table(numbers_of(target), table)
        return ShownFile(drawn)

    def report(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        texts: bool = True,
        turnable: bool = False,
        baseline: str | None = None,
        **limits: int,
    ) -> Path:
        """Write the whole report, one HTML file that needs nothing else.

        Args:
            path: the file; None is ``report.html`` in the study's folder.
            texts: whether the texts of the development sets are put into it, beside their predictions.
            turnable: whether loss surfaces can be turned in it, which makes it 4.8 MB larger.
            baseline: the recipe that others are compared with; as for :meth:`answers`.
            **limits: how much is drawn, by the names of :class:`seedproof.report.limits.Limits`: ``curves=20``.
        """
        from seedproof.report.html import write_study_report
        from seedproof.report.limits import Limits

        target = self.path / "report.html" if path is None else path
        asked = Limits.parse(f"{name}={value}" for name, value in limits.items())
        return ShownFile(
            write_study_report(self._store, target, texts=texts, turnable=turnable, limits=asked, baseline=baseline)
        )

    def export(
        self,
        path: str | os.PathLike[str],
        *,
        scores: str | os.PathLike[str] | None = None,
        early: str | os.PathLike[str] | None = None,
    ) -> Path:
        """Write all runs to a Parquet file, with their seeds, settings and results; docs/tables.md explains the columns.

        Args:
            path: of the table of runs.
            scores: of a second table, :meth:`scores`; None writes none.
            early: of a third table, :meth:`early`; None writes none.

        Raises:
            UserError: a file cannot be made there, or no run has the recording that is asked for.
        """
        from seedproof.analysis import export_frame
        from seedproof.recipes import setting_types

        targets = [check_target(each) for each in (path, scores, early) if each is not None]
        first_steps = None if early is None else self.early()  # what is missing is said before anything is written
        specs = {id_: _whole(self._store.run(id_).spec) for id_ in self._store.run_ids()}
        fields = {name: field.base for name, field in setting_types().items()}
        _write_parquet(export_frame(self.runs(), specs, fields), targets[0])
        if scores is not None:
            _write_parquet(self.scores(), targets[1])
        if first_steps is not None:
            _write_parquet(first_steps, targets[-1])
        return targets[0]

    def track(self, tracker: str | Tracker) -> Tracked:
        """Write every run that ended into a tracker, once: what is there already is left alone (docs/trackers.md).

        Args:
            tracker: ``tensorboard:DIR``, ``wandb:DIR``, ``mlflow:DIR`` (or the address of a server), ``trackio:DIR``, or
                ``module:Class:PLACE`` of the user's own.

        Returns:
            How many runs it has now, by how they ended, and how many were there before.

        Raises:
            UserError: nothing has that name, its package is not installed, or it does not take the runs.
        """
        from seedproof.track.whole import track

        return track(self._store, tracker)

    def scores(self) -> pd.DataFrame:
        """The score of every metric at every evaluation of every run; columns as in docs/tables.md."""
        from seedproof.analysis import scores_frame

        runs = self.runs()
        evaluations = {id_: self._records(id_, "evaluation") for id_ in runs["run"]}
        return scores_frame(runs, evaluations)

    def early(self, run: str | None = None) -> pd.DataFrame:
        """The first steps of runs that were made with ``--record early``, a row per run and step; columns as in docs/tables.md.

        Args:
            run: as for :meth:`run_id`; None: all that have that recording.

        Raises:
            UserError: the run, or every run, has none recorded.
        """
        from seedproof.analysis import early_frame

        runs = self.runs()
        wanted = runs if run is None else runs[runs["run"] == self.run_id(run)].head(1)
        frame = early_frame(wanted, {id_: self._records(id_, "loss", "early") for id_ in wanted["run"]})
        if frame.empty:
            raise self._not_recorded("early", "no run has the" if run is None else f"run {run} has no")
        return frame

    def alarms(self, alarm: Callable[[], Alarm]) -> pd.DataFrame:
        """What a rule would have said of each finished run, had it watched (docs/detector.md).

        Args:
            alarm: makes the rule, anew for each run: ``seedproof.alarms.Doomed``, or a class of one's own.

        Returns:
            One row per run that ended: names, outcome, kind and steps, ``alarm``, the step at which the rule held it for doomed,
            missing where it did not, and ``because``. :func:`seedproof.analysis.alarm_rates` counts.
        """
        from seedproof.analysis import alarm_table
        from seedproof.analysis.stored import stored_signals

        runs = self.runs()
        return alarm_table(runs, stored_signals(self._store, runs), alarm)

    def run_id(self, run: str) -> str:
        """The id of a run: every method that takes a run finds it by this.

        Args:
            run: an id, its first four digits or more, or recipe and seed as in the tables, ``"devlin/3"``; with
                ``task/``, ``model/`` or ``task/model/`` before it where several runs have that.

        Raises:
            UserError: it points at no run, or at several.
        """
        return self._store.find_run(run)

    def records(self, run: str) -> pd.DataFrame:
        """The records of a run, one row each, in order.

        Args:
            run: as for :meth:`run_id`.

        Returns:
            Columns ``step``, ``kind`` (loss, evaluation, or the probe that saw it) and one per value that any kind has.
        """
        import pandas as pd

        return pd.DataFrame(self._records(self.run_id(run)))

    def losses(self, run: str) -> pd.DataFrame:
        """The training loss of each step of a run, dropout on; columns ``step`` and ``loss`` (nats)."""
        import pandas as pd

        return pd.DataFrame(self._records(self.run_id(run), "loss"), columns=["step", "loss"])

    def gradient_norms(self, run: str, *, recording: Literal["gradients", "early"] = "gradients") -> pd.DataFrame:
        """Norms of the loss gradient before clipping (paper, Figures 4 and 10-12), weights without biases.

        Args:
            run: as for :meth:`run_id`.
            recording: ``early``: at each of the first 100 steps, right to .3 %, of a run that was made with ``--record early``.

        Returns:
            Columns ``step``, ``layer`` (0 is the lowest; missing outside of the layers), ``kind`` and ``norm``, and per
            step a row of kind ``total`` over all parameters.

        Raises:
            UserError: the run has none recorded.
        """
        return self._by_location(run, recording, "norms", total="total")

    def drift(self, run: str) -> pd.DataFrame:
        """Distance of the weights from their pre-trained values; as :meth:`gradient_norms`, without the total."""
        return self._by_location(run, "drift", "distances")

    def _by_location(self, run: str, probe: str, name: str, total: str | None = None) -> pd.DataFrame:
        from seedproof.analysis.locations import by_location
        from seedproof.probes.early import measured

        records = self._records(self.run_id(run), probe)
        if not records:
            raise self._not_recorded(probe, f"run {run} has no")
        return by_location(measured(records) if probe == "early" else records, name, total)

    def _not_recorded(self, probe: str, which: str) -> UserError:
        from seedproof.report.commands import adding

        command = adding(self._store, "--record", probe)
        return UserError(f"{which} recording {probe!r}; to do the runs again, compare them, and add it: {command}")

    def predictions(self, run: str) -> pd.DataFrame:
        """What a finished run answered at its end (or at its best evaluation, where the recipe selects it).

        Returns:
            As :func:`seedproof.analysis.predictions.prediction_table`; no rows for a diverged run.
        """
        from seedproof.analysis.predictions import prediction_table
        from seedproof.tasks import Task

        id_ = self.run_id(run)
        logits = self.logits(id_)
        task = Task.read(self._store.task_folder(self._store.run(id_).spec.task.fingerprint))
        labels = {name: split.labels for name, split in task.evaluation_splits.items()}
        ids = {name: split.ids for name, split in task.evaluation_splits.items()}
        return prediction_table(logits, labels, task.classes, ids)

    def logits(self, run: str) -> Mapping[str, np.ndarray]:
        """The logits behind :meth:`predictions`: per evaluation split, float32 (examples, outputs)."""
        from seedproof.execution.ending import logits_of

        id_ = self.run_id(run)
        result = self._store.run(id_).result()
        for record in self._records(id_, "evaluation"):
            if record["step"] == result["evaluated_step"]:
                return logits_of(record)
        return {}

    def _records(self, id_: str, *kinds: str) -> list[dict[str, Any]]:
        """The records of a run as they are stored, of some kinds or of all."""
        return [record for record in self._store.run(id_).records() if not kinds or record["kind"] in kinds]


def numbers_of(figure: Path) -> Path:
    """The file with the numbers of a figure: ``box_plot.png.csv`` for ``box_plot.png``."""
    return figure.with_name(f"{figure.name}.csv")


def _whole(spec: RunSpec) -> dict[str, Any]:
    """A spec as JSON, with what a stored recipe leaves out because it means "as before"."""
    from seedproof.recipes import stored_values

    return {**spec.to_json(), "recipe": stored_values(spec.recipe)}


def _write_parquet(frame: pd.DataFrame, target: Path) -> None:
    partial = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with partial.open("wb") as file:  # pyarrow would take a path with a colon for an address
            frame.to_parquet(file, index=False)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def open_results(path: str | os.PathLike[str]) -> Results:
    """Open the folder of a study, finished or not.

    Raises:
        UserError: it is not the folder of a study, or written by a newer version.
    """
    return Results(Store.open(path))
