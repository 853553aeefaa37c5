"""What a study has found so far: tables, figures and records, read from its folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seedproof.errors import UserError
from seedproof.store import Store

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


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

    def runs(self) -> pd.DataFrame:
        """One row per run: names, seeds, id, state, outcome, scores; see :func:`seedproof.analysis.runs_table`."""
        from seedproof.analysis import runs_table

        cells = self._store.cells()
        states = self._store.states(cells)
        results = {id_: self._store.run(id_).result() for id_, state in states.items() if state == "finished"}
        return runs_table(cells, results, states)

    def summary(self, *, divisor: Literal["n-1", "n"] = "n-1") -> pd.DataFrame:
        """One row per task, model and recipe; see :func:`seedproof.analysis.summarize`."""
        from seedproof.analysis import summarize

        return summarize(self.runs(), divisor=divisor)

    def notes(self) -> list[str]:
        """What a reader of the numbers should know of each task; see :func:`seedproof.report.notes.task_notes`."""
        from seedproof.report.notes import task_notes

        return task_notes(self._store)

    def box_plot(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Draw every run, a box per recipe and the majority line, as the paper's Figure 1.

        The numbers that are drawn go beside it, into the same name with ``.csv`` behind (:func:`numbers_of`).

        Args:
            path: a PNG, SVG or PDF file; None is ``box_plot.png`` in the study's folder.
        """
        from seedproof.report.boxplot import box_plot_table, draw_box_plot
        from seedproof.store import write_table

        target = self.path / "box_plot.png" if path is None else Path(path)
        table = box_plot_table(self.runs())
        drawn = draw_box_plot(table, target)
        write_table(numbers_of(target), table)
        return drawn

    def report(self, path: str | os.PathLike[str] | None = None, *, texts: bool = True) -> Path:
        """Write the whole report, one HTML file that needs nothing else.

        Args:
            path: the file; None is ``report.html`` in the study's folder.
            texts: whether the texts of the development sets are put into it, beside their predictions.
        """
        from seedproof.report.html import write_study_report

        return write_study_report(self._store, self.path / "report.html" if path is None else path, texts=texts)

    def export(self, path: str | os.PathLike[str]) -> Path:
        """Write all runs to a Parquet file; what may differ between two executions begins with ``execution_``."""
        from seedproof.analysis import export_frame

        target = Path(path)
        if not target.parent.is_dir():
            raise UserError(f"cannot write {target}: there is no folder {target.parent}")
        if target.is_dir():
            raise UserError(f"cannot write {target}: it is a folder; give the name of a file")
        partial = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            export_frame(self.runs()).to_parquet(partial, index=False)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
        return target

    def records(self, run: str) -> list[dict[str, Any]]:
        """The records of a run by its id, in order: losses, evaluations with their logits, and what probes saw."""
        return list(self._store.run(run).journal.read())

    def losses(self, run: str) -> dict[int, float]:
        """The training loss of each step of a run."""
        return {record["step"]: record["loss"] for record in self.records(run) if record["kind"] == "loss"}

    def gradient_norms(self, run: str) -> pd.DataFrame:
        """Norms of the loss gradient before clipping (paper, Figures 4 and 10-12), weights without biases.

        Returns:
            Columns ``step``, ``layer`` (0 is the lowest; missing outside of the layers), ``kind`` and ``norm``, and per
            step a row of kind ``total`` over all parameters.

        Raises:
            UserError: the run has none recorded.
        """
        return self._by_place(run, "gradients", "norms", total="total")

    def drift(self, run: str) -> pd.DataFrame:
        """Distance of the weights from their pre-trained values; as :meth:`gradient_norms`, without the total."""
        return self._by_place(run, "drift", "distances")

    def _by_place(self, run: str, probe: str, name: str, total: str | None = None) -> pd.DataFrame:
        from seedproof.analysis.places import by_place

        records = [record for record in self.records(run) if record["kind"] == probe]
        if not records:
            raise UserError(
                f"run {run} has no recording {probe!r}; give the study's command again with {probe} = 1 or more under "
                "[recording] of its file, and it is added"
            )
        return by_place(records, name, total)

    def predictions(self, run: str) -> Mapping[str, np.ndarray]:
        """The logits of a finished run at its end (or at its best evaluation, where the recipe selects it).

        Returns:
            Per evaluation split, float32 (examples, labels); empty for a diverged run.
        """
        result = self._store.run(run).result()
        for record in self.records(run):
            if record["kind"] == "evaluation" and record["step"] == result["evaluated_step"]:
                prefix = "logits "
                return {name.removeprefix(prefix): v for name, v in record.items() if name.startswith(prefix)}
        return {}


def numbers_of(figure: Path) -> Path:
    """The file with the numbers of a figure: ``box_plot.png.csv`` for ``box_plot.png``."""
    return figure.with_name(f"{figure.name}.csv")


def open_results(path: str | os.PathLike[str]) -> Results:
    """Open the folder of a study, finished or not.

    Raises:
        UserError: it is not the folder of a study, or written by a newer version.
    """
    return Results(Store.open(path))
