"""The tables of a study that leave it, as Parquet: runs, evaluations, first steps; docs/tables.md explains the columns.

python -m seedproof.analysis.export > docs/tables.md
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import pandas as pd

from seedproof.analysis.early import ABOUT, EARLY_COLUMNS
from seedproof.analysis.runs import EXECUTION, RECORD_COLUMNS, TEXT_COLUMNS

RECIPE = "recipe_"
"""Begins the name of every hyper-parameter's column."""

RUN_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        "task": "name of the task",
        "model": "name of the model",
        "recipe": "name of the recipe, with what differs from the named one",
        "seed": "label of the seeds: `7`, or `head/order/dropout`",
        "run": "id of the run, the name of its folder",
        "state": "pending, running, interrupted, paused, lost, crashed or finished; what follows is missing unless it is "
        "finished",
        "outcome": "succeeded, failed, or stopped: ended before its last step by a rule (docs/race.md)",
        "reason": "why it failed: majority (not better than a constant prediction) or diverged (a loss that is not finite); "
        "what stopped it: race or alarm",
        "metric": "the metric that judges the run",
        "kind": "how the run ended: fitted, collapsed, slow, unlearned, overfitted or unknown (docs/outcomes.md); missing where "
        "it diverged or was stopped",
        "positive_class": "the class that F1 is of, where `metric` is F1 of one class",
        "head_seed": "draws the parameters that the checkpoint does not have",
        "order_seed": "draws the order of the training examples",
        "dropout_seed": "draws dropout and Mixout masks",
        "engine": "plain or fleet",
        "precision": "fp32 or bf16",
        "device": "cpu or cuda",
        "threads": "threads inside one run on a CPU",
        "family": "`model_type` of the model's configuration",
        "model_fingerprint": "hash of configuration, weights and tokenizer",
        "task_fingerprint": "hash of texts, labels, classes and metrics",
        "train_examples": "examples of the training set",
        "dev_examples": "examples of the development set",
        "score": "the metric on the development set at the end of training (at the best evaluation, where the recipe selects "
        "it); NaN for a diverged or a stopped run",
        "score_low": "lower end of the score's 95 % interval over development sets of this size",
        "score_high": "its upper end",
        "covers_majority": "whether the run succeeded, and that interval covers the majority score",
        "majority": "the metric's best value for a prediction that never changes",
        "training_loss": "mean loss of the last epoch's steps, dropout on, nats",
        "fit_loss": "mean loss over the whole training set after the last step, dropout off, nats; with --record fit",
        "steps": "steps of the run",
        "evaluated_step": "step whose weights are the result",
        "diverged_at": "step whose loss was not finite",
        "stopped_at": "step after which it was stopped, where a run was",
        "stopped_score": "its score at its last evaluation",
        "stopped_because": "the rule's reason",
        "alarm_because": "why an alarm held it for doomed, where one did",
        "alarm_at": "at which step",
        "truncated_examples": "examples of all splits that are cut at the maximum length",
        "missing_parameters": "parameters that were drawn from the head seed, JSON",
        "recordings": "what was recorded, JSON",
        "class_scores": "precision, recall, F1 and support by split and class, JSON",
        "ending": "the numbers that `kind` is told from (docs/outcomes.md), JSON",
        "steps_per_epoch": "steps of one pass over the training set",
        "majorities": "majority score of every metric, JSON",
        RECIPE + "...": (
            "a column for each setting of the resolved recipe (docs/recipes.md), `recipe_method`, and `recipe_methods`: the "
            "names of further methods"
        ),
        EXECUTION + "...": "where, when and with which versions; all that may differ between two executions of one run",
        "(a metric's name)": "each metric of the task on the development set, `f1` that of the second of two classes; "
        "`<metric>_<split>` on further splits",
    }
)
"""Columns of the table of runs, in words."""

SCORE_COLUMNS: Mapping[str, str] = MappingProxyType(
    {
        **{name: RUN_COLUMNS[name] for name in ("task", "model", "recipe", "seed", "run")},
        "step": "step after which the development set was evaluated; 0 is before the first",
        "epoch": "the same in passes over the training set; missing while the run is not finished",
        "metric": "name of the metric, `<metric>_<split>` on further splits",
        "score": "its value; NaN where an output was not finite",
    }
)
"""Columns of the table of scores, in words."""


_INTEGERS = ("steps_per_epoch", "stopped_at", "alarm_at", f"{EXECUTION}pid", f"{EXECUTION}attempts")
_DTYPES: Mapping[type, Any] = MappingProxyType({bool: "boolean", int: "Int64", float: "Float64", str: "string"})


