"""``seedproof.fit``: a table and an encoder in, a model's folder with its card out; a normal study in between."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedproof.display import table as shown_table
from seedproof.errors import command
from seedproof.events import Listener
from seedproof.execution.race import Race
from seedproof.fitting.asking import request
from seedproof.fitting.averaging import check_ensemble
from seedproof.fitting.card.expectations import findings
from seedproof.fitting.card.front_matter import in_a_line
from seedproof.fitting.card.told import Told
from seedproof.fitting.deciding import BASELINE
from seedproof.fitting.folder import check_out
from seedproof.fitting.judgement import Judgement
from seedproof.fitting.judging import judge
from seedproof.fitting.pushing import check_name, push
from seedproof.fitting.running import run
from seedproof.fitting.writing import Writer
from seedproof.launch.base import Launcher, launcher_of
from seedproof.methods import Method
from seedproof.models.source import find_model
from seedproof.recipes import Recipe
from seedproof.study.results import Results
from seedproof.tasks import load_task


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
    race: Race | str | None = None,
    stop_doomed: bool = False,
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
        stop_doomed: in a race, stop runs on the word of an alarm also where that was not measured on this model.
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
        UserError: something that was given cannot be used, the study that is there is judged by another metric, the budget is
            too short for one run, every run failed, or the hub refuses the upload.
        seedproof.launch.StudyInterrupted: Ctrl-C; the same call goes on from there.
    """
    say = say or (_say if progress else _nothing)
    target, averaged = check_out(out), check_ensemble(ensemble)
    if push_to is not None:
        check_name(push_to)
    task, source = load_task(os.fspath(train), **table), find_model(os.fspath(model))
    what: dict[str, Any] = {
        "recipe": recipe,
        "methods": list(methods),
        "settings": settings,
        "seeds": seeds,
        "race": race,
        "stop_doomed": stop_doomed,
        "budget": budget,
    }
    numerics: dict[str, Any] = {"engine": engine, "precision": precision, "device": device, "threads": threads}
    asked = request(target, task, source, metric=table.get("metric"), **what, **numerics)
    task = asked.task  # a study that is there keeps its metric, which every number of the card is of
    ran = run(asked, launcher_of(launcher), jobs=jobs, listeners=listeners, progress=progress, say=say)
    writer = Writer(asked, ran)
    judgement = judge(
        ran.finished,
        task,
        task.problem_type,
        ensemble=averaged,
        averaged_outputs=writer.outputs_of_mean,
        stopped=ran.stopped,
        study=command("study", "summary", asked.folder),
    )
    said = told_command or _as_call(train, model=model, out=out, **what, ensemble=ensemble, **table)
    told = writer.write(judgement, table, said)
    count = f"{len(task.dev):,} predictions"
    say(f"opened again with stock Transformers: {count} agree with those of training (to {told.differing:.1e})")
    if told.beside:
        say(told.beside)
    pushed = ""
    if push_to is not None:
        pushed = push(target, push_to, f"seedproof fit of {task.name}", in_a_line(judgement, told))
    return Fitted(target, ran.results, judgement, told, pushed)


def _as_call(train: Any, **options: Any) -> str:
    """The call as the card shows it."""
    paths = {key: os.fspath(value) if isinstance(value, os.PathLike) else value for key, value in options.items()}
    words = [f"{key}={value!r}" for key, value in paths.items() if value is not False and value not in (None, {}, [])]
    return f"seedproof.fit({os.fspath(train)!r}, {', '.join(words)})"


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _nothing(_: str) -> None:
    pass
