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

        states = self._store.states()
        results = {id_: self._store.run(id_).result() for id_, state in states.items() if state == "finished"}
        return runs_table(self._store.cells(), results, states)

    def summary(self, *, divisor: Literal["n-1", "n"] = "n-1") -> pd.DataFrame:
        """One row per task, model and recipe; see :func:`seedproof.analysis.summarize`."""
        from seedproof.analysis import summarize

        return summarize(self.runs(), divisor=divisor)

    def box_plot(self, path: str | os.PathLike[str] | None = None) -> Path:
        """Draw every run, a box per recipe and the majority line, as the paper's Figure 1; its table goes beside it.

        Args:
            path: a PNG, SVG or PDF file; None is ``box_plot.png`` in the study's folder.
        """
        from seedproof.report.boxplot import box_plot_table, draw_box_plot
        from seedproof.store import write_atomically

        target = self.path / "box_plot.png" if path is None else Path(path)
        table = box_plot_table(self.runs())
        drawn = draw_box_plot(table, target)
        write_atomically(target.with_suffix(".csv"), table.to_csv(index=False).encode())
        return drawn

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


def open_results(path: str | os.PathLike[str]) -> Results:
    """Open the folder of a study, finished or not.

    Raises:
        UserError: it is not the folder of a study, or written by a newer version.
    """
    return Results(Store.open(path))
