"""The arguments of the Trainer that a script makes: which ones its Trainers get, and what is said in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from seedproof.doctor.base import Known
from seedproof.doctor.facts import Facts
from seedproof.doctor.sources.arguments import BASELINE, DEFAULTS, EPOCHS, LARGEST_TASK, SPACING, STABLE, settings_of
from seedproof.doctor.sources.expressions import PARSING
from seedproof.doctor.sources.limits import SEVERAL, has_several
from seedproof.doctor.sources.literals import OPEN, Call, Each, Named, alternatives, is_literal, words
from seedproof.doctor.sources.script import Script

ARGUMENTS = ("TrainingArguments", "Seq2SeqTrainingArguments", "CrossEncoderTrainingArguments")
_COPYING = ("replace", "copy", "deepcopy")
_Said = tuple[dict[str, Known], dict[str, str]]
"""What arguments say, and why others cannot be read."""


def trainers(script: Script) -> list[Call]:
    """The calls that make a Trainer; those whose order is known, if there are any."""
    return _seen([call for call in script.calls if call.last.endswith("Trainer")])


def settings_of_trainer(script: Script, given: Mapping[str, Known]) -> Facts:
    """Settings from the arguments that the script's Trainers get, or from the command line, where it takes them there."""
    used = [found for trainer in trainers(script) for found in _pointed_at(trainer.argument("args", 1))]
    if not used or None in used:
        used = [*_seen(script.named(*ARGUMENTS, STABLE))]
    calls = list(dict.fromkeys(call for call in used if call is not None))
    if calls:
        return settings_of(*_joined([_said(call, script, given) for call in calls]), is_whole=True)
    if parsers := script.named("HfArgumentParser"):
        return settings_of(*_of_command_line(parsers[0], script, given), is_whole=bool(given))
    why = f"{script.path} makes no TrainingArguments that can be read"
    return settings_of(given, dict.fromkeys(DEFAULTS, why), is_whole=False)


def _seen(calls: list[Call]) -> list[Call]:
    return [call for call in calls if call.reached] or calls


def _pointed_at(value: Any) -> Iterator[Call | None]:
    """The calls that make what a Trainer gets as its arguments; None for what cannot be followed to one."""
    for each in alternatives(value):
        if not isinstance(each, Call):
            yield None
        elif each.last in (*ARGUMENTS, STABLE, *PARSING):
            yield each
        elif each.last in _COPYING and each.positional:
            for found in _pointed_at(each.positional[0]):
                yield found and _changed(found, each)
        else:
            yield None


def _changed(call: Call, copied: Call) -> Call:
    """``dataclasses.replace(args, seed=1)`` as the call that would have made it."""
    keywords = {**call.keywords, **copied.keywords} if copied.last == "replace" else call.keywords
    return Call(call.name, copied.line, call.positional, dict(keywords), reached=call.reached)


def _said(call: Call, script: Script, given: Mapping[str, Known]) -> _Said:
    """What a call says, and what is done to its arguments afterwards."""
    if call.last in PARSING:
        return _of_command_line(call, script, given)
    known, unread = _keywords(call, script)
    for later in script.calls:
        if later.base is call and later.last.startswith("set_"):
            why = f"{script.place(later.line)}: {later.last} changes arguments in a way that is not read"
            known, unread = {}, dict.fromkeys(DEFAULTS, why)
    return (_of_baseline(call, known, unread, script), unread) if call.last == STABLE else (known, unread)


def _of_command_line(call: Call, script: Script, given: Mapping[str, Known]) -> _Said:
    why = f"{script.place(call.line)}: comes from the script's command line; give that behind --"
    known, unread = _keywords(call, script) if call.last in PARSING else ({}, {})
    absent = {} if given else {name: why for name in DEFAULTS if name not in known}
    return {**{name: each for name, each in given.items() if name not in unread}, **known}, {**absent, **unread}


def _keywords(call: Call, script: Script) -> _Said:
    """The arguments that a call gives, and why others cannot be read."""
    place = script.place(call.line)
    known: dict[str, Known] = {}
    unread: dict[str, str] = {}
    for name, written in call.keywords.items():
        value = written.values if isinstance(written, Each) and name in SEVERAL else written
        if isinstance(value, Named) and name in ("lr_scheduler_type", "optim", "train_sampling_strategy"):
            value = value.text.rpartition(".")[2].lower()
        if isinstance(value, Each):
            unread[name] = f"{place}: {has_several(name, value.values)}"
        elif not is_literal(value):
            unread[name] = f"{place}: {name}={words(value)} cannot be read without running the script"
        elif isinstance(value, tuple) and not isinstance(written, Each):
            unread[name] = f"{place}: {name}={words(value)} is a tuple"
        else:
            known[name] = Known(value, place)
    if call.is_open:
        del unread[OPEN]
        why = f"{place}: some arguments come from * or **, which cannot be read without running the script"
        names = (*DEFAULTS, "warmup_ratio", "group_by_length", "train_sampling_strategy", "metric_for_best_model")
        unread |= {name: why for name in names if name not in known and name not in unread}
    return known, unread


def _joined(all_said: Sequence[_Said]) -> _Said:
    """What the arguments of several Trainers say alike; each may have seeds of its own."""
    if len(all_said) == 1:
        return all_said[0]
    known: dict[str, Known] = {}
    unread = {name: why for _, more in all_said for name, why in more.items()}
    for name, first in {name: each for said, _ in all_said for name, each in said.items()}.items():
        values = [said[name].value if name in said else DEFAULTS.get(name) for said, _ in all_said]
        if name in unread:
            continue
        if name in SEVERAL and None not in values:
            flat = [one for value in values for one in (value if isinstance(value, tuple) else (value,))]
            known[name] = Known(tuple(dict.fromkeys(flat)), first.place)
        elif all(value == values[0] for value in values):
            known[name] = first
        else:
            distinct = [value for index, value in enumerate(values) if value not in values[:index]]
            unread[name] = f"{first.place}: {has_several(name, distinct)}"
    return known, unread


def _of_baseline(call: Call, known: dict[str, Known], unread: dict[str, str], script: Script) -> dict[str, Known]:
    """The arguments that ``seedproof.connect.stable_arguments`` gives; the number of epochs follows from that of examples."""
    place = script.place(call.line)
    found = {name: Known(value, place) for name, value in BASELINE.items() if name not in unread} | known
    examples = call.argument("examples", 0)
    if "num_train_epochs" not in {*found, *unread}:
        if isinstance(examples, int) and not isinstance(examples, bool) and examples <= LARGEST_TASK:
            found["num_train_epochs"] = Known(EPOCHS, place)
        else:
            unread["num_train_epochs"] = (
                f"{place}: the epochs follow from the examples, {words(examples)}, which are not read"
            )
    if "seed" in known:  # the number of a run: seeds of the Trainer are spaced
        value = known["seed"].value
        found["seed"] = Known(
            tuple(SPACING * each for each in value) if isinstance(value, tuple) else SPACING * value, place
        )
    return found
