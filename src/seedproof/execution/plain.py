"""Execute one run of a store: load what its spec names, train by its plan, hand the records to its folder.

This is what a worker process calls (:mod:`seedproof.launch.worker`). The engine knows nothing of files, the store
nothing of torch; here they meet.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from seedproof.errors import Damaged, UserError
from seedproof.execution import Interrupted, again, environment
from seedproof.execution.outcome import Stopwatch, make_result
from seedproof.execution.recording import Recording, lacks
from seedproof.models import facts
from seedproof.models.checkpoint import quiet_transformers
from seedproof.models.loading import load_classifier, load_tokenizer
from seedproof.models.source import ModelSource, find_model
from seedproof.models.tokens import TokenizedSplit, tokenize
from seedproof.probes import make_probes
from seedproof.recipes import Recipe, from_json
from seedproof.recipes.base import FIRST
from seedproof.spec import ModelReference, Numerics, RunSpec
from seedproof.store import RunFolder, Store, move_folder
from seedproof.store.seals import seal_file
from seedproof.tasks.base import Task
from seedproof.training.engine import Record, RunData
from seedproof.training.plain import PlainEngine
from seedproof.training.plan import Plan, make_plan

if TYPE_CHECKING:
    from seedproof.probes.base import Probe

Report = Callable[[dict[str, Any]], None]


def execute_run(store: Store, run_id: str, report: Report, should_stop: Callable[[], bool]) -> None:
    """Execute a run, or go on with it; returns when its result is written. The caller holds the run.

    A finished run that lacks a recording the study wants by now is done again to add it (:mod:`seedproof.execution.again`).

    Raises:
        Interrupted: ``should_stop()`` became true.
        UserError: the model's files are gone or changed, or a text is too long for the model.
    """
    folder, recording = store.run(run_id), Recording.read(store.path)
    if not folder.is_finished:
        _execute(store, folder.spec, folder, recording, report, should_stop)
        return
    recorded = folder.result()["recordings"]
    if lacks(recorded, recording):
        scratch = again.scratch_folder(folder, recording)
        if differing := environment.difference(folder.result().get("execution", {}), environment.present()):
            message = "is done again, to record more of it, under another environment than the first time; if its bits differ, "
            report({"event": "note", "message": f"{message}what is stored is kept ({differing})"})
        if not scratch.is_finished:
            _execute(store, folder.spec, scratch, again.widened(recorded, recording), report, should_stop)
        again.adopt(folder, scratch)


def _execute(
    store: Store,
    spec: RunSpec,
    folder: RunFolder,
    recording: Recording,
    report: Report,
    should_stop: Callable[[], bool],
) -> None:
    watch = Stopwatch()
    configure_process(spec.numerics)
    task = read_task(store.task_folder(spec.task.fingerprint))
    source = model_source(store, spec.model)
    ready = prepare(spec, task, source, recording)
    engine = plain_engine(spec, ready)
    resume(engine, folder, recording, report)
    train(engine, folder, recording, report, should_stop)
    if recording.weights:
        save_weights(engine.model, source, folder.weights, ready.recipe, ready.data)
    folder.journal.flush()
    folder.finish(make_result(engine, folder, task, ready.about, recording, watch))


@dataclass(frozen=True, eq=False, kw_only=True)
class Prepared:
    """A run ready for an engine: everything that its spec names, loaded."""

    model: nn.Module
    recipe: Recipe
    plan: Plan
    data: RunData
    probes: list[Probe]
    about: dict[str, Any]
    """What there is to say about its start, for its result."""


def prepare(spec: RunSpec, task: Task, source: ModelSource, recording: Recording) -> Prepared:
    """Load what a run needs: the model with its head drawn, the tokens, the plan."""
    recipe = from_json(spec.recipe)
    plan = make_plan(recipe, spec.seeds, len(task.train), recording.evaluations)
    data = tokenized(task, source, recipe)
    loaded = load_classifier(
        source,
        labels=task.num_labels,
        regression=task.kind == "regression",
        classes=task.classes,
        head_seed=spec.seeds.head,
        initializer_range=recipe.initializer_range,
        dropout=recipe.dropout,
        dropout_scope=recipe.required("dropout_scope"),
        new_head=bool(recipe.new_head),
    )
    about = {
        "steps": plan.steps,
        "steps_per_epoch": plan.steps_per_epoch,
        "missing_parameters": list(loaded.missing),
        "truncated_examples": data.train.truncated + sum(split.truncated for split in data.evaluation.values()),
    }
    probes = make_probes(dict(recording.probes))
    return Prepared(model=loaded.model, recipe=recipe, plan=plan, data=data, probes=probes, about=about)


def plain_engine(spec: RunSpec, ready: Prepared) -> PlainEngine:
    """The plain engine of a run at its first step."""
    return PlainEngine(
        ready.model,
        ready.recipe,
        ready.plan,
        ready.data,
        dropout_seed=spec.seeds.dropout,
        probes=ready.probes,
        precision=spec.numerics.precision,
        device=spec.numerics.device,
    )


def resume(engine: PlainEngine, folder: RunFolder, recording: Recording, report: Report) -> None:
    """Go on from the folder's last checkpoint, its records cut back to it.

    Without a checkpoint, or where other things were recorded up to it, the run starts again.
    """
    if (found := usable_checkpoint(folder, recording, report)) is not None:
        engine.load_state(*found)


def usable_checkpoint(
    folder: RunFolder, recording: Recording, report: Report
) -> tuple[int, dict[str, np.ndarray], dict[str, Any]] | None:
    """The step, arrays and values of the folder's last checkpoint, its records cut back to it; None: start again.

    A run whose checkpoint or journal is damaged starts again, and says so: nothing is lost but time.
    """
    try:
        checkpoint = folder.load_checkpoint()
        if checkpoint is not None and checkpoint[2]["recorded"] == recording.recorded:
            step, tensors, extra = checkpoint
            folder.cut_back(step)
            if differing := environment.difference(extra.get("environment", {}), environment.present()):
                report(
                    {
                        "event": "note",
                        "message": "goes on from its checkpoint under another environment, so its last bits may "
                        f"be others than without the interruption ({differing})",
                    }
                )
            return step, tensors, extra["engine"]
    except Damaged as error:
        report({"event": "note", "message": f"{error.what}, so the run starts again at its first step"})
    folder.start_again()
    return None


def checkpoint_values(engine: Mapping[str, Any], recording: Recording) -> dict[str, Any]:
    """What a checkpoint holds beside arrays: the engine's values, and under what it was made."""
    return {"engine": engine, "recorded": recording.recorded, "environment": environment.present()}


