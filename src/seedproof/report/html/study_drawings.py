"""The figures that the records of any study allow, and for each that they do not, what to record and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import pandas as pd

from seedproof.analysis import generalization_table, gradient_table, loss_score_correlation, loss_table, score_table
from seedproof.analysis.generalization import HARM
from seedproof.analysis.runs import came_to_end, has_recorded
from seedproof.analysis.step_sizes import step_size_table
from seedproof.errors import UserError
from seedproof.models.layers import JOINED
from seedproof.recipes import Recipe, from_json
from seedproof.report import figures, wording
from seedproof.report.boxplot import box_plot_table, draw_box_plot
from seedproof.report.commands import adding, what_adding_does
from seedproof.report.html.chosen import chosen_runs, pair_for_gradients, plural
from seedproof.report.html.measured import measured_figures
from seedproof.report.html.page import FigureEntry
from seedproof.report.html.thinning import curve_records, gradient_records
from seedproof.report.limits import Limits, more
from seedproof.store import Store
from seedproof.training.plan import make_plan

_LOOKS = 250
"""Looks at the gradients of a run that are drawn: so many to twice as many, evenly spaced."""
_DEFAULT = Limits()
_KINDS = ("query", JOINED, "attention output", "output")
"""Kinds of weight inside the layers that are drawn, one of each part of a block; the table has no more either."""


def study_figures(
    store: Store, runs: pd.DataFrame, folder: Path, suffix: str = ".svg", *, limits: Limits = _DEFAULT
) -> list[FigureEntry]:
    """Draw every figure that the study's records and measurements allow into ``folder``.

    Args:
        store: of the study, finished or not.
        runs: its table of runs.
        folder: where the files go; it must exist.
        suffix: ``.svg``, ``.pdf`` or ``.png``.
        limits: how much is drawn.

    Returns:
        One entry per figure, also for those that cannot be drawn: their notes say why, and how to get them.

    One that cannot be made costs no other: what is wrong stands in its place.
    """
    study = _Study(store, runs, folder, suffix, limits)
    makers: dict[str, Callable[[], list[FigureEntry]]] = {
        name: partial(lambda make: [make(study)], make) for name, make in _FIGURES.items()
    }
    makers["measurements"] = partial(measured_figures, store.path, folder, suffix, runs)
    return [entry for name, make in makers.items() for entry in _made(name, make)]


def _made(name: str, make: Callable[[], list[FigureEntry]]) -> list[FigureEntry]:
    try:
        return make()
    except UserError as error:
        return [FigureEntry(name=name, title=name.capitalize(), note=f"Cannot be shown: {error}.")]


@dataclass(frozen=True)
class _Study:
    """What every figure is drawn from."""

    store: Store
    runs: pd.DataFrame
    folder: Path
    suffix: str
    limits: Limits

    def path(self, name: str) -> Path:
        return self.folder / f"{name}{self.suffix}"

    @cached_property
    def finished(self) -> pd.DataFrame:
        return came_to_end(self.runs)

    @property
    def window(self) -> int:
        """Steps in a mean of the losses of the longest run whose curve is drawn."""
        steps = chosen_runs(self.finished, self.limits)[0]["steps"].fillna(0)
        return max(1, -(-int(steps.max() if len(steps) else 0) // self.limits.points))

    @cached_property
    def curves(self) -> tuple[dict[str, list[dict[str, Any]]], str]:
        """Losses and evaluations of the chosen runs, and a sentence that says which they are."""
        chosen, note = chosen_runs(self.finished, self.limits)
        found = {
            run: list(curve_records(self.store.run(run).records(), int(steps), self.limits.points))
            for run, steps in zip(chosen["run"], chosen["steps"].fillna(0), strict=True)
        }
        if self.window > 1:
            note += f" Losses are means over windows, of {self.window} steps in the longest run; {more('points')}."
        return found, note

    def gradients(self, run: str) -> list[Any]:
        """The recorded gradients of a run."""
        return gradient_records(self.store.run(run).records(), _LOOKS)


def _nothing(name: str, title: str, runs: pd.DataFrame) -> FigureEntry:
    note = f"Nothing to draw yet: none of the {plural(len(runs), 'run')} is finished. Give the study's command again to go on."
    return FigureEntry(name=name, title=title, note=note)


def _boxes(study: _Study) -> FigureEntry:
    title = "Scores at the end of training, every run"
    if study.finished.empty:
        return _nothing("scores", title, study.runs)
    table = box_plot_table(study.runs)
    return FigureEntry(
        name="scores",
        title=title,
        tables={"box plot": table},
        images=[draw_box_plot(table, study.path("scores"))],
        finding="Stability is the spread of these scores over the seeds; a failed run is one that is not better than a "
        "prediction that never changes.",
    )


def _with_cells(table: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    names = runs.drop_duplicates("run")[["run", "task", "model"]]
    return table.merge(names, on="run", how="left")


def _losses(study: _Study) -> FigureEntry:
    title = "Training loss of failed and successful runs"
    curves, note = study.curves
    if not curves:
        return _nothing("losses", title, study.runs)
    table = _with_cells(loss_table(curves, study.runs), study.runs)
    image = figures.draw_curves(table, study.path("losses"), y_label="training loss", each=study.window)
    finding = "In the paper: the loss of a failed run stays where it began, at the entropy of the labels."
    return FigureEntry(name="losses", title=title, finding=finding, images=[image], tables={"losses": table}, note=note)


def _scores(study: _Study) -> FigureEntry:
    title = "Score on the development set during training"
    curves, note = study.curves
    if not curves:
        return _nothing("progress", title, study.runs)
    table = _with_cells(score_table(curves, study.runs), study.runs)
    if table.groupby("run").size().max() < 2:
        command = adding(study.store, "--evaluations", "10")
        note = "Each run was evaluated once, at its end, so there is no course to draw."
        note = f"{note} {what_adding_does(study.store)}"
        return FigureEntry(name="progress", title=title, note=note, command=command)
    judged = study.runs[study.runs["metric"].notna()]
    judges = judged[["metric", "positive_class"]].drop_duplicates()  # F1 is of a class, and tasks have their own
    label = f"development {wording.metric(judged)}" if len(judges) == 1 else "score on the development set"
    image = figures.draw_curves(table, study.path("progress"), y_label=label, of="evaluations")
    return FigureEntry(name="progress", title=title, images=[image], tables={"scores": table}, note=note)


def _gradients(study: _Study) -> FigureEntry:
    title = "Gradient norms of a failed and a successful run"
    if study.finished.empty:
        return _nothing("gradients", title, study.runs)
    recorded = study.finished[has_recorded(study.finished, "gradients")]
    if recorded.empty:
        note = f"The recording “gradients” was off, so there are no norms. {what_adding_does(study.store)}"
        command = adding(study.store, "--record", "gradients")
        return FigureEntry(name="gradients", title=title, note=note, command=command)
    pair = pair_for_gradients(recorded)
    table = gradient_table({run: study.gradients(run) for run in pair["run"]}, study.runs)
    drawn = table[table["kind"].isin(_KINDS) | (table["layer"].isna() & (table["kind"] != "total"))]
    image = figures.draw_gradient_norms(drawn, study.path("gradients"))
    notes = [
        f"{row['outcome']}: {row['task']}, {row['model']}, {row['recipe']}, seed {row['seed']}"
        for row in pair.to_dict("records")
    ]
    notes += [
        f"no run of {len(recorded):,} with recorded gradients {outcome}, so there is none to compare with"
        for outcome in ("failed", "succeeded")
        if outcome not in set(pair["outcome"])
    ]
    finding = "In the paper: in a failed run the gradient vanishes below the top of the model and does not come back."
    return FigureEntry(
        name="gradients",
        title=title,
        finding=finding,
        images=[image],
        tables={"gradients": drawn},
        note="; ".join(notes) + ".",
    )


def _generalization(study: _Study) -> FigureEntry:
    title = "Final score against final training loss"
    if study.finished.empty:
        return _nothing("generalization", title, study.runs)
    unique = study.runs.drop_duplicates("run")
    table = generalization_table(unique).merge(unique[["run", "metric", "positive_class", "majority"]], on="run")
    try:
        image = [figures.draw_generalization(table, study.path("generalization"))]
    except UserError as error:
        return FigureEntry(name="generalization", title=title, note=f"{error}.")
    tables = {"runs": table, "rank correlation": loss_score_correlation(table)}
    finding = "In the paper: among runs that succeeded, a lower training loss does not go with a lower score."
    note = (
        f"p: against “a low loss does harm” (a correlation of {HARM} or more); p_against: against “it does none” (0 or "
    )
    note += "less). Neither is corrected for the number of claims."
    return FigureEntry(name="generalization", title=title, finding=finding, images=image, tables=tables, note=note)


def _step_sizes(study: _Study) -> FigureEntry:
    title = "Bias correction: the factor k(t), and the size of a step"
    recipes: dict[str, Recipe] = {}
    lengths: dict[str, int] = {}
    several = [each for each in ("model", "task") if study.runs[each].nunique() > 1]
    known = study.runs[[study.store.run(run).has_spec for run in study.runs["run"]]]
    for row in known.drop_duplicates(["recipe", "model", "task"]).to_dict("records"):
        spec = study.store.run(row["run"]).spec
        label = ", ".join(str(row[each]) for each in ("recipe", *several))
        recipes[label] = from_json(spec.recipe, with_methods=False)
        lengths[label] = make_plan(recipes[label], spec.seeds, spec.task.train_examples, 1).steps
    if not recipes:
        return _nothing("step-sizes", title, study.runs)
    shown = dict(list(recipes.items())[: study.limits.recipes])
    table = step_size_table(shown, {label: lengths[label] for label in shown})
    image = figures.draw_step_sizes(table, study.path("step-sizes"))
    note = f"The first {len(shown)} of {len(recipes)} recipes; {more('recipes')}." if len(recipes) > len(shown) else ""
    finding = "Left out, the correction makes steps larger by 1/k(t), most of all early in training."
    return FigureEntry(
        name="step-sizes", title=title, finding=finding, images=[image], tables={"step sizes": table}, note=note
    )


_FIGURES: dict[str, Callable[[_Study], FigureEntry]] = {
    "scores": _boxes,
    "losses": _losses,
    "progress": _scores,
    "gradients": _gradients,
    "generalization": _generalization,
    "step-sizes": _step_sizes,
}
