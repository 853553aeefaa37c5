"""TensorBoard: a folder per run, which TensorBoard calls by its path.

DIR/study/task/model/recipe/seed-3. What a run was told and how it ended stand under HPARAMS, with ``failed`` (0 or 1) to sort
by; scalars that are NaN or infinite are kept, and TensorBoard draws a triangle for them.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from seedproof.track.base import Ending, Mark, TrackedRun, Tracker, Writer

_MARK = "seedproof.json"
_LONGEST = 80
"""Characters of one part of a path."""


class TensorBoard(Tracker):
    """TensorBoard's event files in a folder; see the module."""

    name: ClassVar[str] = "tensorboard"

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self._root = Path(place)
        self._root.mkdir(parents=True, exist_ok=True)

    def is_written(self, run: TrackedRun, content: str) -> bool:
        """Whether the mark in the run's folder says so."""
        return Mark(self._folder(run) / _MARK).read() == (run.key, content)

    def begin(self, run: TrackedRun) -> Writer:
        """Empty the run's folder, and write there."""
        folder = self._folder(run)
        shutil.rmtree(folder, ignore_errors=True)
        mark = Mark(folder / _MARK)
        mark.write(run, "")
        return _Folder(folder, run, mark)

    def look(self) -> str:
        """The command."""
        return f"look at it: tensorboard --logdir {self.place}"

    def _folder(self, run: TrackedRun) -> Path:
        """The folder of a run: of its names, and with its key where another run has a folder of that name."""
        parts = map(_as_name, (run.study, run.task, run.model, run.recipe, f"seed-{run.seed}"))
        folder = self._root.joinpath(*parts)
        taken, _ = Mark(folder / _MARK).read()
        return folder if taken in ("", run.key) else folder.with_name(f"{folder.name}-{run.key[:6]}")


class _Folder(Writer):
    def __init__(self, folder: Path, run: TrackedRun, mark: Mark) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer, self._run, self._mark = SummaryWriter(str(folder), flush_secs=10), run, mark

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """A scalar each."""
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def flush(self) -> None:
        """Bring them into the file."""
        self._writer.flush()

    def end(self, ending: Ending) -> None:
        """The verdict as a text, settings and score as hyper-parameters; of a stopped run also why, where, and its last score."""
        self._writer.add_text("outcome", ending.verdict)
        if why := ending.summary.get("stopped_because"):
            self._writer.add_text("stopped_because", why)
        if ending.is_finished:
            told = ("score", "stopped_at", "stopped_score")
            result = {name: float(ending.summary[name]) for name in told if name in ending.summary}
            result["failed"] = float(ending.is_failure)
            self._writer.add_hparams({**self._run.config, "outcome": ending.verdict}, result, run_name=".")
        self._writer.close()
        self._mark.write(self._run, ending.content)


def _as_name(text: str) -> str:
    """A text as one part of a path on every system, ``glue/rte`` as ``glue-rte``."""
    return re.sub(r"[^\w.+=(), -]", "-", text).strip(" .-")[:_LONGEST] or "-"
