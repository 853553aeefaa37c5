"""Calls of a script that make a model."""

from __future__ import annotations

import re
from typing import Any

from seedproof.doctor.base import Known
from seedproof.doctor.sources.literals import Call, several, words
from seedproof.doctor.sources.script import Script

_MODEL = re.compile(r"(For(Sequence|Token)Classification|ForMultipleChoice|ForQuestionAnswering|ModelForTextEncoding)$")


def has_head(name: str) -> bool:
    """Whether a class of models, by its name, has a head that is drawn at random when an encoder is loaded into it."""
    return bool(_MODEL.search(name)) and not name.endswith("ModelForTextEncoding")


def class_of(call: Call) -> str:
    """The class of the model that a call makes: of ``X.from_pretrained`` X, else what is called."""
    return call.name.rpartition(".")[0] if call.last in ("from_pretrained", "from_config") else call.name


def is_model(call: Call) -> bool:
    """Whether a call makes an encoder: ``...ForSequenceClassification.from_pretrained``, or the class itself."""
    return bool(_MODEL.search(class_of(call)))


def model_in(value: Any) -> Call | None:
    """The call that makes a model, also inside of calls that wrap it (``get_peft_model``, ``.to``); None for anything else."""
    if not isinstance(value, Call):
        return None
    if is_model(value):
        return value
    return next((found for each in (value.base, *value.positional) if (found := model_in(each)) is not None), None)


def model_name(script: Script) -> Known | str:
    """The name or folder of the model that the script loads; else why it cannot be read, empty where it loads none."""
    calls = [call for call in script.calls if is_model(call) and call.last == "from_pretrained"]
    names = [call.argument("pretrained_model_name_or_path", 0) for call in calls]
    if not calls:
        return ""
    place = script.place(calls[0].line)
    if any(name != names[0] for name in names):
        return f"{place}: several models are loaded ({several(names)}); give one as --model"
    if not isinstance(names[0], str):
        return f"{place}: the model's name, {words(names[0])}, cannot be read without running the script; give --model"
    return Known(names[0], place)