def export_frame(
    runs: pd.DataFrame, specs: Mapping[str, Mapping[str, Any]], fields: Mapping[str, type] = MappingProxyType({})
) -> pd.DataFrame:
    """The whole table of runs with types that do not depend on its content, ready for ``to_parquet``.

    Two executions of the same finished runs give equal frames once the columns that begin with ``execution_`` are
    dropped. Those come last. NaN stays NaN: no number is filled in and no row left out.

    Args:
        runs: the table of runs.
        specs: what each run is, by its id, as plain JSON values; its recipe with every field.
        fields: what the fields of recipes hold, bool, int, float or str, by name; text where it is not said.

    Returns:
        Columns :data:`RUN_COLUMNS`; names, settings and identities before results.
    """
    settings = pd.DataFrame([_settings(specs[run]) for run in runs["run"]], index=runs.index)
    named = [name for name in TEXT_COLUMNS if name in runs]
    execution = [name for name in runs.columns if name.startswith(EXECUTION)]
    results = [name for name in runs.columns if name not in (*named, *execution)]
    frame = pd.concat([runs[named], settings, runs[results], runs[execution]], axis=1)
    for name in frame.columns:
        if name in TEXT_COLUMNS or name in RECORD_COLUMNS:
            frame[name] = frame[name].astype("string")  # a column of None alone would otherwise have no type
        elif name in _INTEGERS:
            frame[name] = frame[name].astype("Int64")
        elif name.startswith(RECIPE):
            frame[name] = frame[name].astype(_DTYPES[fields.get(name.removeprefix(RECIPE), str)])
        elif frame[name].dtype == object:
            frame[name] = frame[name].astype(_type_of(frame[name]))
    return frame


def scores_frame(runs: pd.DataFrame, evaluations: Mapping[str, Iterable[Mapping[str, Any]]]) -> pd.DataFrame:
    """The scores of every evaluation, one row per run, step and metric.

    Args:
        runs: the table of runs.
        evaluations: the evaluation records of each run by its id, in order.

    Returns:
        Columns :data:`SCORE_COLUMNS`.
    """
    per_epoch = runs["steps_per_epoch"] if "steps_per_epoch" in runs else pd.Series(float("nan"), index=runs.index)
    rows = []
    for about, length in zip(
        runs[["task", "model", "recipe", "seed", "run"]].to_dict("records"), per_epoch, strict=True
    ):
        for record in evaluations[about["run"]]:
            epoch = record["step"] / length if pd.notna(length) else float("nan")
            for metric, value in record["scores"].items():
                rows.append({**about, "step": record["step"], "epoch": epoch, "metric": metric, "score": value})
    frame = pd.DataFrame(rows, columns=list(SCORE_COLUMNS))
    numbers = {"step": "int64", "epoch": "float64", "score": "float64"}
    return frame.astype({name: numbers.get(name, "string") for name in SCORE_COLUMNS})


def page() -> str:
    """The text of docs/tables.md."""
    parts = ["# The tables that a study exports", ""]
    parts += [
        "Written by `python -m seedproof.analysis.export > docs/tables.md`; a test holds it against a real study.",
        "",
    ]
    for title, about, columns in (
        (
            "Runs",
            "`seedproof study export DIR --parquet runs.parquet`, `results.export(...)`: one row per run.",
            RUN_COLUMNS,
        ),
        (
            "Scores",
            "`seedproof study export DIR --scores scores.parquet`, `results.scores()`: one row per run, evaluation and "
            "metric.",
            SCORE_COLUMNS,
        ),
        (
            "First steps",
            "`seedproof study export DIR --parquet runs.parquet --early early.parquet`, `results.early()`: one row per run and "
            "step of runs made with `--record early` ([early.md](early.md)).",
            {**{name: RUN_COLUMNS[name] for name in ABOUT}, **EARLY_COLUMNS},
        ),
    ):
        parts += [f"## {title}", "", about, "", "| column | what it is |", "| --- | --- |"]
        parts += [f"| {name if name.startswith('(') else f'`{name}`'} | {words} |" for name, words in columns.items()]
        parts.append("")
    return "\n".join(parts)


def _settings(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Everything of a spec that a run's name does not say, flat."""
    task, model, numerics = spec["task"], spec["model"], spec["numerics"]
    return {
        **{f"{name}_seed": value for name, value in spec["seeds"].items()},
        **numerics,
        "family": model["family"],
        "model_fingerprint": model["fingerprint"],
        "task_fingerprint": task["fingerprint"],
        "train_examples": task["train_examples"],
        "dev_examples": task["dev_examples"],
        **{RECIPE + name: value for name, value in spec["recipe"].items() if name != "name"},
    }


def _type_of(column: pd.Series[Any]) -> Any:
    """The type of a column of mixed objects: truth values, numbers, or text."""
    present = [value for value in column if value is not None]
    if present and all(isinstance(value, bool) for value in present):
        return "boolean"
    return "Float64" if present and all(isinstance(value, (int, float)) for value in present) else "string"


if __name__ == "__main__":
    print(page(), end="")
