"""Tables as the template shows them: rounded words for people; the CSV files keep every digit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any, cast

import pandas as pd

from seedproof.analysis.runs import seed_order
from seedproof.report import wording
from seedproof.report.html.page import RunFacts, Section
from seedproof.report.tables import two_rows

PREVIEW_ROWS = 12
_NONE = "–"
_VERDICTS = {"holds": ("holds", "✓"), "does not hold": ("fails", "✗"), "not decided": ("open", "?")}
_STATES = ("finished", "running", "interrupted", "lost", "crashed", "pending")


def records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dictionaries by column."""
    return cast("list[dict[str, Any]]", table.to_dict("records"))


def number(value: Any, digits: int = 3) -> str:
    """A number in a few significant digits, a whole one as it is; a dash where there is none."""
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return _NONE
    if isinstance(value, (bool, str)):
        return str(value)
    if isinstance(value, int) or (hasattr(value, "dtype") and value.dtype.kind in "iu"):
        return f"{int(value):,}"
    if not math.isfinite(value):
        return str(float(value))
    return f"{float(value):.{digits}g}"


def p_value(value: Any) -> str:
    """A p-value; very small ones as a bound."""
    if value is None or pd.isna(value):
        return _NONE
    return "< 0.0001" if value < 1e-4 else f"{value:.2g}"


def ledger(table: pd.DataFrame) -> dict[str, Any]:
    """The claims with their verdicts, and how many there are of each."""
    rows = []
    for row in records(table):
        kind, sign = _VERDICTS.get(row["verdict"], ("open", "?"))
        shown = not pd.isna(row["effect"])
        effect = f"{number(row['effect'])}" if shown else _NONE
        if shown and not (pd.isna(row["effect_low"]) or pd.isna(row["effect_high"])):
            effect += f" [{number(row['effect_low'])}, {number(row['effect_high'])}]"
        needed = "" if pd.isna(row["n_needed"]) else f"{number(row['n_needed'])} would decide"
        # "Does not hold" is decided by the p-value against the claim; a ledger of an earlier version has none.
        decisive = row["verdict"] == "does not hold" and not pd.isna(row.get("p_against_corrected"))
        side, which = ("p_against", " against the claim") if decisive else ("p", "")
        rows.append(row | {
            "kind": kind, "sign": sign, "effect": effect, "effect_name": row["effect_name"] or "", "needed": needed,
            "p": p_value(row[side]), "p_corrected": p_value(row[f"{side}_corrected"]), "which_p": which, "n": number(row["n"]),
            "why": row["why"] or "", "silent": kind == "open" and not row["n"],
        })  # fmt: skip
    counted = Counter(row["verdict"] for row in rows)
    return {
        "rows": rows,
        "silent": sum(row["silent"] for row in rows),
        "counts": [(verdict, counted[verdict], *_VERDICTS[verdict]) for verdict in _VERDICTS],
    }


def summary(table: pd.DataFrame) -> list[dict[str, Any]]:
    """One panel per task and model, as the Markdown and LaTeX tables have them."""
    panels = []
    for rows in wording.panels(table) if len(table) else ():
        recipes = []
        for row in wording.records(rows):
            first, second = two_rows(row)
            values = [
                {"text": text, "failed": outcome != "succeeded", "seed": seed}
                for text, outcome, seed in zip(wording.every_run(row, ""), row["outcomes"], row["seeds"], strict=True)
            ]
            words = {"name": row["recipe"], "all": first[1:], "given": second[0], "succeeded": second[2:]}
            recipes.append(words | {"values": values})
        panels.append({"title": wording.title(rows), "recipes": recipes, "notes": wording.notes(rows)})
    return panels


def counts(table: pd.DataFrame) -> list[tuple[str, int]]:
    """How many runs there are in each state, and how many of the finished ones failed. A run of several cells is one."""
    runs = table.drop_duplicates("run")
    states = Counter(runs["state"])
    found = [(state, states[state]) for state in _STATES if states[state]]
    failed = runs[(runs["state"] == "finished") & (runs["outcome"] == "failed")]
    return [
        ("runs", len(runs)),
        *found,
        ("failed", len(failed)),
        ("diverged", int((failed["reason"] == "diverged").sum())),
    ]


def verdict(row: Mapping[str, Any]) -> str:
    """What became of a run, in a word or two: its outcome where it is finished, else its state."""
    if row["state"] != "finished":
        return str(row["state"])
    return "succeeded" if row["outcome"] == "succeeded" else f"failed: {row['reason'] or 'majority'}"


def runs(table: pd.DataFrame, facts: Mapping[str, RunFacts]) -> list[dict[str, Any]]:
    """The rows of the table of runs with what sorts them."""
    rows = []
    for row in records(table):
        said = verdict(row)
        seconds = row.get("execution_seconds")
        rows.append({
            "id": row["run"], "task": row["task"], "model": row["model"], "recipe": row["recipe"], "seed": row["seed"],
            "seed_key": sum(part / 1e6**place for place, part in enumerate(seed_order(row["seed"]))),
            "verdict": said, "kind": _kind(said), "state": row["state"], "metric": (row["metric"] or "").replace("_", " "),
            "score": number(row["score"]), "score_key": _key(row["score"]), "majority": number(row["majority"]),
            "loss": number(row["training_loss"]), "loss_key": _key(row["training_loss"]),
            "steps": number(row["steps"]), "steps_key": _key(row["steps"]),
            "seconds": number(seconds), "seconds_key": _key(seconds), "opens": row["run"] in facts,
        })  # fmt: skip
    return rows


def choices(table: pd.DataFrame) -> dict[str, list[str]]:
    """The values that the table of runs can be filtered by, where there is more than one."""
    found = {name: list(dict.fromkeys(table[name])) for name in ("task", "model", "recipe")}
    found["outcome"] = list(dict.fromkeys(verdict(row) for row in records(table)))
    return {name: values for name, values in found.items() if len(values) > 1}


def _kind(said: str) -> str:
    return "succeeded" if said == "succeeded" else "failed" if said.startswith("failed") else "unfinished"


def _key(value: Any) -> float | str:
    """What a column is sorted by; a value that does not exist comes last."""
    return "" if value is None or pd.isna(value) or not math.isfinite(value) else float(value)


def preview(table: pd.DataFrame) -> dict[str, Any]:
    """The first rows of a table and how many there are."""
    head = [[number(value, 4) for value in row] for row in table.head(PREVIEW_ROWS).itertuples(index=False)]
    return {"columns": [str(name) for name in table.columns], "rows": head, "total": len(table)}


def section(block: Section) -> dict[str, Any]:
    """A block of facts; its table is shown whole."""
    table = None
    if block.table is not None:
        rows = [[number(value, 6) for value in row] for row in block.table.itertuples(index=False)]
        table = {"columns": [str(name) for name in block.table.columns], "rows": rows}
    return {"title": block.title, "text": block.text, "code": block.code, "table": table}
