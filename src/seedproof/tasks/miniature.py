"""The four tasks of the miniature language, which mirror CoLA, MRPC, RTE and QNLI at a size for a laptop.

They are drawn from the grammar with fixed seeds when they are asked for; see ``docs/miniature.md``.
"""

from __future__ import annotations

import numpy as np

from seedproof.errors import unknown
from seedproof.miniature.corpus import Example, draw_task
from seedproof.tasks.base import Task
from seedproof.tasks.split import Split

TRAIN_EXAMPLES = 1000
DEV_EXAMPLES = 500

# name -> classes in the order of their indices, metrics (the first judges): those of the GLUE task that it mirrors
_TASKS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "acceptability": (("unacceptable", "acceptable"), ("matthews", "accuracy")),
    "paraphrase": (("not_equivalent", "equivalent"), ("f1", "accuracy", "accuracy_f1")),
    "entailment": (("entailment", "not_entailment"), ("accuracy",)),
    "answer": (("entailment", "not_entailment"), ("accuracy",)),
}


def load(name: str) -> Task:
    """Draw a task by its short name, e.g. ``acceptability``.

    Raises:
        UserError: unknown name.
    """
    if name not in _TASKS:
        raise unknown("task", f"miniature/{name}", [f"miniature/{known}" for known in _TASKS])
    classes, metrics = _TASKS[name]
    train = _split(draw_task(name, "train", TRAIN_EXAMPLES))
    dev = _split(draw_task(name, "dev", DEV_EXAMPLES))
    return Task(name=f"miniature/{name}", train=train, dev=dev, classes=classes, metrics=metrics)


def _split(examples: list[Example]) -> Split:
    pairs = [second for _, second, _ in examples if second is not None]
    labels = np.array([label for _, _, label in examples], np.int64)
    return Split(tuple(first for first, _, _ in examples), tuple(pairs) or None, labels)
