"""The table of runs of a store, and under another metric than the one that judged them.

What an earlier version did not note in a result (the interval of the score, how the run ended) is worked out from the
run's journal and its task, where the store has them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from seedproof.alarms import Signals, signals_of
from seedproof.analysis.endings import kind_of
from seedproof.analysis.runs import runs_table
from seedproof.errors import UserError
from seedproof.execution.ending import Digest, describe_ending, logits_of
from seedproof.store import Store
from seedproof.store.checked import STOPPED, judge
from seedproof.tasks import Task
from seedproof.tasks.judges import Metric
from seedproof.tasks.uncertainty import known_interval, score_interval


def stored_runs(store: Store, metric: str | None = None) -> pd.DataFrame:
    """The table of :func:`seedproof.analysis.runs_table` for a store.

    Args:
        store: of the study, finished or not.
        metric: judges the runs anew, from their stored logits; a task that it does not fit keeps its own. None: as they
            were judged when they ended.

    Raises:
        UserError: ``metric`` is unknown, fits no task, or a run has no logits for it; damaged files.
    """
    cells = store.cells()
    states = store.states(cells)
    store.check_specs(states)
    tasks = _Tasks(store)
    finished = [_Run(store, id_, tasks) for id_, state in states.items() if state == "finished"]
    judges = {} if metric is None else tasks.judges(metric, {run.fingerprint for run in finished})
    return runs_table(cells, {run.id: run.result(judges) for run in finished}, states)


def class_scores_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Precision, recall, F1 and support by class, from the table of :func:`stored_runs`; a row per run, split and class."""
    names = ["task", "model", "recipe", "seed", "run"]
    rows = [
        {**{name: run[name] for name in names}, "split": split, "class": label, **scores}
        for run in runs[runs["class_scores"].notna()].to_dict("records")
        for split, classes in json.loads(run["class_scores"]).items()
        for label, scores in classes.items()
    ]
    return pd.DataFrame(rows, columns=[*names, "split", "class", "precision", "recall", "f1", "support"])


def stored_signals(store: Store, runs: pd.DataFrame) -> dict[str, Iterator[Signals]]:
    """The signals of every finished run by its id, read when they are asked for.

    Args:
        store: of the study.
        runs: its table, of :func:`stored_runs`.
    """
    finished = runs[(runs["state"] == "finished") & runs["ending"].notna()].drop_duplicates("run")
    return {
        run["run"]: signals_of(
            store.run(run["run"]).records(),
            steps=int(run["steps"]),
            reference_loss=json.loads(run["ending"]).get("reference_loss", math.nan),
        )
        for run in finished.to_dict("records")
    }


