"""Which values arguments of the Trainer can have, so that no rule computes with one that there cannot be."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from seedproof.doctor.base import Known
from seedproof.doctor.sources.literals import several

NUMBERS: Mapping[str, tuple[float, float]] = MappingProxyType(
    {
        "learning_rate": (0, math.inf),
        "num_train_epochs": (1e-9, math.inf),
        "max_steps": (-math.inf, math.inf),
        "per_device_train_batch_size": (1, math.inf),
        "gradient_accumulation_steps": (1, math.inf),
        "warmup_steps": (0, math.inf),
        "warmup_ratio": (0, 1),
        "adam_beta1": (0, 1 - 1e-12),
        "adam_beta2": (0, 1 - 1e-12),
        "adam_epsilon": (0, math.inf),
        "max_grad_norm": (-math.inf, math.inf),
        "max_train_samples": (1, math.inf),
        "max_seq_length": (1, math.inf),
        "seed": (0, math.inf),
        "data_seed": (0, math.inf),
    }
)
"""Arguments that are numbers, with the least and the largest value of each."""
SEVERAL = ("seed", "data_seed")
"""Arguments of which each run may have its own."""
_HUGE = 1e15
"""Above it no number is one of steps, epochs or seeds, and arithmetic on it would not be exact."""
_OPTIONAL = ("max_train_samples", "max_seq_length", "warmup_ratio", "data_seed", "max_grad_norm", "max_steps")


def sorted_out(arguments: Mapping[str, Known]) -> tuple[dict[str, Known], dict[str, str]]:
    """The arguments that have a value to compute with, and why the others have none; what is None is as if it were not given."""
    usable: dict[str, Known] = {}
    odd: dict[str, str] = {}
    for name, known in arguments.items():
        if known.value is None and (name in _OPTIONAL or name not in NUMBERS):
            continue
        if why := _odd(name, known.value):
            odd[name] = f"{known.place}: {why}"
        else:
            usable[name] = known
    return usable, odd


def _odd(name: str, value: Any) -> str:
    if name == "logging_nan_inf_filter" and not isinstance(value, int):
        return f"{name}={value!r} is neither true nor false"
    if isinstance(value, tuple) and name not in SEVERAL and (name in NUMBERS or len(value) > 1):
        return has_several(name, value)
    if name not in NUMBERS:
        return ""
    each = value if isinstance(value, tuple) else (value,)
    if not each or not all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in each):
        return f"{name}={value!r} is no number"
    low, high = NUMBERS[name]
    if not all(low <= one <= high and abs(one) < _HUGE for one in each):
        return f"{name}={value!r} is nothing that can be trained with"
    return f"{name}={value!r} is no whole number" if name in SEVERAL and any(int(one) != one for one in each) else ""


def has_several(name: str, values: Sequence[Any]) -> str:
    """Words for an argument that has no single value."""
    return f"{name} has several values ({several(values)}); what holds for one need not hold for another, so give one at a time"