def train(
    engine: PlainEngine, folder: RunFolder, recording: Recording, report: Report, should_stop: Callable[[], bool]
) -> None:
    """Train to the end; every step's records go to the journal, now and then the state to a checkpoint.

    Raises:
        Interrupted: ``should_stop()``; a run that is older than the checkpoint interval was saved first.
    """
    started = saved = time.monotonic()
    for records in engine.run():
        report({"event": "progress", "step": engine.step, "steps": engine.steps, "loss": keep_records(folder, records)})
        if engine.step == 0 or engine.step == engine.steps or engine.diverged_at is not None:
            continue  # nothing to save yet, or nothing left to do: the result comes next
        is_asked, now = should_stop(), time.monotonic()
        if now - (started if is_asked else saved) >= recording.checkpoint_seconds:
            tensors, extra = engine.state()
            folder.save_checkpoint(engine.step, tensors, checkpoint_values(extra, recording))
            saved = now
        if is_asked:
            folder.journal.flush()
            raise Interrupted


def keep_records(folder: RunFolder, records: list[Record]) -> float | None:
    """Write what was recorded at a step to the journal; its training loss, if there is one."""
    for record in records:
        folder.journal.append({"step": record.step, "kind": record.kind, **record.values})
    return next((record.values["loss"] for record in records if record.kind == "loss"), None)


