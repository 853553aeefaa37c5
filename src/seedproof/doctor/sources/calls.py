"""Facts that the calls of a script give: arguments of the Trainer, how the model is loaded, where texts are cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from seedproof.doctor.base import Known, Place
from seedproof.doctor.facts import Facts
from seedproof.doctor.sources.arguments import BASELINE, DEFAULTS, EPOCHS, LARGEST_TASK, SPACING, STABLE, settings_of
from seedproof.doctor.sources.literals import Call, Each, Named, Unread, is_literal
from seedproof.doctor.sources.script import Script, read_script

_MODEL = re.compile(r"(For(Sequence|Token)Classification|ForMultipleChoice|ForQuestionAnswering|ModelForTextEncoding)$")
ARGUMENTS = ("TrainingArguments", "Seq2SeqTrainingArguments", "CrossEncoderTrainingArguments")
_UNCORRECTED = ("BertAdam", "AdamWeightDecayOptimizer", "AdamWeightDecay")
_SWITCHES = ("correct_bias", "bias_correction")
_OWN_OPTIMIZERS = ("AdamW", "Adam", "FusedAdam", "AdamWeightDecay", "BertAdam")


def has_head(name: str) -> bool:
    """Whether a class of models, by its name, has a head that is drawn at random when an encoder is loaded into it."""
    return bool(_MODEL.search(name)) and not name.endswith("ModelForTextEncoding")


def is_model(call: Call) -> bool:
    """Whether a call makes a model with a head: ``...ForSequenceClassification.from_pretrained``, or the class itself."""
    if call.last in ("from_pretrained", "from_config"):
        return bool(_MODEL.search(call.name.rpartition(".")[0]))
    return bool(_MODEL.search(call.name))


def facts_of_script(path: Path, given: Mapping[str, Known]) -> Facts:
    """What a script says.

    Args:
        path: of the script.
        given: the arguments it is called with.

    Raises:
        UserError: it is no Python.
    """
    script = read_script(path, {name: known.value for name, known in given.items()})
    found = _arguments(script, given)
    settings, unread = dict(found.settings), dict(found.unread)
    for name, known, why in (
        _weights(script),
        _max_length(script),
        _segments(script),
        _correction(script),
        _names(script),
        _numbering(script),
        _orders(script),
    ):
        if known is not None or why:
            settings.pop(name, None)
            unread.pop(name, None)
        settings |= {name: known} if known is not None else {}
        unread |= {name: why} if why else {}
    return Facts(settings=settings, unread=unread, script=script)


def model_in(value: Any) -> Call | None:
    """The call that makes a model, also inside of calls that wrap it (``get_peft_model``, ``.to``); None for anything else."""
    if not isinstance(value, Call):
        return None
    if is_model(value):
        return value
    return next((found for each in (value.base, *value.positional) if (found := model_in(each)) is not None), None)


def _arguments(script: Script, given: Mapping[str, Known]) -> Facts:
    """Settings from the first call of ``TrainingArguments``, or from the command line, where it takes them there."""
    calls = sorted(script.named(*ARGUMENTS, STABLE), key=lambda call: not call.reached)
    if calls:
        known, unread = _keywords(calls[0], script.place(calls[0].line))
        further = [_keywords(call, script.place(call.line))[0].get("seed") for call in calls[1:] if call.reached]
        if "seed" in known and (seeds := [each.value for each in (known["seed"], *further) if each is not None])[1:]:
            known["seed"] = Known(tuple(dict.fromkeys(_flat(seeds))), known["seed"].place)
        return settings_of(known, unread, is_whole=True)
    if parsers := script.named("HfArgumentParser"):
        why = f"{script.place(parsers[0].line)}: comes from the script's command line; give that behind --"
        return settings_of(given, {} if given else dict.fromkeys(DEFAULTS, why), is_whole=bool(given))
    why = f"{script.path} makes no TrainingArguments that can be read"
    return settings_of(given, dict.fromkeys(DEFAULTS, why), is_whole=False)


def _keywords(call: Call, place: Place) -> tuple[dict[str, Known], dict[str, str]]:
    """The arguments that a call gives, and why others cannot be read."""
    known: dict[str, Known] = {}
    unread: dict[str, str] = {}
    for name, written in call.keywords.items():
        value = written.values if isinstance(written, Each) else written
        if isinstance(value, Named) and name in ("lr_scheduler_type", "optim"):
            value = value.text.rpartition(".")[2].lower()
        if not is_literal(value):
            unread[name] = f"{place}: {name}={_words(value)} cannot be read without running the script"
        elif _is_number(DEFAULTS.get(name)) and not _is_number(value) and not isinstance(value, tuple):
            unread[name] = f"{place}: {name}={value!r} is no number"
        else:
            known[name] = Known(value, place)
    if call.is_open:
        why = f"{place}: some arguments come from * or **, which cannot be read without running the script"
        unread |= {name: why for name in DEFAULTS if name not in known and name not in unread}
    return (_of_baseline(call, known, unread, place), unread) if call.last == STABLE else (known, unread)


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        yield from value if isinstance(value, tuple) else (value,)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _of_baseline(call: Call, known: dict[str, Known], unread: dict[str, str], place: Place) -> dict[str, Known]:
    """The arguments that ``seedproof.connect.stable_arguments`` gives; the number of epochs follows from that of examples."""
    found = {name: Known(value, place) for name, value in BASELINE.items() if name not in unread} | known
    examples = call.argument("examples", 0)
    if "num_train_epochs" not in {*found, *unread}:
        if _is_number(examples) and examples <= LARGEST_TASK:
            found["num_train_epochs"] = Known(EPOCHS, place)
        else:
            unread["num_train_epochs"] = (
                f"{place}: the epochs follow from the examples, {_words(examples)}, which are not read"
            )
    if "seed" in known:  # the number of a run: seeds of the Trainer are spaced
        value = known["seed"].value
        found["seed"] = Known(
            tuple(SPACING * each for each in value) if isinstance(value, tuple) else SPACING * value, place
        )
    return found


_Found = tuple[str, Known | None, str]


def _weights(script: Script) -> _Found:
    """The precision in which the weights are kept: what the model is loaded with, or is turned into."""
    name = "weights_dtype"
    loaded = [call for call in script.calls if is_model(call)]
    for call in script.calls:
        if model_in(call.base) is None:
            continue
        if call.last in ("half", "bfloat16") and not call.positional:
            return name, Known("float16" if call.last == "half" else "bfloat16", script.place(call.line)), ""
        if call.last == "to" and _dtype(call.argument("dtype", 0)) in _SIXTEEN:
            return name, Known(_dtype(call.argument("dtype", 0)), script.place(call.line)), ""
    if not loaded:
        return name, None, f"{script.path} loads no model that can be read"
    call = loaded[0]
    place = script.place(call.line)
    value = call.keywords.get("dtype", call.keywords.get("torch_dtype"))
    if value is None:
        why = f"{place}: some arguments come from * or **" if call.is_open else ""
        said = None if why else Known("auto", Place(f"{place}, the default of from_pretrained since Transformers 5"))
        return name, said if call.last == "from_pretrained" else Known("float32", place), why
    if (dtype := _dtype(value)) is None:
        return name, None, f"{place}: dtype={_words(value)} cannot be read without running the script"
    return name, Known(dtype, place), ""


_SIXTEEN = ("float16", "bfloat16")


def _dtype(value: Any) -> str | None:
    """``torch.bfloat16`` and ``"bfloat16"`` as ``bfloat16``; None for what is no dtype that was read."""
    text = value.text.rpartition(".")[2] if isinstance(value, Named) else value if isinstance(value, str) else None
    text = {"half": "float16", "float": "float32"}.get(text, text) if text else None
    return text if text in (*_SIXTEEN, "float32", "float64", "auto") else None


def _tokenizers(script: Script) -> list[Call]:
    return [call for call in script.calls if "tokeniz" in call.name.lower() and call.last not in ("from_pretrained",)]


def _max_length(script: Script) -> _Found:
    for call in _tokenizers(script):
        value = call.keywords.get("max_length")
        place = script.place(call.line)
        if isinstance(value, int):
            return "max_length", Known(value, place), ""
        if value is not None:
            return "max_length", None, f"{place}: max_length={_words(value)} cannot be read without running the script"
    return "max_length", None, ""


def _segments(script: Script) -> _Found:
    """Whether pairs get segment ids: not where they are switched off, or a pair is given as one text."""
    for call in _tokenizers(script):
        if call.keywords.get("return_token_type_ids") is False:
            return "segments", Known(False, script.place(call.line)), ""
    calls = [call for call in _tokenizers(script) if len(call.positional) > 1 or "text_pair" in call.keywords]
    return "segments", Known(True, script.place(calls[0].line)) if calls else None, ""


def _correction(script: Script) -> _Found:
    """What an optimizer that the script makes itself says of bias correction; it takes the place of ``optim``."""
    name = "bias_correction"
    for call in script.calls:
        place = script.place(call.line)
        for switch in _SWITCHES:
            if isinstance(call.keywords.get(switch), bool):
                return name, Known(call.keywords[switch], place), ""
        if call.last in _UNCORRECTED:
            return name, Known(False, place), ""
    made = [call for call in script.calls if call.last in _OWN_OPTIMIZERS]
    if made:  # torch's own correct
        return name, Known(True, script.place(made[0].line)), ""
    trainers = [call for call in script.calls if call.last.endswith("Trainer") and "optimizers" in call.keywords]
    if trainers:
        return name, None, f"{script.place(trainers[0].line)}: the optimizer in optimizers= cannot be read"
    return name, None, ""


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


def model_name(script: Script) -> Known | None:
    """The name or folder of the model that the script loads, where it can be read."""
    for call in script.calls:
        if is_model(call) and isinstance(name := call.argument("pretrained_model_name_or_path", 0), str):
            return Known(name, script.place(call.line))
    return None


def _words(value: Any) -> str:
    return value.text if isinstance(value, (Unread, Named)) else "..." if isinstance(value, Call) else repr(value)[:40]
