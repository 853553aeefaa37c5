"""The launcher interface: what every launcher is given, promises and gives back, and how one is found by its name."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any, ClassVar

from seedproof.errors import UserError, unknown
from seedproof.events import Listener
from seedproof.extensions import is_written, load
from seedproof.launch.tally import Summary
from seedproof.machine import Machine
from seedproof.spec import Numerics, RunSpec
from seedproof.store import Store

ENTRY_POINTS = "seedproof.launchers"
"""Group of entry points in which packages name launchers of their own: ``slurm = "my_package:SlurmLauncher"``."""


@dataclass(frozen=True, kw_only=True)
class Work:
    """Runs of one study that a launcher is to execute."""

    store: Store
    specs: tuple[RunSpec, ...]
    """The runs, each once, in the order they are to be started; their folders are in the store."""
    repeat: frozenset[str] = frozenset()
    """Ids of finished runs that are to be done again beside themselves, to record more of them."""
    jobs: int | None = None
    """Workers at a time; None: as many as the launcher finds good."""
    weight_bytes: Mapping[str, int] = field(default_factory=dict)
    """Size of the weights of each model that a fleet trains, by the model's fingerprint."""


class Launcher(ABC):
    """Where the runs of a study execute. What they compute does not depend on it.

    A launcher executes every run of a :class:`Work` that is not finished, with the executor of its spec's engine
    (:func:`seedproof.execution.plain.execute` for one run at a time, :class:`seedproof.execution.fleet.Fleet` for many), and
    keeps what they give through one :class:`seedproof.execution.run_session.RunSession` per run, which holds the run's lock. It
    promises:

    - Finished runs are left alone, but for those of ``repeat``. A run that another process holds is left to it.
    - Every event of :mod:`seedproof.events` goes to the listener, in the thread that called :meth:`run`, as it happens;
      progress of a run at most ten times a second, and its last step. What a listener raises ends the launch, and no
      worker outlives it.
    - A run that crashes does not end the others, and is not tried again. A worker that dies is replaced; its runs count as
      crashed, or go on from their last checkpoint within the launch, and count as crashed when they are lost again and
      again without a new one.
    - A run that leaves before its last step, because a rule has stopped it or until its race is decided, has ended: the next
      one is begun.
    - Ctrl-C and SIGTERM in the main thread let every run end after its present step, saved; a second one ends them at
      once. Then :class:`StudyInterrupted` is raised. The same call goes on from there.
    - A full disk interrupts all runs and ends the launch with one :class:`seedproof.errors.UserError`; so does a run whose
      folder cannot be used, when the others are done.
    - A launcher that is killed leaves no run held, and no worker that works on.
    - Plain runs end in the same bits on one machine, by whatever launcher and however often interrupted. A fleet's runs
      are each complete once: every step recorded once, in order.

    :class:`seedproof.testing.LauncherContract` tests most of it; subclass it to test a launcher of your own. It does not
    test ``repeat``, a second Ctrl-C, a worker that dies, how often progress is told, and in which thread.
    """

    name: ClassVar[str]
    """Name by which ``--launcher`` finds it."""
    is_here: ClassVar[bool] = False
    """Whether runs execute on the machine of the process that launches them."""

    def check_jobs(self, jobs: int | None) -> None:
        """Refuse a number of workers that the launcher cannot have; asked before anything is planned.

        Raises:
            UserError: it is below 1, or the launcher has no such number.
        """
        if jobs is not None and jobs < 1:
            raise UserError(f"jobs must be at least 1, but is {jobs}")

    def default_jobs(self, numerics: Numerics) -> int:
        """Runs, or fleets, at a time where nobody says how many: one on a GPU, on a CPU as many as its cores hold."""
        return 1 if numerics.device != "cpu" else max(1, self.machine().cores // numerics.threads)

    @abstractmethod
    def machine(self) -> Machine:
        """What there is where runs will execute; asked before anything is planned.

        Raises:
            UserError: it cannot be reached.
        """

    @abstractmethod
    def run(self, work: Work, listener: Listener) -> Summary:
        """Execute runs and wait for them.

        Returns:
            What became of each of them.

        Raises:
            StudyInterrupted: Ctrl-C or SIGTERM; its ``summary`` says what became of the runs.
            UserError: an option is not valid, the disk is full, or a run could not be begun.
        """


@dataclass(frozen=True, kw_only=True)
class Known:
    """Something with a name that comes with this package, and may need another one: a launcher, a tracker."""

    target: str
    """``module:Class``; loaded when it is asked for."""
    description: str
    """One line for lists."""
    needs: str | None = None
    """Package that is not installed with this one, but by the extra of the same name."""

    def is_installed(self) -> bool:
        """Whether the package that it needs is there."""
        return self.needs is None or find_spec(self.needs) is not None

    @property
    def installation(self) -> str:
        """The line that installs what it needs."""
        return f"pip install 'seedproof[{self.needs}]'"


LAUNCHERS: Mapping[str, Known] = {
    "local": Known(
        target="seedproof.launch.local.launcher:LocalLauncher",
        description="worker processes on this machine, one per core or one on a GPU; the default",
    ),
    "inline": Known(
        target="seedproof.launch.inline:InlineLauncher",
        description="this process: breakpoints are reached, nothing has to be importable by another process",
    ),
    "ray": Known(
        target="seedproof.launch.ray.launcher:RayLauncher",
        description="workers on the nodes of a Ray cluster (--address HOST:PORT), one per core or per GPU",
        needs="ray",
    ),
}
"""The launchers of this package by name."""


def launcher_names() -> list[str]:
    """Names of all launchers: of this package and of those that are installed beside it."""
    return [*LAUNCHERS, *installed_launchers()]


def launcher_of(chosen: str | Launcher, **options: Any) -> Launcher:
    """A launcher by its name, with options of its own; a launcher as it is.

    Args:
        chosen: a name of :func:`launcher_names`, or ``module:Class``.
        options: of the launcher.

    Raises:
        UserError: nothing has that name (the nearest one is said), the package that it needs is not installed (with the
            line that installs it), its module cannot be imported, it has no such option or needs another one, or is not complete.
    """
    if isinstance(chosen, Launcher):
        return chosen
    for option in options:
        if option not in (known := launcher_options(chosen)):
            raise unknown("option", option, known, where=f"the launcher {chosen!r}")
    kind = _class_of(chosen)
    if lacking := sorted(getattr(kind, "__abstractmethods__", ())):
        raise UserError(f"the launcher {chosen!r} is not complete: write its {' and '.join(lacking)}")
    try:
        inspect.signature(kind).bind(**options)
    except TypeError as error:
        raise UserError(
            f"the launcher {chosen!r} cannot be made ({error}); give that a default, or make the launcher in Python: "
            "Study.run(launcher=...)"
        ) from None
    return kind(**options)


def launcher_options(name: str) -> list[str]:
    """The options that :func:`launcher_of` takes for a launcher; errors as there."""
    return list(inspect.signature(_class_of(name)).parameters)


def _class_of(name: str) -> type[Launcher]:
    return load(_target(name), Launcher, "launcher")  # type: ignore[type-abstract]


def _target(name: str) -> str:
    if is_written(name):
        return name
    if (known := LAUNCHERS.get(name)) is not None:
        if not known.is_installed():
            raise UserError(
                f"the launcher {name!r} needs the package {known.needs}, which is not installed; install it: "
                f"{known.installation}"
            )
        return known.target
    if name not in (installed := installed_launchers()):
        raise unknown("launcher", name, launcher_names())
    return installed[name]


def installed_launchers() -> dict[str, str]:
    """Targets of launchers that other installed packages name; a name of ours stays ours."""
    return {point.name: point.value for point in entry_points(group=ENTRY_POINTS) if point.name not in LAUNCHERS}