def save_weights(model: Any, source: ModelSource, folder: Path, recipe: Recipe, data: RunData) -> None:
    """Write the final weights and the tokenizer, whole or not at all, so that stock Transformers answers as the run did.

    The tokenizer cuts texts (where asked to) at the recipe's ``max_length``, and gives segment ids if the model was
    trained with them.
    """
    partial = folder.with_name(".weights.partial")
    shutil.rmtree(partial, ignore_errors=True)
    with quiet_transformers():
        model.save_pretrained(partial)
    tokenizer = load_tokenizer(source)
    has_segments = recipe.segment_ids and data.train.segments is not None
    tokenizer.model_input_names = ["input_ids", *(["token_type_ids"] if has_segments else []), "attention_mask"]
    # Only what is here is written, whatever the class of the tokenizer has as its default.
    tokenizer.init_kwargs["model_input_names"] = tokenizer.model_input_names
    tokenizer.model_max_length = min(tokenizer.model_max_length, recipe.max_length)
    tokenizer.save_pretrained(partial)
    for file in (*partial.glob("*.safetensors"), partial / "config.json"):
        seal_file(file)
    move_folder(partial, folder)


def configure_process(numerics: Numerics) -> None:
    """Set what a process has only one of: the number of threads, and determinism on a GPU."""
    torch.set_num_threads(numerics.threads)
    if numerics.device != "cpu":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)


@lru_cache(maxsize=4)
def read_task(folder: Path) -> Task:
    """The data of a task in a store, kept for the next run of this process."""
    return Task.read(folder)


def model_source(store: Store, model: ModelReference) -> ModelSource:
    """Find the weights that a spec names by their fingerprint.

    Raises:
        UserError: they are not where they were, or were changed there.
    """
    # Where they were found comes first: the name of a hub model would be asked for over the network.
    why = ""
    for name in [*store.model_locations(model.fingerprint), model.name]:
        try:
            source = _found(name)
        except UserError as error:
            why = why or f" ({error})"
            continue
        if source.fingerprint == model.fingerprint:
            return source
    raise UserError(
        f"the weights of the model {model.name!r} (fingerprint {model.fingerprint[:12]}) are no longer where this study "
        f"found them, or were changed{why}; run the study again with --model and the folder where they are now"
    )


@lru_cache(maxsize=8)
def _found(name: str) -> ModelSource:
    return find_model(name)


KEPT_TASKS = 4
"""Tasks whose tokens a worker keeps."""

_TOKENS: dict[tuple[Any, ...], RunData] = {}


def tokenized(task: Task, source: ModelSource, recipe: Recipe) -> RunData:
    """The task's examples as tokens; those used last are kept, because the runs of a study, and members of a fleet, share
    them."""
    key = (task.fingerprint, task.metric, source.fingerprint, recipe.max_length, recipe.segment_ids, recipe.inputs)
    data = _TOKENS.pop(key, None) or _tokenize(task, source, recipe)
    _TOKENS[key] = data  # now the last
    while len(_TOKENS) > KEPT_TASKS:
        del _TOKENS[next(iter(_TOKENS))]
    return data if recipe.select_metric in (None, FIRST) else dataclasses.replace(data, metric=recipe.select_metric)


def _tokenize(task: Task, source: ModelSource, recipe: Recipe) -> RunData:
    tokenizer, inputs = load_tokenizer(source), facts.inputs(source, recipe.required("inputs"))

    def tokens(name: str) -> TokenizedSplit:
        split = task.train if name == "train" else task.evaluation_splits[name]
        return tokenize(
            split,
            tokenizer,
            max_length=recipe.max_length,
            positions=source.positions,
            segment_ids=recipe.segment_ids,
            inputs=inputs,
            where=f"{task.name}, {name}:",
        )

    evaluation = {name: tokens(name) for name in task.evaluation_splits}
    return RunData(train=tokens("train"), evaluation=evaluation, score=task.score, metric=task.metrics[0])
