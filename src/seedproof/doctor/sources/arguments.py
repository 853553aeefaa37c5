"""Arguments of the Trainer, from a JSON of ``TrainingArguments``, a command line or a script, as settings of training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from seedproof.doctor.base import Known, Place
from seedproof.doctor.facts import Facts
from seedproof.doctor.sources.limits import NUMBERS, sorted_out
from seedproof.errors import UserError

DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "learning_rate": 5e-5,
        "num_train_epochs": 3.0,
        "max_steps": -1,
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 1,
        "warmup_steps": 0,
        "lr_scheduler_type": "linear",
        "adam_beta1": 0.9,
        "adam_beta2": 0.999,
        "adam_epsilon": 1e-8,
        "max_grad_norm": 1.0,
        "optim": "adamw_torch_fused",
        "logging_nan_inf_filter": True,
        "seed": 42,
        "data_seed": None,
    }
)
"""What Transformers 5 takes where nothing is said (a test compares them with the installed ones)."""
STABLE = "stable_arguments"
BASELINE: Mapping[str, Any] = {
    "learning_rate": 2e-5,
    "per_device_train_batch_size": 16,
    "lr_scheduler_type": "linear",
    "warmup_steps": 0.1,
    "optim": "adamw_torch",
    "adam_epsilon": 1e-6,
    "seed": 0,
    "max_grad_norm": 1.0,
}
"""What ``seedproof.connect.stable_arguments`` gives, whatever the size of the data."""
EPOCHS, LARGEST_TASK, SPACING = 20, 8551, 1000
_STAND_IN = Place("the default of TrainingArguments")

CORRECTING = ("adamw_torch", "adamw_hf", "adamw_apex_fused", "adamw_anyprecision", "adamw_bnb_8bit", "paged_adamw")
"""Beginnings of the names of optimizers that correct the bias of both moments, as torch's AdamW does."""
MOST_BYTES = 16 * 2**20


def settings_of(arguments: Mapping[str, Known], unread: Mapping[str, str], *, is_whole: bool) -> Facts:
    """Settings of training that arguments of the Trainer give.

    Args:
        arguments: by their names in ``TrainingArguments``.
        unread: why others could not be read.
        is_whole: whether what is not among them has Transformers' default.
    """
    arguments, odd = sorted_out(arguments)
    unread = {**odd, **unread}
    absent = [name for name in DEFAULTS if name not in arguments and name not in unread]
    given = dict(arguments) | ({name: Known(DEFAULTS[name], _STAND_IN) for name in absent} if is_whole else {})
    settings: dict[str, Known] = {}
    for name, plain in _PLAIN.items():
        if plain in given:
            settings[name] = given[plain]
    settings |= _combined(given, unread)
    if "metric_for_best_model" in given and given["metric_for_best_model"].value:
        settings["metric"] = given["metric_for_best_model"]
    missing = {
        name: why for name, parts in _PARTS.items() if name not in settings and (why := _why(parts, unread, given))
    }
    return Facts(settings=settings, unread=missing)


_PLAIN = {
    "learning_rate": "learning_rate",
    "epochs": "num_train_epochs",
    "eps": "adam_epsilon",
    "beta1": "adam_beta1",
    "beta2": "adam_beta2",
    "max_grad_norm": "max_grad_norm",
    "nan_filter": "logging_nan_inf_filter",
    "train_examples": "max_train_samples",
    "max_length": "max_seq_length",
}
_PARTS = {
    **{name: (argument,) for name, argument in _PLAIN.items()},
    "batch_size": ("per_device_train_batch_size", "gradient_accumulation_steps"),
    "max_steps": ("max_steps",),
    "warmup": ("warmup_steps", "warmup_ratio", "lr_scheduler_type"),
    "bias_correction": ("optim",),
    "seeds": ("seed",),
    "data_seed": ("data_seed",),
    "metric": ("metric_for_best_model",),
    "orders": ("train_sampling_strategy", "group_by_length"),
}


def _why(parts: Sequence[str], unread: Mapping[str, str], given: Mapping[str, Known]) -> str:
    if (
        (found := next((unread[part] for part in parts if part in unread), ""))
        or parts != ("optim",)
        or "optim" not in given
    ):
        return found
    return f"{given['optim'].place}: optim={given['optim'].value!r} is no Adam whose correction is known here"


