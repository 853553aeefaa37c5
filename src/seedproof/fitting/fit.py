"""``seedproof.fit``: a table and an encoder in, a model's folder with its card out; a normal study in between."""

from __future__ import annotations

import functools
import operator
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seedproof.analysis.runs import came_to_end
from seedproof.display import table as shown_table
from seedproof.errors import UserError, command
from seedproof.events import Listener
from seedproof.execution.recording import Recording
from seedproof.fitting.about import About
from seedproof.fitting.averaging import check_ensemble
from seedproof.fitting.card.expectations import findings
from seedproof.fitting.card.front_matter import in_a_line
from seedproof.fitting.card.page import card
from seedproof.fitting.card.told import Told
from seedproof.fitting.deciding import (
    AUTO,
    BASELINE,
    Asked,
    Decision,
    decide,
    parse_budget,
    read_decision,
    write_decision,
)
from seedproof.fitting.folder import MEMBERS, appearing, average_models, check_answers, check_out, copy_model
from seedproof.fitting.judgement import Judgement, Run, StoppedRun
from seedproof.fitting.judging import judge
from seedproof.fitting.pushing import check_name, push
from seedproof.launch.base import Launcher, launcher_of
from seedproof.methods import Method
from seedproof.models.source import ModelSource, find_model
from seedproof.recipes import Recipe, as_recipe
from seedproof.report.notes import notes_before
from seedproof.store import Store
from seedproof.store.marker import MARKER
from seedproof.study.racing import as_race, seeds_of
from seedproof.study.results import Results
from seedproof.study.study import Study
from seedproof.tasks import Task, load_task

if TYPE_CHECKING:
    from seedproof.study.planning import PlannedRun

STUDY = ".study"
"""What is put behind the name of a model's folder for that of its study."""
SEEDS = 5


@dataclass(frozen=True, eq=False)
class Fitted:
    """What :func:`fit` has made."""

    path: Path
    """The model's folder."""
    results: Results
    """The study behind it, with every run."""
    judgement: Judgement
    """What is shipped, and what to expect of it."""
    told: Told
    """What else the card tells: of the data, the command, and the folder opened again."""
    pushed: str = ""
    """Address of the commit on the hub, where it was uploaded."""

    @property
    def numbers(self) -> dict[str, Any]:
        """What the card says, as plain values: ``mean``, ``sd``, ``failed``, ``score``, ``expected``, ``low``, ``high``, ..."""
        return self.judgement.numbers()

    @property
    def findings(self) -> list[str]:
        """How stable the recipe is, and what to expect of the model, a sentence or two each."""
        return findings(self.judgement, self.told)

    def __repr__(self) -> str:
        return f"Fitted({str(self.path)!r}, expected={self.judgement.expected:.3f})"

    def _repr_html_(self) -> str:
        keys = ("runs", "failed", "mean", "sd", "shipped", "chosen_seed", "score", "expected", "low", "high")
        return shown_table(f"model {self.path}", {key: self.numbers[key] for key in keys})


