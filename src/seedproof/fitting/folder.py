"""The folder of a model: built under a temporary name, opened again by stock Transformers, and only then moved into place."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from seedproof.errors import UserError
from seedproof.fitting.about import FILE
from seedproof.fitting.predicting import BATCH, probabilities
from seedproof.models.checkpoint import quiet_transformers
from seedproof.store.files import flush_folder
from seedproof.store.seals import SUFFIX, check_sealed

if TYPE_CHECKING:
    from seedproof.tasks import Split

MEMBERS = "members"
"""Folder of the further models of an ensemble, inside of a model's."""
TOLERANCE = {"fp32": 1e-3, "bf16": 5e-2}
"""The most by which a probability may differ when stock Transformers computes it: padding and other kernels round otherwise, and
runs in bf16 answered under autocast."""


def check_out(out: str | os.PathLike[str]) -> Path:
    """Refuse, before anything is trained, a folder that is not a fit's own.

    Raises:
        UserError: it is a file, holds something else, or cannot be made.
    """
    target = Path(out) if Path(out).name else Path(out).resolve()
    if target.is_symlink() or (target.exists() and not target.is_dir()):
        raise UserError(f"--out {target} is a file or a link; give the name of a new folder")
    if target.is_dir() and any(target.iterdir()) and not (target / FILE).is_file():
        raise UserError(
            f"--out {target} holds something that seedproof fit did not write; give the name of a new folder"
        )
    if not os.access(_existing(target), os.W_OK):
        raise UserError(f"--out {target} cannot be made: {_existing(target)} may not be written to")
    return target


def _existing(path: Path) -> Path:
    """The lowest folder above ``path`` that is there."""
    above = path.resolve().parent
    while not above.exists():
        above = above.parent
    return above


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """A folder to write into, which takes the place of ``target`` when the block ends; after an error nothing has changed."""
    partial, before = (target.with_name(f".{target.name}.{word}") for word in ("partial", "before"))
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        for file in (path for path in partial.rglob("*") if path.is_file()):
            with file.open("rb") as opened:
                os.fsync(opened.fileno())
        if target.exists():
            shutil.rmtree(before, ignore_errors=True)
            target.replace(before)  # a folder cannot replace one that is not empty
        partial.replace(target)
        flush_folder(target.parent)
        shutil.rmtree(before, ignore_errors=True)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def copy_model(weights: Path, folder: Path, max_length: int) -> None:
    """Copy the model and tokenizer that a run has kept, without the seals of its store and the folders of its methods.

    Args:
        weights: folder of the run's model.
        folder: gets it.
        max_length: tokens at which the tokenizer is to cut; that of a run of an earlier version may cut elsewhere than the
            run did, and beyond the model's positions.

    Raises:
        UserError: the run has lost them, or a file was changed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for file in check_kept(weights):
        if file.suffix != SUFFIX:
            shutil.copy2(file, folder)
    config = folder / "tokenizer_config.json"
    values = json.loads(config.read_text(encoding="utf-8"))
    if values.get("model_max_length") != max_length:
        values["model_max_length"] = max_length
        config.write_text(json.dumps(values, indent=2, ensure_ascii=False), encoding="utf-8")


def check_kept(weights: Path) -> list[Path]:
    """Refuse weights that are not those that a run has kept.

    Returns:
        The files of the model and its tokenizer, and their seals.

    Raises:
        UserError: they are gone, or a file was changed.
    """
    if not weights.is_dir():
        raise UserError(
            f"{weights} is gone, where the run has kept its model: restore it from a copy, or remove {weights.parent} and give "
            "the same command again, which does the run anew"
        )
    files = sorted(path for path in weights.iterdir() if not _is_folder(path))
    for file in files:
        check_sealed(file)
    return files


def folders_beside(weights: Path) -> list[str]:
    """Names of what methods have kept beside a run's model in folders of their own, such as LoRA's ``adapter``.

    They stay with the run: the model has all that its method did, answers without them, and a mean of models has none.
    """
    return sorted(path.name for path in weights.iterdir() if _is_folder(path))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()  # a link is refused, wherever it leads


def average_models(weights: Sequence[Path], folder: Path, max_length: int) -> None:
    """Write the model whose weights are the mean of several runs' (Wortsman et al. 2022, arXiv 2203.05482, "uniform soup").

    Args:
        weights: folders of the runs' models, which have the same files.
        folder: gets the mean, and configuration and tokenizer of the first.
        max_length: as for :func:`copy_model`.
    """
    from safetensors import safe_open
    from safetensors.torch import save_file

    copy_model(weights[0], folder, max_length)
    for file in sorted(path.name for path in weights[0].glob("*.safetensors")):
        tensors: dict[str, torch.Tensor] = {}
        for index, each in enumerate(weights):
            check_kept(each)
            with safe_open(each / file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118 - no mapping
                    value = opened.get_tensor(name)
                    if value.is_floating_point():
                        tensors[name] = value / len(weights) + tensors.get(name, torch.zeros_like(value))
                    elif index == 0:
                        tensors[name] = value
        save_file(tensors, folder / file, metadata={"format": "pt"})


def check_answers(folder: Path, split: Split, outputs: NDArray[Any], problem_type: str, precision: str) -> float:
    """Open a model's folder with stock Transformers, and compare its answers with the run's, one by one.

    Args:
        folder: of one model.
        split: texts that both answer.
        outputs: the run's logits, (examples, outputs).
        problem_type: Transformers' word for what they are.
        precision: in which the run was made.

    Returns:
        The largest difference of a probability (of a value, in a regression).

    Raises:
        RuntimeError: they differ: the folder does not hold the model that was trained.
    """
    wanted = probabilities(outputs, problem_type)
    found = _stock_answers(folder, split)
    scale = max(1.0, float(np.abs(wanted).max())) if problem_type == "regression" else 1.0
    differing = np.abs(found - wanted).max(axis=1)
    if not (differing <= TOLERANCE[precision] * scale).all():
        worst = int(np.nanargmax(differing)) if np.isfinite(differing).any() else 0
        raise RuntimeError(
            f"the model was written and opened again, but answers otherwise than in training: development example {worst} "
            f"gets {found[worst].tolist()}, and got {wanted[worst].tolist()}; nothing was kept"
        )
    return float(differing.max())


def _stock_answers(folder: Path, split: Split) -> NDArray[np.float64]:
    """What ``pipeline("text-classification", folder)`` says of each example, (examples, outputs)."""
    from transformers import pipeline

    with quiet_transformers():
        classify = pipeline("text-classification", model=str(folder), device="cpu")
        inputs: list[Any] = list(split.texts)
        if split.pairs is not None:
            inputs = [{"text": text, "text_pair": pair} for text, pair in zip(split.texts, split.pairs, strict=True)]
        answers = classify(inputs, top_k=None, truncation=True, batch_size=BATCH)
    positions = classify.model.config.label2id
    found = np.empty((len(split), len(positions)))
    for row, answer in zip(found, answers, strict=True):
        for each in answer:
            row[positions[each["label"]]] = each["score"]
    return found
