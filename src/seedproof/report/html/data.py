"""The page's data as JSON text, a run at a time: no more than one journal's content is in memory."""

from __future__ import annotations

import base64
import json
import statistics
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from seedproof.report.html import drilldown, view
from seedproof.report.limits import spread
from seedproof.report.wording import metric_title

if TYPE_CHECKING:
    from seedproof.report.html.page import Page

_OUTLIER = 2.5
"""Times the median of the runs' largest losses: a scale ends there, and a run that goes above is cut off, which is said."""


def json_for_html(value: Any) -> str:
    """Strict JSON that ends no script element and begins no comment, whatever texts are in it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def page_data(page: Page, opened: frozenset[str], rest: Mapping[str, Any]) -> Iterator[str]:
    """The JSON object that the page's scripts read, in pieces.

    Args:
        page: the page.
        opened: ids of the runs that can be opened.
        rest: what else is in the object.
    """
    fixed = {
        **rest,
        "codes": [drilldown.LOWEST, drilldown.HIGHEST],
        "tasks": {
            key: drilldown.compact_task(task, page.limits, texts=page.show_texts) for key, task in page.tasks.items()
        },
    }
    yield json_for_html(fixed).removesuffix("}") + ',"runs":{'
    scales, joint = Scales(), ""
    for id_, content in _runs(page, opened):
        scales.add(content)
        yield f"{joint}{json_for_html(id_)}:{json_for_html(content)}"
        joint = ","
    yield f'}},"scales":{json_for_html(scales.to_json())}}}'


def opened_runs(page: Page) -> frozenset[str]:
    """The runs that can be opened: those with facts, spread over cells and outcomes where there are too many."""
    if page.runs is None:
        return frozenset()
    there = page.runs[page.runs["run"].isin(page.facts)].drop_duplicates("run")
    return frozenset(spread(there, page.limits.runs)["run"])


def _runs(page: Page, opened: frozenset[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The drill-down of every opened run; each journal is read once and forgotten."""
    if page.runs is None:
        return
    names = ["run", "metric", "positive_class", "majority", "evaluated_step"]
    rows = page.runs.loc[page.runs["run"].isin(opened), names].drop_duplicates("run")
    for row in view.records(rows):
        facts = page.facts[row["run"]]
        step = None if pd.isna(row["evaluated_step"]) else int(row["evaluated_step"])
        task = page.tasks.get(facts.task)
        content = drilldown.compact_run(facts.records(), row["metric"], step, task, page.limits)
        judged = {} if row["metric"] is None else {"metric": metric_title(row["metric"], row["positive_class"])}
        yield row["run"], content | judged | {"task": facts.task, "majority": drilldown.rounded(row["majority"])}


class Scales:
    """The range of each kind of curve over the runs of a task, so that every run is drawn to one scale."""

    def __init__(self) -> None:
        self._highest: dict[tuple[str, str], list[float]] = {}
        self._lowest: dict[tuple[str, str], list[float]] = {}

    def add(self, content: Mapping[str, Any]) -> None:
        """Take the content of one run."""
        for name in ("loss", "score", "pooler"):
            values = [value for value in content.get(name, {}).get("y", []) if value is not None]
            values += [content["majority"]] if name == "score" and content["majority"] is not None else []
            self._take(content["task"], name, values)
        if "heat" in content:
            codes = np.frombuffer(base64.b64decode(content["heat"]["bytes"]), np.uint8)
            numbers = codes[(codes > drilldown.ZERO) & (codes < drilldown.NOT_FINITE)]
            self._take(
                content["task"], "heat", [] if not len(numbers) else [float(numbers.min()), float(numbers.max())]
            )

    def _take(self, task: str, name: str, values: list[float]) -> None:
        if values:
            self._lowest.setdefault((task, name), []).append(min(values))
            self._highest.setdefault((task, name), []).append(max(values))

    def to_json(self) -> dict[str, dict[str, list[float]]]:
        """Lowest and highest value by task and kind. Losses begin at 0 and end where nearly all runs are below."""
        found: dict[str, dict[str, list[float]]] = {}
        for (task, name), highest in self._highest.items():
            low, high = min(self._lowest[task, name]), max(highest)
            if name == "loss":
                low, high = min(0.0, low), min(high, _OUTLIER * statistics.median(highest))
            found.setdefault(task, {})[name] = [low, high]
        return found
