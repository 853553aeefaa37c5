"""A finished run of the Trainer: its ``trainer_state.json``, or the folder where it lies."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seedproof.doctor.base import Known, Place
from seedproof.doctor.facts import Facts, Run
from seedproof.doctor.sources.arguments import read_object
from seedproof.errors import UserError
from seedproof.tasks.metrics import METRICS

STATE, ADAPTER = "trainer_state.json", "adapter_config.json"
NAMES: Mapping[str, str] = {
    **{name: name for name in METRICS},
    "acc": "accuracy",
    "matthews_correlation": "matthews",
    "matthews_corrcoef": "matthews",
    "mcc": "matthews",
    "f1_macro": "macro_f1",
    "f1_weighted": "weighted_f1",
    "roc_auc": "auroc",
    "auc": "auroc",
    "spearmanr": "spearman",
    "pearsonr": "pearson",
}
"""Names that metrics have in logs of the Trainer (behind ``eval_``), and ours."""


def state_in(folder: Path) -> Path | None:
    """The state of the Trainer in a folder, else in the last of its checkpoints; None where there is none."""
    if (folder / STATE).is_file():
        return folder / STATE
    numbered = [
        (int(match[1]), path)
        for path in folder.glob("checkpoint-*")
        if (match := re.fullmatch(r"checkpoint-(\d+)", path.name))
    ]
    states = [path / STATE for _, path in sorted(numbered) if (path / STATE).is_file()]
    return states[-1] if states else None


def is_state(content: Mapping[str, Any]) -> bool:
    """Whether a JSON object is a state of the Trainer."""
    return "log_history" in content


def read_state(path: Path) -> Facts:
    """What a ``trainer_state.json`` says: its length, its losses and its evaluations.

    Raises:
        UserError: it is none, or damaged.
    """
    content = read_object(path)
    history = content.get("log_history")
    if not isinstance(history, list) or not all(isinstance(entry, dict) for entry in history):
        raise UserError(f"{path} has no list log_history, so it is no {STATE}; give what the Trainer wrote")
    place = Place(str(path), path)
    settings: dict[str, Known] = {}
    for name, key in {"steps": "max_steps", "epochs": "num_train_epochs"}.items():
        if isinstance(value := content.get(key), (int, float)) and value > 0:
            settings[name] = Known(value, Place(f"{path}, {key}", path))
    losses = [
        (_step(entry), _number(entry["loss"]), None if "grad_norm" not in entry else _number(entry["grad_norm"]))
        for entry in history
        if "loss" in entry
    ]
    settings |= _beside(path.parent)
    run = Run(name=path.parent.name or str(path), evaluations=_evaluations(history), losses=tuple(losses), place=place)
    return Facts(settings=settings, runs=(run,))


def _beside(folder: Path) -> dict[str, Known]:
    """What the Trainer has saved beside its state: an adapter, names of the labels."""
    found: dict[str, Known] = {}
    if (folder / ADAPTER).is_file():
        found["adapter"] = Known(str(folder), Place(str(folder)))
    if (config := folder / "config.json").is_file():
        content = read_object(config)
        found["id2label"] = Known((content.get("id2label"), content.get("label2id")), Place(str(config), config))
    return found


def read_adapter(folder: Path) -> Facts:
    """A folder with a saved adapter."""
    return Facts(settings=_beside(folder))


def _evaluations(history: list[dict[str, Any]]) -> tuple[tuple[int, Mapping[str, float]], ...]:
    found = []
    for entry in history:
        named = {
            NAMES[key.removeprefix("eval_")]: _number(value)
            for key, value in entry.items()
            if key.startswith("eval_") and key.removeprefix("eval_") in NAMES
        }
        if named:
            found.append((_step(entry), named))
    return tuple(found)


def _step(entry: Mapping[str, Any]) -> int:
    step = _number(entry.get("step", 0))
    return int(step) if math.isfinite(step) else 0


def _number(value: Any) -> float:
    """A logged number; NaN for what is none (some trackers write ``"nan"``)."""
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
