"""Figures of what was measured on the runs of a study: forgetting, and surfaces, from the tables that were left there."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from seedproof.errors import Damaged, UserError
from seedproof.report import wording
from seedproof.report.figures import draw_forgetting, draw_surface
from seedproof.report.html.page import FigureEntry
from seedproof.store import read_table
from seedproof.store.measurements import FOLDER


def measured_figures(study: Path, folder: Path, suffix: str, runs: pd.DataFrame) -> list[FigureEntry]:
    """Draw every measurement of a study's runs into ``folder``: one figure of forgetting, one for each surface.

    Args:
        study: the study's folder.
        folder: where the drawings go.
        suffix: ``.svg``, ``.pdf`` or ``.png``.
        runs: the table of runs, which has their names.

    Raises:
        UserError: a table is damaged.
    """
    curves = [_table(path) for path in sorted(study.glob(f"{FOLDER}/forgetting-*/forgetting.csv"))]
    planes = sorted(path.parent for path in study.glob(f"{FOLDER}/surface-*-*/grid.csv"))
    entries = (
        [_forgetting(pd.concat(curves, ignore_index=True), folder / f"forgetting{suffix}", runs)] if curves else []
    )
    return entries + [_surface(plane, folder / f"{plane.name}{suffix}", runs) for plane in planes]


def _forgetting(table: pd.DataFrame, path: Path, runs: pd.DataFrame) -> FigureEntry:
    models = dict(zip(runs["run"], runs["model"], strict=True))
    table = table.assign(model=[models.get(run, "unknown model") for run in table["run"]])
    counts = table.drop_duplicates("run")["outcome"].value_counts()
    measured = " and ".join(f"{count} {outcome}" for outcome, count in counts.items())
    return FigureEntry(
        name="forgetting",
        title="Forgetting: the top layers put back to their pre-trained weights",
        images=[draw_forgetting(table, None, path)],
        tables={"forgetting": table},
        note=f"Measured on {measured} {'run' if counts.sum() == 1 else 'runs'}.",
    )


def _surface(plane: Path, path: Path, runs: pd.DataFrame) -> FigureEntry:
    tables = {name: _table(plane / f"{name}.csv") for name in ("grid", "points", "edges", "barriers")}
    failed, _, successful = plane.name.removeprefix("surface-").partition("-")
    entry = FigureEntry(name=plane.name, title=_title(failed, successful, runs), tables=tables, note="")
    if tables["grid"].empty:
        return FigureEntry(name=entry.name, title=entry.title, tables=tables, note="Measured along the edges alone.")
    images = [
        draw_surface(
            tables["grid"], tables["points"], path.with_stem(f"{path.stem}-{value}"), value=value, edges=tables["edges"]
        )
        for value in ("loss", "gradient_norm")
        if value in tables["grid"]
    ]
    return FigureEntry(name=entry.name, title=entry.title, images=images, tables=tables)


def _title(failed: str, successful: str, runs: pd.DataFrame) -> str:
    """What a plane lies between, by the names of its runs; by their ids where the study does not have them."""
    rows = {row["run"]: row for row in wording.records(runs.drop_duplicates("run"))}
    names = [
        f"{wording.recipe_in_words(rows[run]['recipe'])}, seed {rows[run]['seed']}" if run in rows else f"run {run}"
        for run in (failed, successful)
    ]
    task = f" on {rows[failed]['task']}" if failed in rows else ""
    return f"Training loss between a failed run (f: {names[0]}) and a successful one (s: {names[1]}){task}"


def _table(path: Path) -> pd.DataFrame:
    try:
        return read_table(path, dtype={"run": "string", "seed": "string"})
    except Damaged:
        raise
    except (OSError, ValueError) as error:
        raise UserError(f"{path} is damaged ({error}); give the command that measured it again") from None
