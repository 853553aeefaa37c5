"""A task of two classes, and runs of made logits on it."""

from __future__ import annotations

import math

import numpy as np

from seedproof.fitting.judgement import Run
from seedproof.tasks import Split, Task

EXAMPLES = 120
LABELS = np.arange(EXAMPLES) % 2
SINGLE = "single_label_classification"


def make_task(labels=LABELS, classes=("no", "yes"), metrics=("accuracy",)):
    texts = [str(index) for index in range(len(labels))]
    split = Split(texts, None, labels)
    return Task(name="made", train=split, dev=split, classes=classes, metrics=metrics)


def run(seed, outputs, task, outcome="succeeded"):
    score = task.score({"dev": outputs})["accuracy"] if len(outputs) else math.nan
    return Run(f"id{seed}", str(seed), score, outcome, "fitted", outputs)


def noisy(generator, noise):
    """Logits that point at the label, and miss it more often the larger the noise."""
    towards = (2 * LABELS - 1) + noise * generator.standard_normal(EXAMPLES)
    return np.stack([-towards, towards], axis=1)
