"""What the optimizers and schedules say that a script makes itself; they take the place of the Trainer's arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from seedproof.doctor.base import Known, Place
from seedproof.doctor.sources.limits import has_several
from seedproof.doctor.sources.literals import OPEN, Call, Each, Named, Unread, alternatives, words
from seedproof.doctor.sources.script import Script
from seedproof.doctor.sources.trainer_arguments import trainers

OF_OPTIMIZER = ("learning_rate", "eps", "beta1", "beta2", "bias_correction")
_UNCORRECTED = ("BertAdam", "AdamWeightDecayOptimizer", "AdamWeightDecay")
_TORCH = ("AdamW", "Adam")
_OWN = (*_TORCH, "FusedAdam", *_UNCORRECTED)
_SWITCHES = ("correct_bias", "bias_correction")
_WARMUP_AT: Mapping[str, int] = {
    "get_linear_schedule_with_warmup": 1,
    "get_cosine_schedule_with_warmup": 1,
    "get_cosine_with_hard_restarts_schedule_with_warmup": 1,
    "get_polynomial_decay_schedule_with_warmup": 1,
    "get_constant_schedule_with_warmup": 1,
    "get_inverse_sqrt_schedule": 1,
    "get_scheduler": 2,
}
"""Schedules of Transformers, with the position of ``num_warmup_steps``."""
_MAKING = ("create_optimizer", "create_optimizer_and_scheduler", "get_optimizer_cls_and_kwargs")
_Settings = dict[str, Known | str]
"""Settings by name, or why one cannot be read."""


def settings_of_optimizers(script: Script) -> _Settings:
    """The settings that do not come from the Trainer's arguments, because the script makes an optimizer or a schedule."""
    used = trainers(script)
    if not used:
        return _without_trainer(script)
    return _alike([_of_trainer(trainer, script) for trainer in used], script.place(used[0].line))


def _without_trainer(script: Script) -> _Settings:
    """Whether an optimizer corrects the bias, for a script with a loop of its own or whose Trainer is made elsewhere."""
    for call in script.calls:
        if any(isinstance(call.keywords.get(switch), bool) for switch in _SWITCHES) or call.last in _UNCORRECTED:
            return {"bias_correction": _correction(call, script.place(call.line))}
    made = script.named(*_OWN)
    return {"bias_correction": _correction(made[0], script.place(made[0].line))} if made else {}


def _of_trainer(trainer: Call, script: Script) -> _Settings:
    """What an optimizer and a schedule say that a Trainer is given, or that a method of its own makes."""
    place = script.place(trainer.line)
    given, chosen = trainer.keywords.get("optimizers"), trainer.keywords.get("optimizer_cls_and_kwargs")
    made = [call for call in script.calls if call.inside in _MAKING and call.last in _OWN]
    pair: Sequence[Any] = [None, None]
    if given is not None:
        pair = given if isinstance(given, (tuple, list)) and len(given) == 2 else [Unread(words(given), 0)] * 2
    elif isinstance(chosen, (tuple, list)) and len(chosen) == 2 and isinstance(chosen[0], Named):
        keywords = chosen[1] if isinstance(chosen[1], dict) else {OPEN: chosen[1]}
        pair = [Call(chosen[0].text, trainer.line, [], keywords), None]
    elif chosen is not None:
        pair = [Unread(words(chosen), 0), None]
    elif made:
        pair = [made[0] if len(made) == 1 else Unread(f"what {made[0].inside} makes", 0), None]
    elif trainer.is_open and script.named(*_OWN):
        pair = [Unread("what comes from **", 0)] * 2
    optimizers = [_of_optimizer(each, place, script) for each in alternatives(pair[0])]
    schedules = [_of_schedule(each, place, script) for each in alternatives(pair[1])]
    return {**_alike(optimizers, place), **_alike(schedules, place)}


