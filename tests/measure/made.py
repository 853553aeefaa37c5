"""Small models, and a store of runs that were written by hand and not trained, for the tests of measurements."""

from __future__ import annotations

import dataclasses
import math
import shutil
from pathlib import Path

import torch

from seedproof.miniature.pretrain import PairModel, Pretraining
from seedproof.miniature.tokenizer import make_tokenizer
from seedproof.models.loading import load_classifier, load_tokenizer
from seedproof.models.source import find_model
from seedproof.recipes import recipe, resolve
from seedproof.spec import Numerics, RunSpec, Seeds
from seedproof.store import Cell, Store

ONE_LABEL = "single_label_classification"

LAYERS = 3
TEXTS = [
    "the dog sleeps .",
    "a cat sees the old bird and the girl reads a book .",
    "the boys do not eat .",
    "an old man sings .",
]


def shake(model: torch.nn.Module, seed: int, size: float = 0.1) -> torch.nn.Module:
    """Move every parameter, as fine-tuning would."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for value in model.parameters():
            value.add_(torch.randn(value.shape, generator=generator) * size)
    return model


def make_pretrained(family: str, folder: Path, layers: int = LAYERS) -> Path:
    """A model with a masked-LM head, far enough from zero that every layer matters."""
    settings = Pretraining(family=family, stages=(), hidden_size=16, feed_forward=32)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        shake(PairModel(settings, layers).model, 1).save_pretrained(folder)
    make_tokenizer(family).save_pretrained(folder)
    return folder


def make_classifier(pretrained: Path, *, seed: int, head_seed: int = 0):
    """A classifier of two classes at some distance from where fine-tuning starts."""
    return shake(
        load_classifier(find_model(str(pretrained)), labels=2, problem_type=ONE_LABEL, head_seed=head_seed).model, seed
    )


def make_store(
    folder: Path, pretrained: Path, task, runs: dict[str, tuple[Seeds, str | None]], *, weights=True, methods=()
) -> dict[str, str]:
    """A store of finished runs, by name its seeds and why it failed; returns their ids."""
    source, ids = find_model(str(pretrained)), {}
    store = Store.create(folder, "made", Numerics())
    task.write(store.task_folder(task.fingerprint))
    store.places.add_model(source.fingerprint, str(source.folder))
    chosen = recipe("devlin", learning_rate=1e-3)
    for each in methods:
        chosen += each
    values = resolve(chosen, source.family, None).recipe.to_json()
    for number, (name, (seeds, reason)) in enumerate(runs.items()):
        spec = RunSpec(task=task.reference(), model=source.reference(), recipe=values, seeds=seeds, numerics=Numerics())
        run = store.add(spec)
        if weights:
            model = make_classifier(pretrained, seed=number, head_seed=seeds.head)
            model.save_pretrained(run.weights)
            load_tokenizer(source).save_pretrained(run.weights)
        score = {None: 0.6, "majority": 0.5, "diverged": math.nan}[reason]
        run.finish(
            {
                "outcome": "failed" if reason else "succeeded",
                "reason": reason,
                "evaluated_step": 3,
                "missing_parameters": ["classifier.weight"],
                "score": score,
                "majority": 0.5,
                "metric": "accuracy",
                "training_loss": 0.7,
            }
        )
        ids[name] = spec.id
        store.add_cells([dataclasses.replace(Cell.of(spec), recipe="devlin")])
    store.add_definition(f'name = "made"\ntasks = ["miniature/entailment"]\nmodels = ["{pretrained}"]\n')
    return ids


def without_tokenizer(folder: Path, target: Path) -> Path:
    """A copy of a model's folder with configuration and weights alone."""
    target.mkdir()
    for name in ("config.json", "model.safetensors"):
        shutil.copy(folder / name, target / name)
    return target
