"""Journals read once, record by record, keeping no more than is drawn: a journal may be larger than the memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Generic, TypeVar

import numpy as np

Record = Mapping[str, Any]
Item = TypeVar("Item")


class EvenlySpaced(Generic[Item]):
    """List of at most ``2 * most + 1`` of the items that are added, evenly spaced, the first and the last among them.

    Every item is kept until there are ``2 * most``; then every second goes, and from there on every second comes, and so on.
    """

    def __init__(self, most: int) -> None:
        self.count = 0
        self._most, self._stride, self._kept = most, 1, list[Item]()
        self._last: list[Item] = []

    def add(self, item: Item) -> None:
        """Add the next item."""
        if self.count % self._stride == 0:
            self._kept.append(item)
            self._last = []
            if len(self._kept) > 2 * self._most:
                self._kept, self._stride = self._kept[::2], 2 * self._stride
                self._last = [] if self.count % self._stride == 0 else [item]
        else:
            self._last = [item]
        self.count += 1

    def items(self) -> list[Item]:
        """What is kept, in order."""
        return self._kept + self._last


def curve_records(records: Iterable[Record], steps: int, points: int) -> Iterator[dict[str, Any]]:
    """Losses and evaluations of a journal for curves of about ``points`` points.

    Args:
        records: of a run, in order.
        steps: of the run.
        points: where there are more steps, a loss stands for a window of them: its mean, at the window's last step.

    Yields:
        Records of the kinds ``loss`` (with ``window``, the number of steps in its mean) and ``evaluation`` (without logits).
    """
    window, waiting, last = max(1, -(-steps // points)), list[float](), 0
    for record in records:
        if record["kind"] == "evaluation":
            yield {name: value for name, value in record.items() if not name.startswith("logits")}
        elif record["kind"] == "loss":
            waiting.append(record["loss"])
            last = record["step"]
            if len(waiting) == window:
                yield _window(waiting, last)
                waiting = []
    if waiting:
        yield _window(waiting, last)


def _window(losses: list[float], step: int) -> dict[str, Any]:
    with np.errstate(invalid="ignore"):  # a loss that is not finite makes its window so
        return {"kind": "loss", "step": step, "loss": float(np.mean(losses)), "window": len(losses)}


def gradient_records(records: Iterable[Record], most: int) -> list[Record]:
    """The recorded gradient norms of a journal, evenly spaced where there are more than ``2 * most`` looks."""
    names: list[Record] = []
    looks = EvenlySpaced[Record](most)
    for record in records:
        if record["kind"] == "gradients":
            if "norms" in record:
                looks.add(record)
            else:
                names.append(record)
    return names + looks.items()
