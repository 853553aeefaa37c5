"""A study that nobody trained: a run of every way to end, written by hand; and a tracker that remembers what it was told."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from seedproof.spec import ModelReference, Numerics, RunSpec, Seeds, TaskReference
from seedproof.store import Store
from seedproof.store.cells import Cell
from seedproof.track.base import Tracker, Writer

MAJORITY = 0.6
ENDS = {0: "succeeded", 1: "failed/majority", 2: "failed/diverged", 3: "crashed"}
"""How the run of each seed ended."""
RACED = {4: "stopped/race", 5: "paused"}
"""How those stand that are in a race; :func:`make_store` makes none."""


def spec_of(seed: int, recipe: str = "devlin") -> RunSpec:
    return RunSpec(
        task=TaskReference(name="glue/rte", fingerprint="a" * 64, train_examples=3, dev_examples=2),
        model=ModelReference(name="miniature/bert", fingerprint="b" * 64, family="bert"),
        recipe={
            "name": recipe,
            "method": "fine-tuning",
            "epochs": 3.0 if recipe == "devlin" else 20.0,
            "max_steps": None,
            "_mine:Foo.k": 2,
        },
        seeds=Seeds(head=1, order=seed, dropout=7),
        numerics=Numerics(),
    )


def begin(store: Store, seed: int, recipe: str = "devlin") -> str:
    """Add a run of two steps, its result not there yet; its id."""
    spec = spec_of(seed, recipe)
    folder = store.add(spec)
    store.add_cells([Cell.of(spec)])
    folder.add_attempt_event("start")
    for record in (
        {"step": 0, "kind": "drift", "names": ["w"], "start_norms": np.ones(1, np.float32)},
        {"step": 1, "kind": "loss", "loss": 0.7},
        {"step": 2, "kind": "loss", "loss": math.nan if seed == 2 else 0.5},
        {"step": 2, "kind": "evaluation", "scores": {"accuracy": 0.5, "f1:a*": 0.1}, "entropy": 0.2},
        {"step": 2, "kind": "drift", "distances": np.array([3, 4], np.float32)},
    ):
        folder.journal.append(record)
    folder.journal.flush()
    return spec.id


def append(store: Store, run: str, **values: float) -> None:
    """Record one more loss of a run."""
    journal = store.run(run).journal
    journal.append({"kind": "loss", **values})
    journal.flush()


def finish(store: Store, seed: int) -> None:
    """Give a run the end that it has."""
    folder, end = store.run(spec_of(seed).id), (ENDS | RACED)[seed]
    if end in ("crashed", "paused"):
        folder.add_attempt_event(end, message="a fault")
        return
    outcome, _, reason = end.partition("/")
    score = {"succeeded": 0.9, "failed/majority": 0.5}.get(end, math.nan)
    about = {"metric": "accuracy", "metrics": {"accuracy": score}, "majority": MAJORITY, "steps": 2}
    if outcome == "stopped":
        about |= {"metrics": {}, "stopped_at": 2, "stopped_score": 0.5, "stopped_because": "it is 6th of 10"}
    diverged = {"diverged_at": 2} if reason == "diverged" else {"diverged_at": None}
    folder.finish({"outcome": outcome, "reason": reason or None, "score": score, **about, **diverged})


def make_store(folder: Path) -> Store:
    """A study with a run of every end."""
    made = Store.create(folder, "first", Numerics())
    for seed in ENDS:
        begin(made, seed)
        finish(made, seed)
    return made


def race(store: Store) -> list[str]:
    """Add a stopped run and one that waits; their ids."""
    runs = [begin(store, seed) for seed in RACED]
    for seed in RACED:
        finish(store, seed)
    return runs


class Remembering(Tracker):
    """Keeps in memory what it was told of each run, by its name."""

    name = "remembering"

    def __init__(self, place=""):
        super().__init__(place)
        self.told, self.ends, self.begun = {}, {}, 0

    def is_written(self, run, content):
        return run.key in self.ends and self.ends[run.key].content == content

    def begin(self, run):
        self.begun += 1
        self.ends.pop(run.key, None)
        self.told[run.key] = run, []
        return Remembered(self, run.key)

    def logged(self, name):
        return [logged for run, logged in self.told.values() if run.name == name]


class Remembered(Writer):
    def __init__(self, tracker, key):
        self.tracker, self.key = tracker, key

    def log(self, step, values):
        self.tracker.told[self.key][1].append((step, dict(values)))

    def end(self, ending):
        self.tracker.ends[self.key] = ending