def _combined(given: Mapping[str, Known], unread: Mapping[str, str]) -> dict[str, Known]:
    """Settings that several arguments make, or that have other words there."""
    found: dict[str, Known] = {}
    if "per_device_train_batch_size" in given and "gradient_accumulation_steps" in given:
        size, accumulated = given["per_device_train_batch_size"], given["gradient_accumulation_steps"]
        found["batch_size"] = Known(int(size.value) * int(accumulated.value), size.place)
    if "max_steps" in given and (given["max_steps"].value or 0) > 0:
        found["max_steps"] = given["max_steps"]
    if (warmup := _warmup(given, unread)) is not None:
        found["warmup"] = warmup
    if "optim" in given:
        optimizer = str(given["optim"].value).removeprefix("OptimizerNames.").lower()
        if optimizer.startswith(CORRECTING):
            found["bias_correction"] = Known(True, given["optim"].place)
    for name, argument in (("seeds", "seed"), ("data_seed", "data_seed")):
        if argument in given and (value := given[argument].value) is not None:
            found[name] = Known(value if isinstance(value, tuple) else (value,), given[argument].place)
    if (orders := _orders(given, unread)) is not None:
        found["orders"] = orders
    return found


def _orders(given: Mapping[str, Known], unread: Mapping[str, str]) -> Known | None:
    """Whether the Trainer shuffles as it does by default; None where nothing says that a Trainer orders the examples."""
    names = ("train_sampling_strategy", "group_by_length")
    if any(name in unread for name in names):
        return None
    chosen, by_length = (given.get(name) for name in names)
    if chosen is not None and str(chosen.value).rpartition(".")[2].lower() != "random":
        return Known("other", chosen.place)
    if by_length is not None and by_length.value is True:
        return Known("other", by_length.place)
    return Known("trainer", _STAND_IN) if "seed" in given or "seed" in unread else None


def _warmup(given: Mapping[str, Known], unread: Mapping[str, str]) -> Known | None:
    """Steps of the warm-up, or below 1 their fraction of all steps; 4.x has a ratio, over which steps win."""
    if {"lr_scheduler_type", "warmup_steps"} & unread.keys():
        return None
    schedule = given.get("lr_scheduler_type")
    if schedule is not None and str(schedule.value).removeprefix("SchedulerType.").lower() == "constant":
        return Known(0.0, schedule.place)  # a constant rate has no warm-up, whatever warmup_steps says
    steps, ratio = given.get("warmup_steps"), given.get("warmup_ratio")
    if steps is not None and steps.value:
        return Known(float(steps.value), steps.place)
    if "warmup_ratio" in unread:
        return None
    if ratio is not None and ratio.value:
        return Known(float(ratio.value), ratio.place)
    return Known(0.0, (steps or ratio).place) if steps or ratio else None  # type: ignore[union-attr]


def read_arguments(path: Path) -> Facts:
    """A JSON file of ``TrainingArguments``: ``to_json_string()``, or what ``HfArgumentParser`` takes.

    Raises:
        UserError: it is no JSON object, or has none of the arguments.
    """
    return settings_of(*arguments_of(path), is_whole=True)


def arguments_of(path: Path) -> tuple[dict[str, Known], dict[str, str]]:
    """The arguments in a JSON file; see :func:`read_arguments`."""
    content = read_object(path)
    known = {*DEFAULTS, *(part for parts in _PARTS.values() for part in parts)}
    if not known & content.keys():
        raise UserError(
            f"{path} has no argument of TrainingArguments (learning_rate, seed, ...); give what args.to_json_string() "
            "writes, or a trainer_state.json"
        )
    return checked({name: Known(value, Place(f"{path}, {name}", path)) for name, value in content.items()}), {}


def checked(arguments: Mapping[str, Known]) -> dict[str, Known]:
    """The arguments, with those that must be numbers as numbers.

    Raises:
        UserError: one is none; names it and its place.
    """
    found = dict(arguments)
    for name, known in arguments.items():
        if name not in NUMBERS or known.value is None or isinstance(known.value, tuple):
            continue
        try:
            number = float(known.value)
        except (TypeError, ValueError, OverflowError):
            raise UserError(f"{known.place}: {name} = {known.value!r} is no number") from None
        found[name] = Known(
            int(number) if number.is_integer() and isinstance(DEFAULTS.get(name), int) else number, known.place
        )
    return found


def read_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        UserError: it holds none.
    """
    if path.stat().st_size > MOST_BYTES:
        raise UserError(f"{path} has {path.stat().st_size:,} bytes, too many for arguments or a trainer_state.json")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is no JSON ({error}); give what Transformers wrote") from None
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no JSON object; give arguments of TrainingArguments or a trainer_state.json")
    return content
