"""Weights & Biases, offline: one folder per run below DIR/wandb, which ``wandb sync`` sends when you say so.

Runs of a study are a project, those of one task, model and recipe a group. A failed run has the tags ``failed`` and
``majority``, and the state that W&B calls failed, as one that crashed has; one that was stopped or interrupted has not. What
is not finite goes as ``NaN`` and ``Infinity``, which W&B takes.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from seedproof.track.base import Ending, Mark, TrackedRun, Tracker, Writer

_MARK = "seedproof.json"
_LONGEST = 128
"""Characters that W&B takes for the names of projects, groups and runs."""


class WeightsAndBiases(Tracker):
    """Weights & Biases without its server; see the module."""

    name: ClassVar[str] = "wandb"

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self._root = Path(place)
        self._root.mkdir(parents=True, exist_ok=True)

    def is_written(self, run: TrackedRun, content: str) -> bool:
        """Whether the mark in a folder of the run says so."""
        return any(Mark(folder / _MARK).read() == (run.key, content) for folder in self._folders(run))

    def begin(self, run: TrackedRun) -> Writer:
        """Take earlier folders of the run away, and begin a new one of the same id."""
        import wandb

        for folder in self._folders(run):
            shutil.rmtree(folder)
        settings = wandb.Settings(
            console="off", silent=True, disable_git=True, save_code=False, x_disable_stats=True, x_disable_meta=True
        )
        begun = wandb.init(
            project=_shortened(run.study.translate(_NOT_IN_A_PROJECT)),
            group=_shortened(run.group),
            name=_shortened(run.name),
            id=run.key,
            config=dict(run.config),
            dir=str(self._root),
            mode="offline",  # whatever WANDB_MODE says
            reinit="create_new",  # by default a second run would end the first, or be the same
            settings=settings,
        )
        return _Offline(begun, run)

    def look(self) -> str:
        """The command."""
        return f"send it: wandb sync {self.place}/wandb/offline-run-*"

    def _folders(self, run: TrackedRun) -> list[Path]:
        return sorted((self._root / "wandb").glob(f"offline-run-*-{run.key}"))


class _Offline(Writer):
    def __init__(self, begun: Any, run: TrackedRun) -> None:
        self._begun, self._run = begun, run

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Values at their own step."""
        self._begun.log(dict(values), step=step)

    def end(self, ending: Ending) -> None:
        """Tags and summary; a run that failed or crashed, and no other, ends as W&B's failed ones do."""
        self._begun.tags = tuple(ending.words)
        self._begun.summary.update({"outcome": ending.verdict, **ending.summary})
        folder = Path(self._begun.settings.sync_dir)
        self._begun.finish(exit_code=int(ending.is_failure))
        Mark(folder / _MARK).write(self._run, ending.content)


_NOT_IN_A_PROJECT = {ord(character): "-" for character in "/\\#?%:"}


def _shortened(text: str) -> str:
    """A text of at most 128 characters: its beginning and its end."""
    half = _LONGEST // 2 - 1
    return text if len(text) <= _LONGEST else f"{text[:half]}…{text[-half:]}"
