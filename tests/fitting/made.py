"""A task of two classes, and runs of made logits on it."""

from __future__ import annotations

import math

import numpy as np

from seedproof.fitting.card.told import Told
from seedproof.fitting.judgement import Run
from seedproof.models.source import find_model
from seedproof.tasks import Split, Task

EXAMPLES = 120
LABELS = np.arange(EXAMPLES) % 2
SINGLE = "single_label_classification"


def make_task(labels=LABELS, classes=("no", "yes"), metrics=("accuracy",), metric="", groups=None):
    texts = [str(index) for index in range(len(labels))]
    split = Split(texts, None, labels, groups=None if groups is None else [str(group) for group in groups])
    return Task(name="made", train=split, dev=split, classes=classes, metrics=metrics, metric=metric)


def make_told(task, problem_type=SINGLE):
    """What a card tells beside a judgement."""
    about = {"recipe": "mosbach", "command": "", "cut": {}, "max_length": 128, "notes": (), "differing": 0.0}
    return Told(task=task, problem_type=problem_type, source=find_model("miniature/bert-shallow"), **about)


def run(seed, outputs, task, outcome="succeeded"):
    score = task.score({"dev": outputs})[task.metric] if len(outputs) else math.nan
    return Run(f"id{seed}", str(seed), score, outcome, "fitted", outputs)


def noisy(generator, noise, labels=LABELS, classes=2):
    """Logits that point at the label, and miss it more often the larger the noise."""
    return 2 * np.eye(classes)[labels] + noise * generator.standard_normal((len(labels), classes))
