"""The shipped miniatures: how each was pre-trained, and writing one with its tokenizer and its card."""

from __future__ import annotations

import dataclasses
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from seedproof.errors import UserError, unknown
from seedproof.miniature.card import write_card
from seedproof.miniature.pretrain import PairModel, Pretraining, Stage, pretrain
from seedproof.miniature.tokenizer import make_tokenizer


def _stages(*stages: tuple[int, int, float]) -> tuple[Stage, ...]:
    return tuple(Stage(layers=layers, steps=steps, learning_rate=rate) for layers, steps, rate in stages)


MINIATURES: dict[str, Pretraining] = {
    "bert": Pretraining(
        family="bert", stages=_stages((3, 1600, 3e-3), (6, 1000, 2e-3), (12, 700, 1e-3), (24, 3000, 5e-4))
    ),
    "roberta": Pretraining(
        family="roberta", stages=_stages((3, 1600, 3e-3), (6, 1000, 2e-3), (12, 900, 1e-3), (24, 500, 5e-4))
    ),
    "albert": Pretraining(
        family="albert",
        hidden_size=128,
        heads=4,
        feed_forward=512,
        stages=_stages((3, 1500, 3e-3), (6, 1200, 2e-3), (12, 1500, 1e-3), (24, 500, 5e-4)),
    ),  # wider: at 64 a single shared layer learns neither words nor pairs well
    "bert-shallow": Pretraining(family="bert", stages=_stages((3, 1600, 3e-3), (6, 2500, 1e-3))),
}
"""Pre-trainings by the names under which their models are used, without ``miniature/``."""


def make_miniature(
    name: str, folder: Path, *, seed: int = 0, fraction_of_steps: float = 1.0, report: Callable[[str], None] = print
) -> Path:
    """Pre-train a miniature and write it in Transformers' layout.

    On one thread, because the number of threads changes bits: the same seed and versions give the same file.

    Raises:
        UserError: unknown name, a fraction that is not above 0, a seed that is none, or a folder that holds something already
            or cannot be written.
    """
    if name not in MINIATURES:
        raise unknown("miniature", name, MINIATURES)
    if not 0 < fraction_of_steps < math.inf:
        raise UserError(f"the fraction of steps is {fraction_of_steps}; it must be a finite number above 0")
    if not -(2**63) <= seed < 2**63:
        raise UserError(f"the seed {seed} is not valid; give a whole number of at most 64 bits")
    _make_empty_folder(folder)
    settings = MINIATURES[name]
    stages = [dataclasses.replace(s, steps=max(10, round(s.steps * fraction_of_steps))) for s in settings.stages]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for _, model in pretrain(dataclasses.replace(settings, stages=tuple(stages), seed=seed), report):
            final = model
    finally:
        torch.set_num_threads(threads)
    return save_miniature(final, name, folder)


def _make_empty_folder(folder: Path) -> None:
    """The folder for a miniature, made before half an hour of pre-training and not after it."""
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise UserError(f"{folder} exists and is not an empty folder; choose another one for the miniature")
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"the miniature cannot be written into {folder} ({error.strerror or error}); choose another folder"
        ) from error


def save_miniature(pretrained: PairModel, name: str, folder: Path) -> Path:
    """Write weights, configuration, tokenizer and card."""
    pretrained.model.save_pretrained(folder)
    make_tokenizer(MINIATURES[name].family).save_pretrained(folder)
    write_card(name, MINIATURES[name], folder)
    return folder