class _Tasks:
    """The tasks of a store, each read once and only if asked for."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read: dict[str, Task | None] = {}

    def get(self, fingerprint: str) -> Task | None:
        """A task; None where run folders came without it."""
        if fingerprint not in self._read:
            folder = self._store.task_folder(fingerprint)
            self._read[fingerprint] = Task.read(folder) if folder.is_dir() else None
        return self._read[fingerprint]

    def judges(self, metric: str, fingerprints: set[str]) -> dict[str, Metric]:
        """The metric for the classes of each task that it fits, by fingerprint.

        Raises:
            UserError: it fits none of them, or says nothing on their development sets.
        """
        found: dict[str, Metric] = {}
        errors = []
        for fingerprint in sorted(fingerprints):
            if (task := self.get(fingerprint)) is None:
                errors.append(
                    UserError(
                        f"cannot score under {metric!r}: {self._store.task_folder(fingerprint)} is missing; "
                        "copy it from the study that the runs came from"
                    )
                )
                continue
            try:
                judge = task.find_metric(metric)
                judge.check_defined(task.dev.labels, f"task {task.name!r}")
                found[fingerprint] = judge
            except UserError as error:
                errors.append(error)
        if errors and not found:
            raise errors[0]
        return found


class _Run:
    """A finished run, whose journal is read if its result does not suffice."""

    def __init__(self, store: Store, id_: str, tasks: _Tasks) -> None:
        self.id, self._folder, self._tasks = id_, store.run(id_), tasks

    @cached_property
    def _spec(self) -> Any:
        return self._folder.spec

    @property
    def fingerprint(self) -> str:
        """Fingerprint of its task."""
        return str(self._spec.task.fingerprint)

    @cached_property
    def _task(self) -> Task | None:
        return self._tasks.get(self.fingerprint)

    @cached_property
    def _digest(self) -> Digest:
        # A journal that was taken away leaves things unknown; one that is damaged is named.
        records = self._folder.records() if self._folder.journal.path.exists() else ()
        digest = Digest.of(records, self._folder.result().get("evaluated_step"))
        for step, record in digest.evaluations.items():
            self._check(step, logits_of(record))
        return digest

    def _check(self, step: int, outputs: Mapping[str, NDArray[Any]]) -> None:
        """Refuse outputs that are not those of the task."""
        if self._task is None:
            return
        for name, split in self._task.evaluation_splits.items():
            found, wanted = np.asarray(outputs.get(name, ())), (len(split), self._task.num_labels)
            if name in outputs and (found.shape != wanted or found.dtype.kind != "f"):
                raise UserError(
                    f"{self._folder.journal.path} is damaged: the outputs of step {step} on {name} have the shape {found.shape}, "
                    f"and the task needs {wanted}; restore it from a copy, or remove the folder of the run to have it done again"
                )

    def result(self, judges: Mapping[str, Metric]) -> dict[str, Any]:
        """The run's result, complete, and judged anew where its task is among ``judges``."""
        result = self._folder.result()
        if judges and (metric := judges.get(self.fingerprint)) is not None:
            result = self._judged(result, metric)
        if "score_low" not in result:
            result |= self._interval(result)
        if "class_scores" not in result and self._task is not None:
            outputs = self._digest.logits(result.get("evaluated_step"))
            result["class_scores"] = self._task.class_scores(outputs)
        if "ending" not in result or self._is_of_earlier_measure(result):
            result["ending"] = self._ending()
        return result | {"kind": kind_of(result, self._is_noisy)}

    def _judged(self, result: dict[str, Any], metric: Metric) -> dict[str, Any]:
        task = self._task
        assert task is not None  # a judge was found for it
        majority = metric.majority(task.dev.labels)
        judged = {"metric": metric.name, "positive_class": metric.positive, "majority": majority}
        if result.get("reason") == "diverged" or result["outcome"] == STOPPED:
            unknown = {"score": math.nan, "score_low": math.nan, "score_high": math.nan}
            return result | judged | unknown | self._score_when_stopped(result, metric, task)
        outputs = self._final_outputs(result)
        if outputs is None:
            raise UserError(
                f"cannot score run {self.id} under {metric.name!r}: its journal {self._folder.journal.path} has no outputs "
                "of the final evaluation; restore the file, or leave out the metric"
            )
        score = metric.score(outputs, task.dev.labels)
        low, high = score_interval(metric, outputs, task.dev.labels, task.dev.groups)
        outcome, reason = judge(score, majority)
        scores = result["metrics"] | {metric.name: score}
        return (
            result
            | judged
            | {
                "outcome": outcome,
                "reason": reason,
                "score": score,
                "score_low": low,
                "score_high": high,
                "metrics": scores,
            }
        )

    def _score_when_stopped(self, result: Mapping[str, Any], metric: Metric, task: Task) -> dict[str, float]:
        """The score of the last evaluation of a stopped run under another metric."""
        if result["outcome"] != STOPPED:
            return {}
        outputs = self._digest.logits(max(self._digest.evaluations, default=None)).get("dev")
        return {"stopped_score": math.nan if outputs is None else metric.score(outputs, task.dev.labels)}

    def _interval(self, result: dict[str, Any]) -> dict[str, Any]:
        """The interval of the score and the class of F1, of a result of an earlier version."""
        name, score = result["metric"], result["score"]
        found: dict[str, Any] = {"positive_class": None, "score_low": math.nan, "score_high": math.nan}
        if name not in ("f1", "accuracy_f1"):  # of the class metrics that there were, these alone are of one class
            known = (
                None
                if score is None or not math.isfinite(score)
                else known_interval(name, score, self._spec.task.dev_examples)
            )
            if known is not None:
                return found | {"score_low": known[0], "score_high": known[1]}
        if (task := self._task) is None:
            return found
        metric, outputs = task.find_metric(name), self._final_outputs(result)
        found["positive_class"] = metric.positive
        if outputs is not None:
            found["score_low"], found["score_high"] = score_interval(metric, outputs, task.dev.labels, task.dev.groups)
        return found

    def _final_outputs(self, result: Mapping[str, Any]) -> NDArray[Any] | None:
        return self._digest.logits(result.get("evaluated_step")).get("dev")

    def _ending(self) -> dict[str, Any]:
        if self._task is None:
            return {}
        return describe_ending(self._digest, self._task)

    def _is_of_earlier_measure(self, result: Mapping[str, Any]) -> bool:
        """Whether an earlier version said, by its own measure, whether the gradients of this failed run vanished."""
        is_asked = result["outcome"] == "failed" and result["ending"].get("vanished") is not None
        return is_asked and self._task is not None and self._folder.journal.path.exists()

    def _is_noisy(self) -> bool:
        recipe = self._spec.recipe
        return bool(recipe.get("dropout") != 0 or recipe["method"] != "fine-tuning")
