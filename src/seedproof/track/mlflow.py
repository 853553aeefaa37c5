"""MLflow: a study is an experiment, task, model and recipe a parent run, a seed a run below it.

``mlflow:DIR`` is a database in a folder, DIR/mlflow.db; anything with ``://`` is the address of a tracking server or a
database. (Without an address MLflow makes ``mlflow.db`` in the working folder; its older store of plain files refuses unless
``MLFLOW_ALLOW_FILE_STORE`` is set. Neither is used.) A failed run has MLflow's status FAILED and the tag ``outcome`` with
the reason; a run that was stopped or interrupted has KILLED, one that waits for its race SCHEDULED. NaN stays NaN; MLflow
keeps infinity as the greatest double, 1.8e308.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from seedproof.spec import content_hash
from seedproof.track.base import Ending, TrackedRun, Tracker, Writer

_RUN, _CELL, _CONTENT = "seedproof.run", "seedproof.group", "seedproof.content"
"""Tags by which runs are found again."""
_PARENT = "mlflow.parentRunId"
_BATCH = 1000
"""Metrics that MLflow takes at once."""
_MOST_PARAMETERS, _LONGEST = 100, 6000
"""Parameters that it takes at once, and characters of one."""


class MLflow(Tracker):
    """MLflow's tracking store; see the module."""

    name: ClassVar[str] = "mlflow"

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self._artifacts, self._address = None, place
        if "://" not in place:
            folder = Path(place).resolve()
            folder.mkdir(parents=True, exist_ok=True)
            self._artifacts, self._address = (folder / "artifacts").as_uri(), f"sqlite:///{folder / 'mlflow.db'}"
        with _quiet():
            from mlflow.tracking import MlflowClient

            self._client = MlflowClient(tracking_uri=self._address)
            self._client.search_experiments(max_results=1)  # an address that leads nowhere is refused now
        self._parents: dict[tuple[str, str], str] = {}

    def is_written(self, run: TrackedRun, content: str) -> bool:
        """Whether the tags of the run say so."""
        return any(found.data.tags.get(_CONTENT) == content for found in self._found(run))

    def begin(self, run: TrackedRun) -> Writer:
        """Delete earlier runs of this key, and create one below the parent of its group."""
        for found in self._found(run):
            self._client.delete_run(found.info.run_id)
        tags = {_RUN: run.key, _CELL: _key_of_group(run), _PARENT: self._parent(run)}
        begun = self._client.create_run(
            self._experiment(run.study), start_time=int(1000 * run.started), run_name=run.name, tags=tags
        )
        return _Child(self._client, begun.info.run_id, run)

    def look(self) -> str:
        """The command."""
        return f"look at it: mlflow ui --backend-store-uri {self._address}"

    def _experiment(self, study: str) -> str:
        found = self._client.get_experiment_by_name(study)
        made = found.experiment_id if found else self._client.create_experiment(study, self._artifacts)
        return str(made)

    def _found(self, run: TrackedRun) -> list[Any]:
        return list(self._search(run.study, f"tags.`{_RUN}` = '{run.key}'"))

    def _search(self, study: str, condition: str) -> list[Any]:
        return list(self._client.search_runs([self._experiment(study)], filter_string=condition))

    def _parent(self, run: TrackedRun) -> str:
        """The parent run of a group, found or made."""
        key = run.study, run.group
        if key not in self._parents:
            alike = self._search(run.study, f"tags.`{_CELL}` = '{_key_of_group(run)}'")
            rows = [found for found in alike if _PARENT not in found.data.tags]
            if rows:
                self._parents[key] = rows[0].info.run_id
            else:
                made = self._client.create_run(
                    self._experiment(run.study), run_name=run.group[:250], tags={_CELL: _key_of_group(run)}
                )
                self._client.set_terminated(made.info.run_id)
                self._parents[key] = made.info.run_id
        return self._parents[key]


class _Child(Writer):
    def __init__(self, client: Any, id_: str, run: TrackedRun) -> None:
        from mlflow.entities import Param

        self._client, self._id, self._run = client, id_, run
        self._waiting: list[Any] = []
        parameters = [Param(_as_key(name), str(value)[:_LONGEST]) for name, value in run.config.items()]
        for first in range(0, len(parameters), _MOST_PARAMETERS):
            client.log_batch(id_, params=parameters[first : first + _MOST_PARAMETERS])

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Metrics, sent together."""
        from mlflow.entities import Metric

        when = int(1000 * self._run.started) + step  # the same at every writing
        self._waiting += [Metric(_as_key(name), value, when, step) for name, value in values.items()]
        if len(self._waiting) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Send those that wait."""
        while self._waiting:
            self._client.log_batch(self._id, metrics=self._waiting[:_BATCH])
            del self._waiting[:_BATCH]

    def end(self, ending: Ending) -> None:
        """Score and its kin as metrics, the verdict as tag and as MLflow's status."""
        last = int(ending.summary.get("steps", 0))
        texts = {name: value for name, value in ending.summary.items() if isinstance(value, str)}
        self.log(last, {name: float(value) for name, value in ending.summary.items() if name not in texts})
        self.flush()
        for name, value in {"outcome": ending.verdict, **texts, _CONTENT: ending.content}.items():
            self._client.set_tag(self._id, name, value)
        self._client.set_terminated(self._id, _status(ending))


def _key_of_group(run: TrackedRun) -> str:
    """The group as a condition of a search can say it, whatever signs it has."""
    return content_hash(run.group)[:16]


def _status(ending: Ending) -> str:
    """MLflow's word for an end: KILLED is what ended before its last step without a fault of its own."""
    if ending.is_failure:
        return "FAILED"
    return {"succeeded": "FINISHED", "paused": "SCHEDULED"}.get(ending.verdict, "KILLED")


def _as_key(name: str) -> str:
    """A name as MLflow takes it: its own signs, and others by their number (``f1:a*`` is ``f1:a-2a-``)."""
    return re.sub(r"[^\w\-. :/]", lambda match: f"-{ord(match[0]):x}-", name)[:250]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the steps in which MLflow makes a database to itself."""
    before = logging.root.manager.disable
    logging.disable(logging.INFO)
    try:
        yield
    finally:
        logging.disable(before)