def _alike(found: Sequence[_Settings], place: Place) -> _Settings:
    """What all say; where only some say it, or another thing, it is not known."""
    joined: _Settings = {}
    for name in dict.fromkeys(name for each in found for name in each):
        values = [each.get(name, "") for each in found]
        why = next((value for value in values if isinstance(value, str) and value), "")
        distinct = {value.value for value in values if isinstance(value, Known)}
        is_one = len(distinct) == 1 and "" not in values
        joined[name] = why or (
            values[0] if is_one else f"{place}: not every run has the same {name.replace('_', ' ')} here"
        )
    return joined


def _of_optimizer(made: Any, place: Place, script: Script) -> _Settings:
    if made is None:
        return {}
    if not isinstance(made, Call):
        return dict.fromkeys(OF_OPTIMIZER, f"{place}: the optimizer, {words(made)}, cannot be read")
    here = script.place(made.line)
    if made.last not in _OWN:
        why = f"{here}: {made.last} is no Adam whose settings are known here"
        return dict.fromkeys(OF_OPTIMIZER, why)
    is_torch = made.last in _TORCH
    betas = made.argument("betas", 2 if is_torch else None)
    pair = betas if isinstance(betas, (tuple, list)) and len(betas) == 2 else (betas, betas)
    if betas is None and is_torch and not made.is_open:
        pair = (0.9, 0.999)
    eps = made.argument("eps", 3) if is_torch else made.keywords.get("eps", made.keywords.get("e"))
    defaults = (1e-3, 1e-8) if is_torch and not made.is_open else (None, None)
    rate = made.argument("lr", 1)
    return {
        "learning_rate": _groups(made, here) or _number("lr", defaults[0] if rate is None else rate, here),
        "eps": _number("eps", defaults[1] if eps is None else eps, here),
        "beta1": _number("betas", pair[0], here),
        "beta2": _number("betas", pair[1], here),
        "bias_correction": _correction(made, here),
    }


def _groups(made: Call, place: Place) -> str:
    """Why the learning rate is not that of all weights, or may not be; empty where it is."""
    first = made.argument("params", 0)
    if isinstance(first, (tuple, list)):
        is_one = not any(isinstance(group, dict) and ({"lr", OPEN} & group.keys()) for group in first)
    elif isinstance(first, Call):
        is_one = first.last in ("parameters", "filter", "list")
    else:
        is_one = isinstance(first, (Named, Unread)) and "lr" not in first.text
        is_one = is_one and (isinstance(first, Named) or first.text.startswith(("[", "(")))
    return "" if is_one else f"{place}: groups of weights may have learning rates of their own"


def _number(name: str, value: Any, place: Place) -> Known | str:
    if isinstance(value, Each):
        return f"{place}: {has_several(name, value.values)}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return Known(value, place)
    said = (
        f"{name}={words(value)} cannot be read without running the script"
        if value is not None
        else f"no {name} is read"
    )
    return f"{place}: {said}"


def _correction(made: Call, place: Place) -> Known | str:
    for switch in _SWITCHES:
        if (value := made.keywords.get(switch)) is not None:
            why = f"{place}: {switch}={words(value)} cannot be read without running the script"
            return Known(value, place) if isinstance(value, bool) else why
    if made.is_open and made.last not in _UNCORRECTED:
        return f"{place}: some arguments of {made.last} come from **, which cannot be read"
    return Known(made.last not in _UNCORRECTED, place)


def _of_schedule(made: Any, place: Place, script: Script) -> _Settings:
    if made is None:
        return {}
    if not isinstance(made, Call) or made.last not in (*_WARMUP_AT, "get_constant_schedule"):
        what = made.last if isinstance(made, Call) else words(made)
        return {"warmup": f"{place}: the warm-up of the schedule, {what}, cannot be read"}
    here = script.place(made.line)
    name = made.argument("name", 0) if made.last == "get_scheduler" else made.last
    if name in ("constant", "get_constant_schedule"):
        return {"warmup": Known(0.0, here)}
    return {"warmup": _number("num_warmup_steps", made.argument("num_warmup_steps", _WARMUP_AT[made.last]), here)}
