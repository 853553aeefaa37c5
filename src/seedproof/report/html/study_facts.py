"""How a study was made: commands, study files, recipes, seeds, versions and hardware, as the store has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from seedproof.analysis.runs import is_stopped
from seedproof.analysis.times import worker_seconds
from seedproof.errors import command
from seedproof.recipes import stored_values
from seedproof.report.commands import commands_of
from seedproof.report.html.page import Section
from seedproof.store import Store, read_table
from seedproof.store.files import read_text

_ORDER = ("learning_rate", "epochs", "max_steps", "batch_size", "bias_correction", "warmup_ratio", "schedule")
"""Fields of a recipe that come first."""


def study_sections(store: Store, runs: pd.DataFrame) -> list[Section]:
    """Everything that somebody needs who wants these numbers again."""
    unfinished, early = _unfinished(store, runs), _stopped_or_doomed(runs)
    return [
        _commands(store),
        *[Section(title=f"Study file {path.name}", code=read_text(path)) for path in store.definitions()],
        *_recipes(store, runs),
        Section(
            title="Seeds",
            table=_seeds(runs),
            text="A seed draws the head's first weights, the order of the examples and the dropout masks; a/b/c are three.",
        ),
        Section(title="Versions and hardware", table=_versions(store, runs)),
        *([Section(title="Runs that were stopped early, or held for doomed", table=early)] if len(early) else []),
        *([Section(title="Runs that are not finished", table=unfinished)] if len(unfinished) else []),
        *_superseded(store),
    ]


def _superseded(store: Store) -> list[Section]:
    """The claims that a reproduction no longer decides, where it has left them in its folder."""
    path = store.path / "superseded.csv"
    return [Section(title="Claims in whose place others came", table=read_table(path))] if path.exists() else []


def _commands(store: Store) -> Section:
    lines = [*commands_of(store, numerics=True), command("study", "summary", store.path), command("report", store.path)]
    if store.is_watched:
        text = (
            "A script with a Trainer made these runs, and seedproof's callback watched: what stands here of settings was read "
            "from the Trainer, not planned. These show the results again:"
        )
        return Section(title="Commands", text=text, code="\n".join(lines) + "\n")
    text = (
        "These give the same runs again, bit for bit on the same machine and versions; finished runs are not repeated."
    )
    return Section(title="Commands", text=text, code="\n".join(lines) + "\n")


def _recipes(store: Store, runs: pd.DataFrame) -> list[Section]:
    """One table per model: a row per field, a column per recipe, every value as it was used."""
    sections = []
    for model, rows in runs.groupby("model", sort=False):
        values = {
            row["recipe"]: stored_values(store.run(row["run"]).spec.recipe)
            for row in rows[[store.run(run).has_spec for run in rows["run"]]]
            .drop_duplicates("recipe")
            .to_dict("records")
        }
        fields = dict.fromkeys(
            field for recipe in values.values() for field in recipe if field not in ("name", "user_settings")
        )
        ordered = sorted(fields, key=lambda field: _ORDER.index(field) if field in _ORDER else len(_ORDER))
        table = pd.DataFrame(
            {"field": ordered}
            | {label: [_word(recipe, field) for field in ordered] for label, recipe in values.items()}
        )
        sections.append(Section(title=f"Recipes for {model}, every value as it was used", table=table))
    return sections


def _word(recipe: Mapping[str, Any], field: str) -> str:
    value = recipe.get(field)
    return "–" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _seeds(runs: pd.DataFrame) -> pd.DataFrame:
    groups = runs.groupby(["task", "model", "recipe"], sort=False)["seed"]
    rows = [(*key, len(seeds), ranges(list(seeds))) for key, seeds in groups]
    return pd.DataFrame(rows, columns=["task", "model", "recipe", "runs", "seeds"])


def ranges(labels: list[str]) -> str:
    """Labels of seeds with their runs of consecutive numbers drawn together.

    >>> ranges(["0", "1", "2", "7", "1/2/3"])
    '0-2, 7, 1/2/3'
    """
    parts: list[list[str]] = []
    for label in labels:
        if parts and label.isdecimal() and parts[-1][-1].isdecimal() and int(label) == int(parts[-1][-1]) + 1:
            parts[-1].append(label)
        else:
            parts.append([label])
    return ", ".join(part[0] if len(part) == 1 else f"{part[0]}-{part[-1]}" for part in parts)


def _versions(store: Store, runs: pd.DataFrame) -> pd.DataFrame:
    """How many runs were made with which versions on which machine, and how: a store may hold fp32 runs beside bf16 ones."""
    finished = runs[runs["state"] == "finished"].drop_duplicates("run")
    prefix = "execution_"
    told = ("version_", "python", "processor", "host", "cpu_capability", "variables_")
    kept = [name for name in finished.columns if name.startswith(tuple(f"{prefix}{each}" for each in told))]
    if finished.empty or not kept:
        return pd.DataFrame([("no run is finished", 0)], columns=["", "runs"])
    folders = [store.run(run) for run in finished["run"]]
    numerics = [folder.spec.numerics if folder.has_spec else store.numerics for folder in folders]
    how = {name: [getattr(each, name) for each in numerics] for name in ("device", "precision", "threads", "engine")}
    known = finished.assign(**{name: finished[name].fillna("unknown") for name in kept}, **how)
    kept += how
    grouped = known.groupby(kept, sort=False)
    rows = []
    for key, part in grouped:
        row = {name.removeprefix(prefix).removeprefix("version_"): value for name, value in zip(kept, key, strict=True)}
        rows.append({"runs": len(part), "worker hours": round(worker_seconds(part) / 3600, 3)} | row)
    return pd.DataFrame(rows)


def _stopped_or_doomed(runs: pd.DataFrame) -> pd.DataFrame:
    """What stopped runs, or of which an alarm sounded, with its words."""
    told = ("stopped_at", "stopped_score", "stopped_because", "alarm_at", "alarm_because")
    kept = [name for name in told if name in runs]
    rows = runs[is_stopped(runs) | runs[kept].notna().any(axis=1)].drop_duplicates("run")
    return rows[["run", "task", "model", "recipe", "seed", "outcome", *kept]]


def _unfinished(store: Store, runs: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for row in runs[runs["state"] != "finished"].drop_duplicates("run").to_dict("records"):
        last = store.run(row["run"]).attempts()[-1:] if row["state"] == "crashed" else []
        rows.append(
            {name: row[name] for name in ("run", "task", "model", "recipe", "seed", "state")}
            | {"message": str(last[0].get("message", "")) if last else ""}
        )
    return pd.DataFrame(rows)
