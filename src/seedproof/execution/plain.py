"""Execute one run with the plain engine: load what its spec names, train by its plan, hand the records to its session.

The engine knows nothing of sessions, the session nothing of torch; here they meet.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from seedproof.errors import UserError
from seedproof.execution import Interrupted, environment
from seedproof.execution.recording import Recording
from seedproof.execution.session import Session
from seedproof.models import facts
from seedproof.models.checkpoint import quiet_transformers
from seedproof.models.loading import load_classifier, load_tokenizer
from seedproof.models.source import ModelSource
from seedproof.models.tokens import TokenizedSplit, tokenize
from seedproof.probes import make_probes
from seedproof.recipes import Recipe, from_json
from seedproof.recipes.base import FIRST
from seedproof.spec import Numerics, RunSpec
from seedproof.tasks.base import Task
from seedproof.training.engine import RunData
from seedproof.training.plain import PlainEngine
from seedproof.training.plan import Plan, make_plan

if TYPE_CHECKING:
    from seedproof.probes.base import Probe


def execute(session: Session) -> None:
    """Execute a run, or go on with it; returns when its result is written, or when it waits for its race to be decided.

    Raises:
        Interrupted: the session said so; a run that is older than the checkpoint interval was saved first.
        UserError: the model's files are gone or changed, a text is too long for the model, or the run is one for a fleet: what
            the plain engine gives would stand under the id of other bits.
    """
    spec, recording = session.spec, session.recording
    if spec.numerics.engine != "plain":
        raise UserError(
            f"the run {spec.id} is for the {spec.numerics.engine} engine, and this launcher executes runs of "
            "the plain engine alone; give --launcher local, or --engine plain in another folder"
        )
    configure_process(spec.numerics)
    ready = prepare(spec, session.task, session.source, recording)
    engine = plain_engine(spec, ready)
    if (checkpoint := session.resume()) is not None:
        engine.load_state(checkpoint.step, checkpoint.tensors, checkpoint.values)
    if not train(engine, session):
        session.leave(ready.about)
        return
    if recording.weights:
        session.keep_weights(partial(_write_all, engine, session.source, ready))
    session.finish(engine, ready.about)


def train(engine: PlainEngine, session: Session) -> bool:
    """Train to the end; every step's records go to the session, now and then the state.

    Returns:
        Whether it got there; False where the run leaves before (:meth:`Session.is_leaving`).

    Raises:
        Interrupted: the session said so.
    """
    for records in engine.run():
        session.record(engine.step, engine.steps, records)
        if engine.step == 0 or engine.step == engine.steps or engine.diverged_at is not None:
            continue  # nothing to save yet, or nothing left to do: the result comes next
        if session.is_leaving(engine.step, engine.steps):
            if session.stopped is None:
                session.save(engine.step, *engine.state())
            return False
        is_asked = session.should_stop()
        if session.is_save_due(stopping=is_asked):
            session.save(engine.step, *engine.state())
        if is_asked:
            raise Interrupted
    return True


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
    plan = make_plan(recipe, spec.seeds, len(task.train), recording.evaluations, recording.evaluation_at)
    data = tokenized(task, source, recipe)
    loaded = load_classifier(
        source,
        labels=task.num_labels,
        problem_type=task.problem_type,
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
        seeds=spec.seeds,
        probes=ready.probes,
        precision=spec.numerics.precision,
        device=spec.numerics.device,
    )


def _write_all(engine: PlainEngine, source: ModelSource, ready: Prepared, folder: Path) -> None:
    """Write the weights, and what methods keep beside them."""
    write_weights(engine.model, source, ready.recipe, ready.data, folder)
    engine.write(folder)


def write_weights(model: Any, source: ModelSource, recipe: Recipe, data: RunData, folder: Path) -> None:
    """Write weights and tokenizer into a folder, so that stock Transformers answers as the run did.

    The tokenizer cuts texts (where asked to) at the recipe's ``max_length`` or the model's positions, and gives segment ids if
    the model was trained with them.
    """
    with quiet_transformers():
        model.save_pretrained(folder)
    tokenizer = load_tokenizer(source)
    has_segments = recipe.segment_ids and data.train.segments is not None
    tokenizer.model_input_names = ["input_ids", *(["token_type_ids"] if has_segments else []), "attention_mask"]
    # Only what is here is written, whatever the class of the tokenizer has as its default.
    tokenizer.init_kwargs["model_input_names"] = tokenizer.model_input_names
    tokenizer.model_max_length = source.most_tokens(recipe.max_length)
    tokenizer.save_pretrained(folder)


def configure_process(numerics: Numerics) -> None:
    """Set what a process has only one of: the number of threads, and determinism on a GPU."""
    torch.set_num_threads(numerics.threads)
    if numerics.device != "cpu":
        for name, value in environment.ON_A_GPU.items():
            os.environ.setdefault(name, value)
        torch.use_deterministic_algorithms(True)


@contextmanager
def settings_restored() -> Iterator[None]:
    """Give a process that goes on to do other things the settings back that :func:`configure_process` changes."""
    threads, is_deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    warns = torch.is_deterministic_algorithms_warn_only_enabled()
    unset = [name for name in environment.ON_A_GPU if name not in os.environ]
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(is_deterministic, warn_only=warns)
        for name in unset:
            os.environ.pop(name, None)


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
