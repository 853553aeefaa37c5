"""Surfaces (paper, Figures 7 and 13): loss and gradient norm on the plane through three models.

    import seedproof as sp

    found = sp.surface("miniature/bert", "out/first/runs/<failed>/weights", "out/first/runs/<successful>/weights",
                       task="miniature/entailment", head_seed=3, gradient_norm=True)
    found.grid, found.points, found.edges, found.barriers

p is the pre-trained model with the head that fine-tuning started from, f a failed and s a successful model that both
started there. All parameters take part, the head included; the directions are raw; dropout is off.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from seedproof.errors import UserError
from seedproof.launch.signals import ending_as_ctrl_c
from seedproof.measure.checkpoints import check_same_architecture, classifier_of, fingerprint
from seedproof.measure.classifier_loss import Batch, Problem, batches_of, flatten
from seedproof.measure.defaults import chosen_device, default_jobs, say_nothing
from seedproof.measure.plane import Lattice, Plane, Points, Surface, complete, tabulate
from seedproof.measure.pool import measure_problem
from seedproof.models import facts
from seedproof.models.loading import load_classifier, load_tokenizer
from seedproof.models.source import ModelSource, find_model
from seedproof.models.tokens import Inputs, tokenize
from seedproof.renamed import takes_former_names
from seedproof.store.measurements import Parts, kept_parts
from seedproof.tasks import Split, Task, load_task

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@takes_former_names({"head_std": "initializer_range"})
def surface(
    pretrained: str | os.PathLike[str],
    failed: str | os.PathLike[str] | PreTrainedModel,
    successful: str | os.PathLike[str] | PreTrainedModel,
    *,
    task: Task | str | os.PathLike[str],
    head_seed: int,
    initializer_range: float = 0.02,
    new_head: bool = False,
    gradient_norm: bool = False,
    low: float = -1.5,
    high: float = 1.5,
    side: int = 40,
    edge: int = 41,
    examples: int = 128,
    example_seed: int | None = 0,
    max_length: int = 128,
    segment_ids: bool = True,
    inputs: Literal["tokenizer", "model"] | None = None,
    jobs: int | None = None,
    device: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    report: Callable[[int, int], None] | None = None,
) -> Surface:
    """Measure the loss of a classifier on the plane ``p + a (f - p) + b (s - p)``.

    Besides the grid it is evaluated exactly at p, f and s and along the three edges between them. What was measured is
    kept row by row in ``folder``, and the same call goes on from there with the same numbers.

    Args:
        pretrained: p's encoder: ``miniature/...``, a folder or a name on the hub.
        failed: f, a folder that ``save_pretrained`` wrote, or a model, which is not changed.
        successful: s, likewise.
        task: whose training examples the loss is the mean of: a task, or what :func:`seedproof.load_task` takes.
        head_seed: the seed from which f and s drew their head: it gives p the same one.
        initializer_range: its standard deviation.
        new_head: whether they drew it although ``pretrained`` has one.
        gradient_norm: also measure the L2 norm of the loss's gradient over all parameters; takes about three times as long.
        low: the least a and b of the grid.
        high: the greatest.
        side: points a side of the grid; 0 for the three models and the edges alone.
        edge: points on each edge, its two ends included.
        examples: how many training examples; all of them where the task has fewer.
        example_seed: draws them, without replacement; None takes the first.
        max_length: tokens of an example, as in fine-tuning.
        segment_ids: as in fine-tuning.
        inputs: as in fine-tuning; None: as the model needs them.
        jobs: processes at a time, with a thread each; None is one per core. The numbers do not depend on it.
        device: ``cpu`` or ``cuda`` (in one process); None is a GPU where there is one.
        folder: where the measurement is kept and resumed, as ``measurements/<id>/``; None keeps nothing.
        report: called with the parts done and all parts.

    Raises:
        UserError: a model or the task is missing or damaged, the three differ in architecture, a weight is not finite, or
            an option is outside its range.
        KeyboardInterrupt: Ctrl-C or SIGTERM; says how much is kept.
    """
    lattice, source = Lattice(low=low, high=high, side=side, edge=edge), find_model(os.fspath(pretrained))
    data = task if isinstance(task, Task) else load_task(os.fspath(task))
    chosen = choose_examples(len(data.train), examples, example_seed)
    device = chosen_device(device)
    meant = facts.inputs(source, inputs or "model")
    settings = {
        "kind": "surface",
        "version": 1,
        "pretrained": source.fingerprint,
        "head_seed": head_seed,
        "head_std": initializer_range,
        "failed": fingerprint(failed, "failed"),
        "successful": fingerprint(successful, "successful"),
        "task": data.fingerprint,
        "examples": len(chosen),
        "example_seed": example_seed,
        "max_length": max_length,
        "segment_ids": segment_ids,
        "gradient_norm": gradient_norm,
        **asdict(lattice),
        "device": device,
        **({"new_head": True} if new_head else {}),
    }
    if meant != facts.inputs(source, "tokenizer"):
        settings["inputs"] = "model"
    if not 0 <= head_seed < 2**63:
        raise UserError(
            f"head_seed = {head_seed} is not valid; give the seed of the runs' head, a whole number from 0 on"
        )
    workers = default_jobs(device) if jobs is None else jobs if device == "cpu" else 1
    if workers < 1:
        raise UserError(f"jobs must be at least 1, but is {workers}")

    def measure(parts: dict[str, Points]) -> Any:
        plane, config = _plane(source, failed, successful, data, head_seed, initializer_range, new_head)
        batches = _batches(data, source, chosen, max_length, segment_ids, meant)
        return measure_problem(Problem(config, plane, batches, gradient_norm, device), parts, workers)

    with kept_parts(folder, settings) as parts:
        found = _complete(lattice, parts, measure, report or say_nothing, is_kept=folder is not None)
    return tabulate(lattice, found, settings)


def choose_examples(available: int, wanted: int, seed: int | None) -> list[int]:
    """Indices of ``wanted`` examples out of ``available``, ascending; all of them where there are not more.

    Raises:
        UserError: fewer than one is wanted, or the seed is negative.
    """
    if wanted < 1:
        raise UserError(f"examples = {wanted} is not valid; give at least 1")
    if wanted >= available:
        return list(range(available))
    if seed is None:
        return list(range(wanted))
    if seed < 0:
        raise UserError(f"example_seed = {seed} is not valid; give a whole number from 0 on")
    return sorted(int(index) for index in np.random.default_rng(seed).choice(available, wanted, replace=False))


def _complete(
    lattice: Lattice,
    parts: Parts,
    measure: Callable[[dict[str, Points]], Any],
    report: Callable[[int, int], None],
    *,
    is_kept: bool,
) -> dict[str, Any]:
    done, total = parts.done(), len(lattice.parts())
    try:
        with ending_as_ctrl_c():
            found = complete(lattice, done, measure, parts.add, report)
    except KeyboardInterrupt:
        kept = f"{len(parts.done())} of {total} parts are kept" if is_kept else "nothing is kept without a folder"
        raise KeyboardInterrupt(f"interrupted; {kept}; give the same command again to continue") from None
    parts.finish({"parts": total})  # also where a process was killed between its last part and this
    return found


def _plane(
    source: ModelSource,
    failed: Any,
    successful: Any,
    task: Task,
    head_seed: int,
    initializer_range: float,
    new_head: bool,
) -> tuple[Plane, Any]:
    of_task: dict[str, Any] = {"labels": task.num_labels, "problem_type": task.problem_type, "classes": task.classes}
    start = load_classifier(
        source, **of_task, head_seed=head_seed, initializer_range=initializer_range, new_head=new_head
    )
    models = {"pre-trained": start.model}
    for role, checkpoint in (("failed", failed), ("successful", successful)):
        models[role] = classifier_of(checkpoint, role, **of_task)
        check_same_architecture({"pre-trained": start.model, role: models[role]})
    return Plane(*(flatten(model) for model in models.values())), start.model.config


def _batches(
    task: Task, source: ModelSource, chosen: list[int], max_length: int, segment_ids: bool, inputs: Inputs
) -> list[Batch]:
    train = task.train
    pairs = None if train.pairs is None else tuple(train.pairs[index] for index in chosen)
    split = Split(tuple(train.texts[index] for index in chosen), pairs, train.labels[chosen])
    tokens = tokenize(
        split,
        load_tokenizer(source),
        max_length=max_length,
        positions=source.positions,
        segment_ids=segment_ids,
        inputs=inputs,
        where=f"{task.name}, train:",
    )
    return batches_of(tokens, range(len(chosen)))