def fit(
    train: str | os.PathLike[str],
    *,
    model: str | os.PathLike[str],
    out: str | os.PathLike[str],
    recipe: str | Recipe = BASELINE,
    methods: Sequence[Method] = (),
    settings: Mapping[str, Any] | None = None,
    seeds: int | None = None,
    race: str | None = None,
    budget: str | float | None = None,
    ensemble: str | None = None,
    push_to: str | None = None,
    engine: str | None = None,
    precision: str | None = None,
    device: str | None = None,
    threads: int | None = None,
    jobs: int | None = None,
    launcher: str | Launcher = "local",
    listeners: Sequence[Listener] = (),
    progress: bool = True,
    say: Callable[[str], None] | None = None,
    told_command: str = "",
    **table: Any,
) -> Fitted:
    """Train a model over a few seeds, choose one, say what to expect of it, and write it as a folder that Transformers opens.

    The same call goes on where it was stopped; more seeds extend it. Its study is beside the folder, in ``out`` + ``.study``.

    Args:
        train: a CSV, TSV, JSON Lines, JSON or Parquet file, or the name of a task.
        model: a folder, a name on the hub, or ``miniature/...``.
        out: the model's folder; it appears when all is done and checked.
        recipe: how to train; ``"auto"``: the baseline with its epochs fitted to the data's size and the budget.
        methods: added to the recipe: ``[ClassWeights()]`` weighs rare classes up.
        settings: of the recipe, by field.
        seeds: how many runs; None: 5, or those that the race starts.
        race: ``"10:5"``: of 10 runs only those 5 go on after 30 % of training that are the best so far (docs/race.md).
        budget: ``"2h"``, or seconds; a few steps are timed, and what does not fit is left out and said.
        ensemble: ``"predictions"`` or ``"weights"``: ship their mean over the seeds that succeeded, where that is better on
            development examples that did not choose.
        push_to: a repository on the hub that gets the folder; it is made, private, where there is none.
        engine: ``fleet`` (the default; what no fleet knows has the plain engine) or ``plain``.
        precision: ``fp32`` or ``bf16``.
        device: ``cpu`` or ``cuda``; None takes a GPU where there is one.
        threads: threads in one run on a CPU.
        jobs: runs at a time.
        launcher: where runs execute.
        listeners: each is called with every event.
        progress: show on standard error what is decided and done.
        say: told each decision in place of standard error.
        told_command: what the card calls the command; None: this call.
        **table: of the table, as for :func:`seedproof.load_task`: ``text``, ``text_pair``, ``label``, ``dev``, ``metric``, ...

    Raises:
        UserError: something that was given cannot be used, the budget is too short for one run, every run failed, or the hub
            refuses the upload.
        seedproof.launch.StudyInterrupted: Ctrl-C; the same call goes on from there.
    """
    say = say or (_say if progress else _nothing)
    target, averaged = check_out(out), check_ensemble(ensemble)
    if push_to is not None:
        check_name(push_to)
    task = load_task(os.fspath(train), **table)
    source = find_model(os.fspath(model))
    folder = target.with_name(f"{target.name}{STUDY}")
    base = functools.reduce(operator.add, methods, as_recipe(BASELINE if recipe == AUTO else recipe))
    asked = _asked(task, source, base, dict(settings or {}), seeds, race, budget, is_auto=recipe == AUTO)

    def study(decision: Decision, race: str | None = None) -> Study:
        return Study(
            target.name,
            tasks=[task],
            models=[source.name],
            recipes=[base],
            seeds=decision.seeds,
            settings=decision.settings,
            engine=engine or _engine(folder),  # type: ignore[arg-type]  # the study checks it
            precision=precision,  # type: ignore[arg-type]
            device=device,
            threads=threads,
            recording=Recording(weights=True),
            race=race,
        )

    chosen_launcher = launcher_of(launcher)
    chosen_launcher.check_jobs(jobs)
    decision = _decision(folder, asked, task, study, chosen_launcher, jobs)
    whole = study(decision, asked.race)
    notes: list[str] = []
    store, runs = whole.prepare(folder, launcher=chosen_launcher, say=notes.append)
    write_decision(folder, asked, decision)
    about_data = notes_before([task], {source.name: source}, [run.spec for run in runs])
    is_done = all(store.run(run.spec.id).is_finished for run in runs)
    for line in filter(None, (*about_data, *notes, *decision.decided, "" if is_done else decision.estimate)):
        say(line)
    results = whole.execute(store, runs, jobs=jobs, launcher=chosen_launcher, listeners=listeners, progress=progress)
    writer = _Writer(target, store, runs, task, source)
    finished, stopped = _finished(results, runs)
    judgement = judge(
        finished,
        task,
        writer.problem_type,
        ensemble=averaged,
        averaged_outputs=writer.outputs_of_mean,
        groups=_groups(task),
        stopped=stopped,
        study=command("study", "summary", folder),
    )
    given = {
        "recipe": recipe,
        "methods": list(methods),
        "settings": settings,
        "seeds": seeds,
        "race": race,
        "budget": budget,
        "ensemble": ensemble,
        **table,
    }
    said = told_command or _as_call(train, model=model, out=out, **given)
    told = writer.write(judgement, table, said, [*about_data, *decision.decided])
    count = f"{len(task.dev):,} predictions"
    say(f"opened again with stock Transformers: {count} agree with those of training (to {told.differing:.1e})")
    pushed = ""
    if push_to is not None:
        pushed = push(target, push_to, f"seedproof fit of {task.name}", in_a_line(judgement, told))
    return Fitted(target, results, judgement, told, pushed)


