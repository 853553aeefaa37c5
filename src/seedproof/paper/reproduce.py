"""Reproduce figures and tables of the paper into one folder: run what they need, each run once, then make them.

    from seedproof import reproduce

    made = reproduce(["fig1", "fig5"], "out/mini", scale="mini")      # or ["all"]
    made.ledger

The folder is the store of an ordinary study (``seedproof study status`` and ``summary`` take it) with, beside the runs,
``figures/<name>/``, ``scaling.csv``, ``ledger.csv`` and ``report.html``. The same call goes on where it stopped; another
figure adds what it lacks.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from seedproof.errors import UserError
from seedproof.events import Listener
from seedproof.execution.recording import DEFAULT_RECORDINGS, Recording, lacks
from seedproof.launch.base import Launcher
from seedproof.paper import FIGURES
from seedproof.paper.blocks import Block, RunKey, united
from seedproof.paper.estimate import planned
from seedproof.paper.figure import Figure, Found, get_figure
from seedproof.paper.folder import alone, check_folder, note
from seedproof.paper.measuring import Measuring
from seedproof.paper.outputs import Made, make_all
from seedproof.paper.paths import Paths, Tasks
from seedproof.paper.scale import Scale
from seedproof.paper.sizes import get_scale
from seedproof.renamed import takes_former_names
from seedproof.store import Store
from seedproof.store.marker import MARKER
from seedproof.study.planning import PlannedRun
from seedproof.study.results import Results
from seedproof.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

NAME = "reproduce"
RECORDED: Mapping[str, int] = {**DEFAULT_RECORDINGS, "fit": 1, "early": 1}
"""What every run records: the defaults; the training loss without dropout, which claims and Figure 8b need; and the first
steps, so that a detector of runs that will fail can be trained on runs that others have paid for."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How runs are executed: no part of what is reproduced but for the numerics, which are fixed with the folder."""

    engine: Literal["plain", "fleet"] | None = None
    """None: that of the folder; of a new one the fastest, fleet (models and recipes that it does not know: plain)."""
    precision: Literal["fp32", "bf16"] | None = None
    device: str | None = None
    threads: int | None = None
    jobs: int | None = None
    """Runs at a time; None is one per core, one on a GPU."""
    launcher: str | Launcher = "local"
    """Where runs execute, as of :meth:`seedproof.Study.run`."""
    listeners: Sequence[Listener] = ()
    """Called with every event of the runs (:mod:`seedproof.events`)."""
    progress: bool = True
    """Show progress on standard error."""
    say: Callable[[str], None] = lambda _text: None
    """Told what is being done, a line at a time."""


def chosen_figures(names: Iterable[str], scale: Scale) -> list[Figure]:
    """The figures of these names in the order of the paper, each once; ``all`` stands for every one of the scale.

    Raises:
        UserError: none, an unknown name (the nearest one is said), or one whose model the scale lacks.
    """
    asked = list(dict.fromkeys(names))
    if not asked:
        raise UserError(f"give the name of a figure or table ({', '.join(FIGURES)}), or all")
    found = {name: get_figure(name) for name in asked if name != "all"}
    for name, figure in found.items():
        if figure.model not in scale.models:
            raise UserError(f"{name} is about {figure.model}, and --scale {scale.name} has no such model; leave it out")
    wanted = [get_figure(name) for name in FIGURES if "all" in asked or name in found]
    return [figure for figure in wanted if figure.model in scale.models]


def every_figure(scale: Scale) -> list[Figure]:
    """All figures and tables that a scale has the models for."""
    return chosen_figures(["all"], scale)


@takes_former_names({"places": "paths"})
def reproduce(
    names: Sequence[str],
    out: str | os.PathLike[str],
    *,
    scale: Scale | str = "mini",
    paths: Paths | None = None,
    options: Options | None = None,
) -> Made:
    """Run what figures need and make them.

    Args:
        names: of figures and tables, or ``all``.
        out: a new or empty folder, or that of an earlier reproduction at the same scale, which is gone on with.
        scale: ``mini``, ``paper``, :func:`seedproof.paper.real.real_scale` of a model, or a :class:`Scale` of your own.
        paths: where data and models are; None: the hub, or what is shipped.
        options: how runs are executed.

    Returns:
        What was made, with the ledger of claims over everything that was made in the folder so far.

    Raises:
        UserError: an unknown name, a folder that holds something else, or data or models that cannot be found.
        Held: another process is reproducing into the folder.
        seedproof.launch.StudyInterrupted: Ctrl-C; the same call goes on from there.
    """
    size = get_scale(scale) if isinstance(scale, str) else scale
    where, how, asked = paths or Paths(), options or Options(), chosen_figures(names, size)
    where.check(size)
    folder = Path(out)
    earlier = check_folder(folder, size)
    store = _open(folder, size, how)
    with alone(store):
        figures = chosen_figures([*earlier, *(figure.name for figure in asked)], size)
        note(folder, size, earlier, where, [figure.name for figure in figures])
        runs = prepare(store, figures, size, where, how)
        execute(store, asked, runs, size, how)
        found = Found(
            scale=size,
            store=store,
            runs=found_runs(store, size, figures, runs),
            measure=Measuring(store=store, scale=size, text=where.text, jobs=how.jobs, say=how.say),
        )
        made = make_all(figures, found, how.say)
        note(folder, size, [figure.name for figure in figures], where)
    return made


