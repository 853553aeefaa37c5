"""A smaller training set of a task, drawn with a stated seed: for the question how much the size of the data matters.

The result is an ordinary task: it has a name that says what it is, ``glue/cola[1000 of 8551, seed 0]``, and a
fingerprint of its own. Development set, classes and metrics stay. One subset serves all seeds of a study, or each seed
gets a task of its own (``subsample(task, 1000, seed=s)``).
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from seedproof.errors import UserError
from seedproof.tasks.base import Task
from seedproof.tasks.holding_out import strata

_STREAM = 0x5AB5
"""Keeps the draw apart from that of the order of examples, which takes the same seeds (``training/plan.py``)."""

_NAME = re.compile(
    r"(?P<task>.+)\[(?P<examples>\d+) of (?P<total>\d+), seed (?P<seed>\d+)(?:, stratified)?\]", re.DOTALL
)


class Drawn(NamedTuple):
    """What the name of a sub-sample says."""

    task: str
    """Name of the whole task."""
    examples: int
    total: int
    seed: int


def subsample(task: Task, examples: int, *, seed: int = 0, stratified: bool = False) -> Task:
    """A task with ``examples`` of the training examples of ``task``, drawn without replacement.

    Sub-samples of one seed are nested: the 250 are among the 500. They keep the order of the whole set.

    Args:
        task: any task.
        examples: how many are kept; all of them give the same data, and so the same fingerprint.
        seed: of the draw, 0 to 2^63 - 1; not of any run.
        stratified: keep the fractions of the classes as nearly as whole numbers can, of several labels an example those of the
            rarest of each; False is the paper's plain draw.

    Raises:
        UserError: more examples than there are, fewer than 1, a bad seed, classes asked for where there are none, or a
            draw with one label only.
    """
    total = len(task.train)
    _check(task, examples, seed, stratified)
    order = np.random.RandomState([seed & 0xFFFFFFFF, seed >> 32, _STREAM]).permutation(total)
    chosen = _stratified(strata(task.train.labels)[order], examples) if stratified else slice(examples)
    kept = np.sort(order[chosen])
    how, parse = "drawn by class" if stratified else "a plain random draw", task.parse
    return dataclasses.replace(
        task,
        name=sample_name(task.name, examples, total, seed, stratified=stratified),
        train=task.train.take(kept),
        notes=(*task.notes, f"train: {examples} of {total} examples, {how} with seed {seed}"),
        parse=parse and (lambda rules: subsample(parse(rules), examples, seed=seed, stratified=stratified)),
    )


def sample_name(task: str, examples: int, total: int, seed: int, *, stratified: bool = False) -> str:
    """What a sub-sample is called.

    >>> sample_name("glue/cola", 1000, 8551, 0)
    'glue/cola[1000 of 8551, seed 0]'
    """
    return f"{task}[{examples} of {total}, seed {seed}{', stratified' if stratified else ''}]"


def read_sample_name(name: str) -> Drawn | None:
    """What the name of a sub-sample says; None for any other name."""
    match = _NAME.fullmatch(name)
    return Drawn(match["task"], int(match["examples"]), int(match["total"]), int(match["seed"])) if match else None


def _check(task: Task, examples: Any, seed: Any, stratified: bool) -> None:
    total = len(task.train)
    if isinstance(examples, bool) or not isinstance(examples, int) or not 1 <= examples <= total:
        raise UserError(
            f"cannot draw {examples!r} training examples of {task.name!r}; give a whole number from 1 to {total}, "
            "which is all it has"
        )
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**63:
        raise UserError(f"the seed {seed!r} of a sub-sample of {task.name!r} is not valid; give 0 to 2^63 - 1")
    if stratified and not task.classes:
        raise UserError(f"{task.name!r} has no classes to keep the fractions of; leave out stratified")


def _stratified(labels: NDArray[Any], examples: int) -> NDArray[np.int64]:
    """Positions (examples,) in a drawn order: of each class the first ones, by the largest remainders."""
    exact = np.bincount(labels) * examples / len(labels)
    counts = np.floor(exact).astype(int)
    # The remainders are rounded, so that equal fractions are not told apart by the last bit of a division.
    by_remainder = np.argsort(-np.round(exact - counts, 9), kind="stable")
    counts[by_remainder[: examples - counts.sum()]] += 1
    return np.concatenate([np.flatnonzero(labels == index)[:count] for index, count in enumerate(counts)])