def _asked(
    task: Task,
    source: ModelSource,
    recipe: Recipe,
    settings: dict[str, Any],
    seeds: int | None,
    race: str | None,
    budget: str | float | None,
    *,
    is_auto: bool,
) -> Asked:
    raced = as_race(race, stop_doomed=False)
    seeds = len(seeds_of(raced, seeds)) if raced else SEEDS if seeds is None else seeds
    if type(seeds) is not int or seeds < 1:
        raise UserError(f"seeds = {seeds!r} is not valid; give at least 1")
    if is_auto and (fixed := {"epochs", "max_steps"} & settings.keys()):
        raise UserError(f"--recipe {AUTO} decides on {min(fixed)}; leave it out, or give --recipe {BASELINE}")
    return Asked(
        task=task.fingerprint,
        model=source.fingerprint,
        recipe=recipe.name,
        is_auto=is_auto,
        settings=settings,
        seeds=seeds,
        budget=parse_budget(budget) if isinstance(budget, str) else budget,
        race=None if raced is None else str(raced),
    )


def _engine(folder: Path) -> str:
    """The engine of the study that exists, else the fleet."""
    return Store.open(folder).numerics.engine if (folder / MARKER).exists() else "fleet"


def _decision(
    folder: Path, asked: Asked, task: Task, study: Callable[[Decision], Study], launcher: Launcher, jobs: int | None
) -> Decision:
    """What was decided when the same was asked for before, else by what a step takes here now."""
    if (before := read_decision(folder, asked)) is not None:
        return before

    def seconds_of_run(settings: Mapping[str, Any]) -> float:
        one = study(Decision(settings=settings, seeds=1))
        planned = one.plan(one.numerics(folder, launcher), folder)
        return one.estimate(planned).seconds

    workers = jobs or launcher.default_jobs(
        study(Decision(settings=asked.settings, seeds=1)).numerics(folder, launcher)
    )
    return decide(asked, len(task.train), workers, seconds_of_run)


def _finished(results: Results, runs: Sequence[PlannedRun]) -> tuple[list[Run], list[StoppedRun]]:
    """The runs of this fit that came to their end, and those that were stopped, in the order of their seeds.

    Raises:
        UserError: one of them crashed, or another process executes it.
    """
    rows = results.runs().drop_duplicates("run").set_index("run")
    wanted = rows.loc[[run.spec.id for run in runs]]
    unfinished = wanted[wanted["state"] != "finished"]
    if len(unfinished):
        states = ", ".join(f"{count} {state}" for state, count in unfinished["state"].value_counts().items())
        raise UserError(
            f"{len(unfinished)} of the {len(wanted)} runs are not finished ({states}); no model was written. To see why: "
            f"{command('study', 'status', results.path)}"
        )
    ended = came_to_end(wanted)
    finished = [
        Run(
            id=str(id_),
            seed=str(row["seed"]),
            score=float(row["score"]),
            outcome=str(row["outcome"]),
            kind=str(row["kind"]),
            outputs=results.logits(str(id_)).get("dev", np.empty((0, 1), np.float32)),
        )
        for id_, row in ended.iterrows()
    ]
    stopped = [
        StoppedRun(seed=row["seed"], at=int(row["stopped_at"]), by=row["reason"], score=float(row["stopped_score"]))
        for row in wanted.drop(index=ended.index).to_dict("records")
    ]
    return finished, stopped


