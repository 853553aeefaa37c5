"""One trial batch of every pair of task and model before many runs start: what all of them would die of is said once.

The longest texts, forward, backward, a step and an evaluation, by the plain engine on the CPU, from the real weights. It
also tells what is drawn at random: a head, or more.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from seedproof.errors import UserError
from seedproof.execution.recording import Recording
from seedproof.models import facts
from seedproof.models.checkpoint import code_of, quiet_transformers, reason, sixteen_bits
from seedproof.models.loading import LoadedModel, load_classifier, load_tokenizer
from seedproof.models.source import ModelSource
from seedproof.models.tokens import TokenizedSplit, tokenize
from seedproof.probes import make_probes
from seedproof.recipes import Recipe, from_json
from seedproof.spec import RunSpec
from seedproof.tasks import Split, Task
from seedproof.training.engine import RunData
from seedproof.training.plain import PlainEngine
from seedproof.training.plan import make_plan

EXAMPLES = 2
"""Examples of each split that are tried, its longest."""
NAMED = 4
"""Parameters that a message names."""

_DONE: dict[tuple[Any, ...], tuple[str, ...]] = {}


def try_runs(
    runs: Iterable[RunSpec],
    tasks: Iterable[Task],
    sources: Iterable[ModelSource],
    *,
    recording: Recording,
    draw_missing: bool = False,
) -> list[str]:
    """Try a batch of each kind of run, each kind once in a process.

    Args:
        runs: those that are to be run.
        tasks: theirs.
        sources: their models.
        recording: what they record.
        draw_missing: whether a model may lack parameters of its encoder.

    Returns:
        What is to be known of the models before they run: what is drawn, what the head seed does not change.

    Raises:
        UserError: what the runs would die of; all of it.
    """
    data = {task.fingerprint: task for task in tasks}
    models = {source.fingerprint: source for source in sources}
    notes: dict[str, None] = {}
    faults: dict[str, None] = {}
    for spec in {_kind(spec, recording): spec for spec in runs}.values():
        key = (*_kind(spec, recording), draw_missing)
        try:
            if key not in _DONE:
                task, source = data[spec.task.fingerprint], models[spec.model.fingerprint]
                _DONE[key] = tuple(_try(spec, task, source, recording, draw_missing))
            notes |= dict.fromkeys(_DONE[key])
        except UserError as error:
            faults[str(error)] = None
    if faults:
        raise UserError("\n".join(faults))
    return list(notes)


def _kind(spec: RunSpec, recording: Recording) -> tuple[Any, ...]:
    """What may decide whether a run works at all; its seeds, rates and numbers of steps do not."""
    recipe = from_json(spec.recipe)
    added = [getattr(recipe, name) for name in sorted(recipe.ADDED)]
    # Numbers with a fraction are rates and probabilities, which decide nothing.
    methods = [
        (name, value)
        for method in recipe.methods
        for name, value in method.to_json().items()
        if not isinstance(value, float)
    ]
    settings = (recipe.method, recipe.max_length, recipe.segment_ids, *methods, *added)
    return spec.task.fingerprint, spec.model.fingerprint, spec.numerics.precision, *settings, *sorted(recording.probes)


def _try(spec: RunSpec, task: Task, source: ModelSource, recording: Recording, draw_missing: bool) -> list[str]:
    recipe = from_json(spec.recipe)
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
    notes = [*_drawn(loaded, source, draw_missing), *_left_out(loaded, source), *_raised(source)]
    notes += _words_without_embedding(source)
    for method in recipe.methods:
        notes += [f"{source.name}: {recipe.name} {note}" for note in method.notes(loaded.model)]
    try:
        with quiet_transformers():
            loss = _first_loss(spec, recipe, task, source, loaded, recording)
    except UserError:
        raise
    except Exception as error:
        hint = ""
        if isinstance(error, IndexError):
            hint = (
                " (a token, segment or position has a number for which the model has no embedding: is the tokenizer the "
                "model's own? --set segment_ids=false leaves segments out, --set max_length=... cuts texts)"
            )
        raise UserError(
            f"one batch of {task.name} ends the model {source.name!r} with {type(error).__name__}: {reason(error)}{hint}; "
            "every run would end so, and none was started"
        ) from error
    if not math.isfinite(loss):
        notes.append(
            f"warning: before any training the loss of {source.name} on the longest texts of {task.name} is {loss}: every run "
            "will end as failed (diverged) at its first step"
        )
    return notes


def _first_loss(
    spec: RunSpec, recipe: Recipe, task: Task, source: ModelSource, loaded: LoadedModel, recording: Recording
) -> float:
    """Train a step on the longest training texts and evaluate; the loss of that step."""
    tokenizer, inputs = load_tokenizer(source), facts.inputs(source, recipe.required("inputs"))

    def tokens(name: str, split: Split) -> TokenizedSplit:
        return tokenize(
            _longest(split),
            tokenizer,
            max_length=recipe.max_length,
            positions=source.positions,
            segment_ids=recipe.segment_ids,
            inputs=inputs,
            where=f"{task.name}, {name}:",
        )

    evaluation = {name: tokens(name, split) for name, split in task.evaluation_splits.items()}
    metric = task.metrics[0]
    data = RunData(
        train=tokens("train", task.train), evaluation=evaluation, score=lambda _: {metric: 0.0}, metric=metric
    )
    short = dataclasses.replace(recipe, max_steps=1, extra_step=False, batch_size=EXAMPLES)
    engine = PlainEngine(
        loaded.model,
        short,
        make_plan(short, spec.seeds, len(data.train)),
        data,
        seeds=spec.seeds,
        probes=make_probes(dict(recording.probes)),
        precision=spec.numerics.precision,
    )
    records = [record for at_step in engine.run() for record in at_step]
    for split in evaluation.values():
        engine.predict(split)  # also where the step's loss was not finite
    return next(float(record.values["loss"]) for record in records if record.kind == "loss")


def _longest(split: Split) -> Split:
    """The examples with the most characters."""
    sizes = [len(text) for text in split.texts]
    if split.pairs is not None:
        sizes = [size + len(pair) for size, pair in zip(sizes, split.pairs, strict=True)]
    chosen = np.argsort(sizes, kind="stable")[-EXAMPLES:]
    pairs = None if split.pairs is None else tuple(split.pairs[index] for index in chosen)
    return Split(tuple(split.texts[index] for index in chosen), pairs, split.labels[chosen])


def _drawn(loaded: LoadedModel, source: ModelSource, draw_missing: bool) -> list[str]:
    """What the head seed decides.

    Raises:
        UserError: parameters of the encoder, and that was not asked for.
    """
    if encoder := loaded.missing_encoder:
        total = sum(1 for _ in loaded.model.base_model.named_parameters())
        named = _named(encoder, loaded.shapes)
        if not draw_missing:
            raise UserError(
                f"the checkpoint in {source.folder} does not hold {len(encoder)} of the {total} parameters of the encoder that "
                f"its config.json describes: {named}; mend config.json or give the whole checkpoint (to fine-tune it all the "
                "same, with these drawn at random from each run's head seed: --draw-missing, or Study(draw_missing=True))"
            )
        return [
            f"warning: {source.name} lacks {len(encoder)} of the {total} parameters of its encoder, which are drawn at random "
            f"from each run's head seed: {named}"
        ]
    if kept := loaded.kept_head:
        return [
            f"warning: {source.name} came with a head of this size, which every run keeps, so that the head seed changes "
            f"nothing: {_named(kept)}; --new-head draws one"
        ]
    return [f"{source.name}: drawn from each run's head seed: {_named(loaded.missing, loaded.shapes)}"]


def _named(names: Iterable[str], shapes: Mapping[str, str] | None = None) -> str:
    listed = [f"{name} ({shapes[name]})" if shapes and name in shapes else name for name in names]
    more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
    return f"{', '.join(listed[:NAMED])}{more}"


def _left_out(loaded: LoadedModel, source: ModelSource) -> list[str]:
    """What came with the model and has no part in its runs: code, and layers beyond those of its configuration."""
    notes = []
    if (auto_map := source.config.get("auto_map")) is not None:
        notes.append(
            f"{source.name} brings code of its own ({code_of(auto_map)}), which is not run: it is trained as Transformers' "
            f"{type(loaded.model).__name__}"
        )
    if loaded.unused:
        notes.append(
            f"warning: the checkpoint of {source.name} has parameters of layers that its config.json leaves out: "
            f"{_named(loaded.unused)}"
        )
    return notes


def _raised(source: ModelSource) -> list[str]:
    """A note that a 16-bit checkpoint is trained in fp32: in 16 bits small updates of a weight are rounded away."""
    return [
        f"{source.name}: the checkpoint has {count} tensors in {dtype}, which are raised to fp32; weights and optimizer stay "
        "fp32 in training, whatever its config.json says"
        for dtype, count in sixteen_bits(source).items()
    ]


def _words_without_embedding(source: ModelSource) -> list[str]:
    """A text with such a word would end its runs in their middle; the trial's few texts need not have one."""
    rows = source.config.get("vocab_size")
    ids = load_tokenizer(source).get_vocab()
    word = max(ids, key=lambda each: ids[each], default=None)
    if not isinstance(rows, int) or word is None or ids[word] < rows:
        return []
    return [
        f"warning: the tokenizer of {source.name} has the id {ids[word]} for {word!r}, but the model's vocabulary ends "
        f"at {rows - 1}: a text with such a word ends its run"
    ]
