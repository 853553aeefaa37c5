"""A table of polite and other texts, and a model fitted to it: tests look at it, and change copies."""

from __future__ import annotations

import csv
import random

import numpy as np
import pytest
from tests.fitting.made import make_task, noisy, run

import seedproof as sp
from seedproof.tasks import load_task


@pytest.fixture(scope="session")
def options():
    """How it is fitted."""
    return {
        "text": "sentence",
        "label": "polite",
        "settings": {"epochs": 12, "learning_rate": 3e-3, "max_length": 64},
        "launcher": "inline",
    }


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """240 texts, polite by a word of theirs but for a tenth; the last row is longer than the model is given."""
    words = sorted({word for text in load_task("miniature/acceptability").train.texts[:200] for word in text.split()})
    generator, path = random.Random(0), tmp_path_factory.mktemp("fit") / "reviews.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["key", "sentence", "polite"])
        for row in range(240):
            is_polite = generator.random() < 0.5
            word = words[3] if is_polite != (generator.random() < 0.1) else words[7]
            length = 300 if row == 239 else 4
            text = " ".join([word, *generator.choices(words[10:], k=length)])
            writer.writerow([f"r{row}", text, "yes, please" if is_polite else "no|thanks"])
    return path


@pytest.fixture(scope="session")
def fitted(table, tiny_model, options):
    out = table.parent / "out" / "model"
    return sp.fit(table, model=tiny_model, out=out, seeds=3, progress=False, ensemble="predictions", **options)


@pytest.fixture
def runs():
    """Three made runs, the second the best."""
    generator, task = np.random.default_rng(0), make_task()
    return [run(seed, noisy(generator, noise), task) for seed, noise in enumerate([2.0, 0.6, 2.0])]
