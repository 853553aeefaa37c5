"""Tables as the template shows them: rounded words for people; the CSV files keep every digit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd

from seedproof.analysis.answer import Answer
from seedproof.analysis.runs import COVERS, is_stopped, seed_order
from seedproof.report import wording
from seedproof.report.answers import difference_notes, difference_rows, headings, title
from seedproof.report.html.page import Page, Section
from seedproof.report.limits import spread
from seedproof.report.tables import two_rows
from seedproof.report.wording import metric_title

PREVIEW_ROWS = 12
_NONE = "–"
_VERDICTS = {"holds": ("holds", "✓"), "does not hold": ("fails", "✗"), "not decided": ("open", "?")}
_STATES = ("finished", "running", "interrupted", "paused", "lost", "crashed", "pending")


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


def column(values: Sequence[Any]) -> list[str]:
    """The values of a column in one format: as many decimals as the smallest needs for two digits, 3 to 6, else powers of ten.

    >>> column([0.5, 0.03125, None]), column([1e-9, 0.5]), column([3, 1200])
    (['0.500', '0.031', '–'], ['1.00e-09', '5.00e-01'], ['3', '1,200'])
    """
    floats = [abs(float(value)) for value in values if _is_fraction(value)]
    if not floats:
        return [number(value) for value in values]
    present = [value for value in floats if value]
    smallest, largest = min(present, default=1.0), max(present, default=1.0)
    decimals = min(6, max(3, 1 - math.floor(math.log10(smallest))))
    form = f",.{decimals}f" if smallest >= 1e-5 and largest < 1e6 else ".2e"
    if all(value.is_integer() for value in floats):
        form = ",.0f"
    return [format(float(value), form) if _is_fraction(value) else number(value) for value in values]


def _is_fraction(value: Any) -> bool:
    return isinstance(value, (float, np.floating)) and math.isfinite(value)


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
        effect, low, high = column([row["effect"], row["effect_low"], row["effect_high"]])
        if shown and _NONE not in (low, high):
            effect += f" [{low}, {high}]"
        needed = "" if pd.isna(row["n_needed"]) else wording.would_decide(row)
        # "Does not hold" is decided by the p-value against the claim; a ledger of an earlier version has none.
        decisive = row["verdict"] == "does not hold" and not pd.isna(row.get("p_against_corrected"))
        side, which = ("p_against", " against the claim") if decisive else ("p", "")
        rows.append(
            row
            | {
                "kind": kind,
                "sign": sign,
                "effect": effect,
                "effect_name": row["effect_name"] or "",
                "needed": needed,
                "p": p_value(row[side]),
                "p_corrected": p_value(row[f"{side}_corrected"]),
                "which_p": which,
                "n": number(row["n"]),
                "why": row["why"] or "",
                "silent": kind == "open" and not row["n"],
            }
        )
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
            recipes.append(words | {"values": values, "endings": wording.endings(row)})
        panels.append(
            {"title": wording.title(rows), "recipes": recipes, "notes": wording.advice(rows) + wording.notes(rows)}
        )
    return panels


def answers(found: Sequence[Answer]) -> list[dict[str, Any]]:
    """The sentence of each task and model, and its table of differences to the baseline."""
    return [
        {
            "title": title(answer),
            "sentence": answer.sentence,
            "notes": difference_notes(answer),
            "table": _differences(answer) if difference_rows(answer) else None,
        }
        for answer in found
    ]


def _differences(answer: Answer) -> dict[str, Any]:
    columns = headings(answer)
    return {"columns": columns, "rows": difference_rows(answer), "numeric": [name != columns[0] for name in columns]}


def counts(table: pd.DataFrame) -> list[tuple[str, int]]:
    """How many runs there are in each state, and how many of the finished ones failed.

    A run of several cells is one, and one that a rule has stopped is no finished one.
    """
    runs = table.drop_duplicates("run")
    states = Counter(runs.loc[~is_stopped(runs), "state"])
    found = [(state, states[state]) for state in _STATES if states[state]]
    failed = runs[runs["outcome"] == "failed"]
    stopped, alarms = (
        int(is_stopped(runs).sum()),
        int(runs["alarm_because"].notna().sum()) if "alarm_because" in runs else 0,
    )
    return [
        ("runs", len(runs)),
        *found,
        *([("stopped", stopped)] if stopped else []),
        ("failed", len(failed)),
        ("diverged", int((failed["reason"] == "diverged").sum())),
        *([("with an alarm", alarms)] if alarms else []),
    ]


def verdict(row: Mapping[str, Any]) -> str:
    """What became of a run, in a word or two: its outcome where it is finished, else its state."""
    if row["state"] != "finished":
        return str(row["state"])
    said = "succeeded" if row["outcome"] == "succeeded" else f"{row['outcome']}: {row['reason'] or 'majority'}"
    return said if row.get("kind") in (None, "fitted", "unknown") else f"{said}, {row['kind']}"


def runs(page: Page, opened: frozenset[str]) -> dict[str, Any]:
    """The table of runs: how many there are, what they can be filtered by, and the rows that are shown, made one by one."""
    if page.runs is None:
        return {"total": 0}
    shown = spread(page.runs, page.limits.rows)
    said = list(
        dict.fromkeys(verdict(row) for row in records(shown[["state", "outcome", "reason", "kind"]].drop_duplicates()))
    )
    found = {name: list(dict.fromkeys(shown[name])) for name in ("task", "model", "recipe")} | {"outcome": said}
    judged = shown[shown["metric"].notna()]
    startable = page.runs.loc[page.runs["run"].isin(page.facts), "run"].nunique()
    return {
        "total": len(page.runs),
        "shown": len(shown),
        "started": startable,
        "opened": len(opened),
        "choices": {name: values for name, values in found.items() if len(values) > 1},
        "metrics": sorted(
            {metric_title(*pair) for pair in zip(judged["metric"], judged["positive_class"], strict=True)}
        ),
        "rows": _run_rows(shown, opened),
    }


def _run_rows(shown: pd.DataFrame, opened: frozenset[str]) -> Iterator[dict[str, Any]]:
    """The rows of the table of runs with what sorts them; one number format a column."""
    names = ["run", "task", "model", "recipe", "seed", "state", "outcome", "reason", "kind"]
    numbers = {"score": shown["score"], "loss": shown["training_loss"], "steps": shown["steps"]}
    if "execution_seconds" in shown:
        numbers["seconds"] = pd.to_numeric(shown["execution_seconds"], errors="coerce").round(1)
    words = {name: column(list(values)) for name, values in numbers.items()}
    near = [wording.NEAR if covers else "" for covers in shown[COVERS]]
    words["score"] = [word + mark for word, mark in zip(words["score"], near, strict=True)]
    keys = {name: [_key(value) for value in values] for name, values in numbers.items()}
    for index, cells in enumerate(zip(*(shown[name] for name in names), strict=True)):
        values = dict(zip(names, cells, strict=True))
        said = verdict(values)
        yield {
            "id": values["run"],
            "seed_key": sum(part / 1e6**index for index, part in enumerate(seed_order(values["seed"]))),
            "verdict": said,
            "kind": _kind(said),
            "opens": values["run"] in opened,
            "seconds": _NONE,
            "seconds_key": "",
            **{name: values[name] for name in ("task", "model", "recipe", "seed")},
            **{name: listed[index] for name, listed in words.items()},
            **{f"{name}_key": listed[index] for name, listed in keys.items()},
        }


def _kind(said: str) -> str:
    return "succeeded" if said.startswith("succeeded") else "failed" if said.startswith("failed") else "unfinished"


def _key(value: Any) -> float | str:
    """What a column is sorted by; a value that does not exist comes last."""
    return "" if value is None or pd.isna(value) or not math.isfinite(value) else float(value)


def preview(table: pd.DataFrame) -> dict[str, Any]:
    """The first rows of a table and how many there are."""
    return {**_whole(table.head(PREVIEW_ROWS)), "total": len(table)}


def section(block: Section) -> dict[str, Any]:
    """A block of facts; its table is shown whole."""
    table = None if block.table is None else _whole(block.table)
    return {"title": block.title, "text": block.text, "code": block.code, "table": table}


def _whole(table: pd.DataFrame) -> dict[str, Any]:
    columns = [column(list(table.iloc[:, index])) for index in range(len(table.columns))]
    numeric = [bool(pd.api.types.is_numeric_dtype(dtype)) for dtype in table.dtypes]
    return {
        "columns": [str(name) for name in table.columns],
        "rows": list(zip(*columns, strict=True)),
        "numeric": numeric,
    }