def _groups(task: Task) -> NDArray[np.int64] | None:
    """Numbers of the groups of the development examples, where the table has groups."""
    groups = task.dev.groups
    return None if groups is None else np.unique(groups, return_inverse=True)[1]


class _Writer:
    """Writes the folder of a judged fit."""

    def __init__(self, target: Path, store: Store, runs: Sequence[PlannedRun], task: Task, source: ModelSource) -> None:
        self._target, self._store, self._task, self._source = target, store, task, source
        self._spec = runs[0].spec
        self.problem_type = task.problem_type

    def write(self, judgement: Judgement, table: Mapping[str, Any], said: str, notes: Sequence[str]) -> Told:
        """Write, open again, compare, and move into place; what the card tells."""
        members = judgement.members if judgement.shipped == "predictions" else ()
        first, *further = sorted(members, key=lambda run: run is not judgement.best) or [judgement.best]
        with appearing(self._target) as folder:
            if judgement.shipped == "weights":
                average_models([self._weights(run) for run in judgement.members], folder)
                differing = self._check(folder, judgement.outputs)
            else:
                copy_model(self._weights(first), folder)
                differing = self._check(folder, first.outputs)
            for run in further:
                inside = folder / MEMBERS / f"seed-{run.seed.replace('/', '-')}"
                copy_model(self._weights(run), inside)
                differing = max(differing, self._check(inside, run.outputs))
            names = tuple(f"{MEMBERS}/{path.name}" for path in sorted((folder / MEMBERS).glob("*")))
            self._about(table, names, judgement.numbers()).write(folder)
            told = self._told(said, notes, differing)
            (folder / "README.md").write_text(card(judgement, told), encoding="utf-8")
        return told

    def outputs_of_mean(self, runs: Sequence[Run]) -> NDArray[Any]:
        """Logits on the development set of the model whose weights are the mean of these runs'."""
        from seedproof.fitting.predicting import Predictor

        with TemporaryDirectory(dir=self._store.path, prefix=".mean-") as made:
            folder = Path(made)
            average_models([self._weights(run) for run in runs], folder)
            self._about({}, (), {}).write(folder)
            [outputs] = Predictor(folder, device="cpu").outputs(self._task.dev.texts, self._task.dev.pairs)
            return outputs

    def _weights(self, run: Run) -> Path:
        return self._store.run(run.id).weights

    def _check(self, folder: Path, outputs: NDArray[Any]) -> float:
        return check_answers(folder, self._task.dev, outputs, self.problem_type, self._spec.numerics.precision)

    def _about(self, table: Mapping[str, Any], members: tuple[str, ...], found: Mapping[str, Any]) -> About:
        separator = table.get("label_separator")
        return About(
            problem_type=self.problem_type,
            max_length=self._spec.recipe["max_length"],
            text=table.get("text"),
            text_pair=table.get("text_pair"),
            id=table.get("id"),
            quoting=table.get("quoting"),
            is_pair=self._task.train.pairs is not None,
            members=members,
            found=found,
            **({"label_separator": separator} if separator else {}),
        )

    def _told(self, said: str, notes: Sequence[str], differing: float) -> Told:
        from seedproof.models.loading import load_tokenizer
        from seedproof.models.tokens import count_cut

        tokenizer, length = load_tokenizer(self._source), self._spec.recipe["max_length"]
        splits = {"train": self._task.train, "dev": self._task.dev}
        return Told(
            task=self._task,
            problem_type=self.problem_type,
            source=self._source,
            recipe=self._spec.recipe["name"],
            command=said,
            cut={name: count_cut(split, tokenizer, length) for name, split in splits.items()},
            max_length=length,
            notes=notes,
            differing=differing,
        )


def _as_call(train: Any, **options: Any) -> str:
    """The call as the card shows it."""
    paths = {key: os.fspath(value) if isinstance(value, os.PathLike) else value for key, value in options.items()}
    words = [f"{key}={value!r}" for key, value in paths.items() if value not in (None, {}, [])]
    return f"seedproof.fit({os.fspath(train)!r}, {', '.join(words)})"


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _nothing(_: str) -> None:
    pass
