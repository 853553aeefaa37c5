"""Facts that the calls of a script give: arguments of the Trainer, how the model is loaded, where texts are cut."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seedproof.doctor.base import Known
from seedproof.doctor.facts import Facts
from seedproof.doctor.sources.limits import has_several
from seedproof.doctor.sources.literals import Call, is_literal, words
from seedproof.doctor.sources.optimizers import settings_of_optimizers
from seedproof.doctor.sources.script import Script, read_script
from seedproof.doctor.sources.trainer_arguments import settings_of_trainer
from seedproof.doctor.sources.weights import dtype_of_weights


def facts_of_script(path: Path, given: Mapping[str, Known]) -> Facts:
    """What a script says.

    Args:
        path: of the script.
        given: the arguments it is called with.

    Raises:
        UserError: it is no Python.
    """
    script = read_script(path, {name: known.value for name, known in given.items()})
    found = settings_of_trainer(script, given)
    settings, unread = dict(found.settings), dict(found.unread)
    more = {**settings_of_optimizers(script), "weights_dtype": dtype_of_weights(script)}
    more |= {name: known or why for name, known, why in _others(script) if known is not None or why}
    for name, known in more.items():
        settings.pop(name, None)
        unread.pop(name, None)
        if isinstance(known, Known):
            settings[name] = known
        else:
            unread[name] = known
    return Facts(settings=settings, unread=unread, script=script)


def _others(script: Script) -> list[_Found]:
    return [_max_length(script), _segments(script), _names(script), _numbering(script), _orders(script)]


_Found = tuple[str, Known | None, str]


def _tokenizers(script: Script) -> list[Call]:
    return [call for call in script.calls if "tokeniz" in call.name.lower() and call.last not in ("from_pretrained",)]


def _max_length(script: Script) -> _Found:
    name = "max_length"
    calls = [call for call in _tokenizers(script) if call.keywords.get(name) is not None]
    if not calls:
        return name, None, ""
    values = list(dict.fromkeys(words(call.keywords[name]) for call in calls))
    value, place = calls[0].keywords[name], script.place(calls[0].line)
    if len(values) > 1:
        return name, None, f"{place}: {has_several(name, tuple(call.keywords[name] for call in calls))}"
    if not isinstance(value, int) or value < 1:
        return name, None, f"{place}: max_length={words(value)} cannot be read without running the script"
    return name, Known(value, place), ""


def _segments(script: Script) -> _Found:
    """Whether pairs get segment ids: not where they are switched off, or a pair is given as one text."""
    for call in _tokenizers(script):
        if call.keywords.get("return_token_type_ids") is False:
            return "segments", Known(False, script.place(call.line)), ""
    calls = [call for call in _tokenizers(script) if len(call.positional) > 1 or "text_pair" in call.keywords]
    return "segments", Known(True, script.place(calls[0].line)) if calls else None, ""


def _names(script: Script) -> _Found:
    """``id2label`` and ``label2id``, where the script names the classes."""
    for call in script.calls:
        names, numbers = call.keywords.get("id2label"), call.keywords.get("label2id")
        if isinstance(names, dict) or isinstance(numbers, dict):
            pair = tuple(each if isinstance(each, dict) and is_literal(each) else None for each in (names, numbers))
            return "id2label", Known(pair, script.place(call.line)), ""
    return "id2label", None, ""


def _numbering(script: Script) -> _Found:
    """The names of ``ClassLabel`` in their order, or None for ``class_encode_column``, which sorts as the data's classes are."""
    name = "numbering"
    made = [call for call in script.named("ClassLabel") if call.positional or call.keywords]
    listed = [call.argument("names", 1) for call in made]
    encoded = script.named("class_encode_column")
    if not made and not encoded:
        return name, None, ""
    place = script.place((made or encoded)[0].line)
    if (made and encoded) or any(names != listed[0] for names in listed):
        return name, None, f"{place}: labels are numbered in several ways"
    if not made:
        return name, Known(None, place), ""
    if not isinstance(listed[0], (list, tuple)) or not all(isinstance(each, str) for each in listed[0]):
        return name, None, f"{place}: the names of this ClassLabel cannot be read without running the script"
    return name, Known(tuple(listed[0]), place), ""


def _orders(script: Script) -> _Found:
    """``run_seeds`` orders the data of every seed apart."""
    calls = script.named("run_seeds")
    return "orders", Known("apart", script.place(calls[0].line)) if calls else None, ""
