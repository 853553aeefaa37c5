"""The precision in which a script keeps the weights that it trains."""

from __future__ import annotations

from typing import Any

from seedproof.doctor.base import Known, Place
from seedproof.doctor.sources.literals import Call, Named, words
from seedproof.doctor.sources.models import is_model, model_in
from seedproof.doctor.sources.script import Script
from seedproof.doctor.sources.trainer_arguments import trainers

_SIXTEEN = ("float16", "bfloat16")
_KINDS = (*_SIXTEEN, "float32", "float64")
_METHODS = {"half": "float16", "bfloat16": "bfloat16", "float": "float32", "double": "float64"}
_STEPS = ("backward", "fit")
"""Methods of a training that no Trainer does."""


def dtype_of_weights(script: Script) -> Known | str:
    """What the trained model is loaded with, or is turned into before it is trained; else why that is not known."""
    given = [model_in(trainer.argument("model", 0)) for trainer in trainers(script)]
    models = [model for model in given if model is not None]
    if not models or len(models) < len(given):
        models = [call for call in script.calls if is_model(call)]
    if not models:
        return f"{script.path} loads no model that can be read"
    found = [_kept(model, script) for model in dict.fromkeys(models)]
    why = next((each for each in found if isinstance(each, str)), None)
    distinct = list(dict.fromkeys(each.value for each in found if isinstance(each, Known)))
    if why is None and len(distinct) > 1:
        return f"{script.place(models[0].line)}: several models are loaded, in {' and '.join(distinct)}"
    return found[0] if why is None else why


def _kept(model: Call, script: Script) -> Known | str:
    turned: Known | None = None
    for index, call in enumerate(script.calls):
        kind = _turning(call)
        if kind is None or model_in(call.base) is not model:
            continue
        place = script.place(call.line)
        if not call.reached:
            return f"{place}: whether weights become {kind} before they are trained cannot be seen"
        if not _is_after_training(index, model, script):
            turned = Known(kind, place)
    return turned or _loaded(model, script.place(model.line))


def _turning(call: Call) -> str | None:
    """What a call turns the weights of a model into; None for any other."""
    if call.last in _METHODS and not call.positional:
        return _METHODS[call.last]
    given = [_dtype(each) for each in (*call.positional, call.keywords.get("dtype"))] if call.last == "to" else []
    return next((kind for kind in given if kind in _KINDS), None)


def _is_after_training(index: int, model: Call, script: Script) -> bool:
    """Whether a call stands behind all training, and no loop leads from it to training with the same model."""
    steps = [place for place, call in enumerate(script.calls) if _is_training(call)]
    if not steps or index < steps[-1]:
        return False
    around = {*script.calls[index].loops} - {*model.loops}
    return not any(around & {*script.calls[place].loops} for place in steps)


def _is_training(call: Call) -> bool:
    return call.last in _STEPS or (
        call.last == "train" and isinstance(call.base, Call) and model_in(call.base) is not call.base
    )


def _loaded(model: Call, place: Place) -> Known | str:
    value = model.keywords.get("dtype", model.keywords.get("torch_dtype"))
    if value is None:
        if model.is_open:
            return f"{place}: some arguments come from * or **"
        said = Known("auto", Place(f"{place}, the default of from_pretrained since Transformers 5"))
        return said if model.last == "from_pretrained" else Known("float32", place)
    if (dtype := _dtype(value)) is None:
        return f"{place}: dtype={words(value)} cannot be read without running the script"
    return Known(dtype, place)


def _dtype(value: Any) -> str | None:
    """``torch.bfloat16`` and ``"bfloat16"`` as ``bfloat16``; None for what is no dtype that was read."""
    text = value.text.rpartition(".")[2] if isinstance(value, Named) else value if isinstance(value, str) else None
    text = {"half": "float16", "float": "float32"}.get(text, text) if text else None
    return text if text in (*_KINDS, "auto") else None
