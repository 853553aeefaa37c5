"""Trackio: a database per study in a folder, a run per seed in the group of its task, model and recipe.

Trackio reads its folder from ``TRACKIO_DIR`` when it is imported, so a process has one; another is refused. Its ``init`` ends
the run before it, unless it is called in a context of its own; it makes a second run of the same name when called again, and
refuses settings whose names begin with ``_``. How a run ended is logged at its last step as ``outcome``. NaN stays NaN.
"""

from __future__ import annotations

import contextvars
import io
import math
import os
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, ClassVar

from seedproof.errors import UserError
from seedproof.track.base import Ending, Mark, TrackedRun, Tracker, Writer

_FOLDER = "TRACKIO_DIR"


class Trackio(Tracker):
    """Trackio's local store; see the module."""

    name: ClassVar[str] = "trackio"

    def __init__(self, place: str) -> None:
        super().__init__(place)
        self._root = Path(place).resolve()
        self._trackio = _loaded(self._root)
        self._root.mkdir(parents=True, exist_ok=True)

    def is_written(self, run: TrackedRun, content: str) -> bool:
        """Whether the mark beside the databases says so, and the run is in its database."""
        return self._mark(run).read() == (run.key, content) and bool(self._found(run))

    def begin(self, run: TrackedRun) -> Writer:
        """Delete earlier runs of this key, and begin one."""
        for found in self._found(run):
            found.delete()
        self._mark(run).write(run, "")
        with redirect_stdout(io.StringIO()):  # results of ours go there, not banners
            begun = contextvars.Context().run(
                self._trackio.init,
                project=run.study,
                name=f"{run.group}, {run.name}",
                group=run.group,
                config={"seedproof": run.key, **{_as_key(name): _finite(value) for name, value in run.config.items()}},
                resume="never",
                auto_log_gpu=False,
                auto_log_cpu=False,
                embed=False,
            )
        return _Begun(begun, run, self._mark(run))

    def look(self) -> str:
        """The command."""
        return f"look at it: {_FOLDER}={self.place} trackio show"

    def _found(self, run: TrackedRun) -> list[Any]:
        runs = self._trackio.Api().runs(run.study) if list(self._root.glob("*.db")) else ()
        return [found for found in runs if (found.config or {}).get("seedproof") == run.key]

    def _mark(self, run: TrackedRun) -> Mark:
        return Mark(self._root / "seedproof" / f"{run.key}.json")


class _Begun(Writer):
    def __init__(self, begun: Any, run: TrackedRun, mark: Mark) -> None:
        self._begun, self._run, self._mark = begun, run, mark
        self._last = 0

    def log(self, step: int, values: Mapping[str, float]) -> None:
        """Values at their own step."""
        self._last = step
        self._begun.log(dict(values), step=step)

    def end(self, ending: Ending) -> None:
        """The verdict and the numbers of the result, at the last step."""
        self._begun.log({"outcome": ending.verdict, **ending.summary}, step=self._last)
        with redirect_stdout(io.StringIO()):
            self._begun.finish()
        self._mark.write(self._run, ending.content)


def _loaded(folder: Path) -> Any:
    """The package, with its folder.

    Raises:
        UserError: this process has it with another folder.
    """
    before = os.environ.get(_FOLDER)
    if "trackio" not in sys.modules:
        os.environ[_FOLDER] = str(folder)
    try:
        import trackio
        from trackio import utils
    finally:
        if before is None:
            os.environ.pop(_FOLDER, None)
        else:
            os.environ[_FOLDER] = before
    if Path(utils.TRACKIO_DIR).resolve() != folder:
        raise UserError(
            f"trackio keeps its runs in {utils.TRACKIO_DIR} in this process, and has one folder a process; give "
            f"trackio:{utils.TRACKIO_DIR}, or start another process"
        )
    return trackio


def _as_key(name: str) -> str:
    """A name that is not Trackio's own."""
    return name.lstrip("_")


def _finite(value: object) -> object:
    """A setting as JSON has it."""
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)