def prepare(
    store: Store, figures: Sequence[Figure], scale: Scale, paths: Paths, how: Options
) -> dict[RunKey, PlannedRun]:
    """Write into the store all that the runs of figures need, and return them by what they are; runs nothing.

    Raises:
        UserError: data or models cannot be found or used.
    """
    tasks, runs = Tasks(scale, paths), {}
    groups: dict[tuple[Any, ...], list[Block]] = {}
    for block in united(block for figure in figures for block in figure.blocks(scale)):
        # A study is a product; blocks of one recipe and other seeds are another one.
        groups.setdefault((block.task, block.examples, block.subset, block.model, block.seeds), []).append(block)
    notes: dict[str, None] = {}
    for blocks in groups.values():
        first, recipes = blocks[0], {block.recipe.name: block.recipe for block in blocks}
        study = Study(
            NAME,
            tasks=[tasks.of(first)],
            models=[paths.model(scale, first.model)],
            seeds=first.seeds,
            recipes=list(recipes.values()),
            settings=scale.settings,
            engine=how.engine,
            precision=how.precision,
            device=how.device,
            threads=how.threads,
        )
        # In the study's order; a run's own name tells the scale's settings, too.
        names = [(name, seed.label) for name in recipes for seed in first.seeds]
        numerics = dataclasses.replace(store.numerics, **scale.numerics.get(first.model, {}))
        planned = study.prepare(store.path, launcher=how.launcher, say=notes.setdefault, numerics=numerics)[1]
        for (name, seed), run in zip(names, planned, strict=True):
            runs[RunKey(first.task, first.examples, first.subset, first.model, name, seed)] = run
    for each in notes:
        how.say(each)
    return runs


def execute(
    store: Store, figures: Sequence[Figure], runs: Mapping[RunKey, PlannedRun], scale: Scale, how: Options
) -> None:
    """Run what is not finished: first the runs whose weights are kept, then all others.

    What a store records holds for all its runs, so it is set before each of the two parts. A run's part does not depend
    on the figures asked for, so none is ever done again to add its weights.

    Raises:
        seedproof.launch.StudyInterrupted: Ctrl-C.
    """
    blocks = planned(figures, scale, every_figure(scale))
    for weights in (True, False):
        part = [runs[key] for block in blocks if block.weights == weights for key in block.run_keys()]
        recording = Recording(probes=RECORDED, weights=weights)
        missing = [run for run in part if _is_missing(store, run, recording)]
        if missing:
            how.say(f"{len(missing)} of {len(part)} runs to do{', keeping their weights' if weights else ''}")
            recording.write(store.path)
            _any_study(scale, how).execute(
                store, part, jobs=how.jobs, launcher=how.launcher, listeners=how.listeners, progress=how.progress
            )


def _is_missing(store: Store, run: PlannedRun, recording: Recording) -> bool:
    """Whether a run is not finished, or was finished by something else that did not record what is needed."""
    folder = store.run(run.spec.id)
    return not folder.is_finished or lacks(folder.result()["recordings"], recording)


def found_runs(
    store: Store, scale: Scale, figures: Sequence[Figure], runs: Mapping[RunKey, PlannedRun]
) -> pd.DataFrame:
    """The table of the runs of figures, a row per key, under the names that figures and the scale give them."""
    import pandas as pd

    table = Results(store).runs()
    rows_of = {
        (row.task, row.model, row.recipe, row.seed): index
        for index, row in enumerate(table[["task", "model", "recipe", "seed"]].itertuples(index=False))
    }
    rows, names = [], []
    for block in united(block for figure in figures for block in figure.blocks(scale)):
        for key in block.run_keys():
            cell = runs[key].cell
            rows.append(rows_of[cell.task, cell.model, cell.recipe, cell.seed])
            names.append((key, block.task_name(scale), scale.model(block.model).name))
    found = table.iloc[rows].reset_index(drop=True)
    found["task"], found["model"] = [name[1] for name in names], [name[2] for name in names]
    found["recipe"] = [key.recipe for key, _, _ in names]
    found["key"] = pd.Series([name[0] for name in names], dtype=object)
    return found


def _open(folder: Path, scale: Scale, how: Options) -> Store:
    is_new = not (folder / MARKER).exists()
    first = dataclasses.replace(how, engine=how.engine or "fleet") if is_new else how
    return Store.open_or_create(folder, NAME, _any_study(scale, first).numerics(folder, first.launcher))


def _any_study(scale: Scale, how: Options) -> Study:
    """A study for what does not depend on which runs it has: numerics and execution."""
    task, model = next(iter(scale.tasks.values())).name, next(iter(scale.models.values()))
    return Study(
        NAME,
        tasks=[task],
        models=[model.folder or model.name],
        engine=how.engine,
        precision=how.precision,
        device=how.device,
        threads=how.threads,
    )
