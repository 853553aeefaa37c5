"""Labels whose order differs between the training data and the model's names for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from seedproof.display import some
from seedproof.doctor.base import Finding, Known, Place, Rule, Unknown
from seedproof.doctor.facts import Facts


class LabelOrder(Rule):
    """``id2label`` names the outputs otherwise than they were trained."""

    id = "label-order"
    severity = "serious"
    what = (
        "id2label, of the model or the script, contradicts label2id, or has the classes in another order than the labels are "
        "numbered in. That order is known of labels that are numbers from 0 on, of ClassLabel and class_encode_column in the "
        "script, and of runs of seedproof; a script may number labels as it likes."
    )
    why = "The model is right and its answers are read as others: scores computed from names are wrong, and so is every pipeline."
    source = "huggingface/transformers issue 28589 (wrong id2label written)"
    change = "Set id2label and label2id from the classes in the order in which labels are numbered, before training."
    needs = ("data",)

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding for each list of names that has the data's classes in another order."""
        if not (classes := facts.task.classes):
            return
        compared, why = False, ""
        for known in _named(facts):
            names, other = known.value
            if other:
                compared = True
                if {name: index for index, name in names.items()} != other:
                    yield self.found(
                        f"id2label {_short(names)} and label2id {_short(other)} disagree",
                        numbers={"classes": len(names)},
                        place=known.place,
                    )
            listed = [names[index] for index in sorted(names)]
            if sorted(name.casefold() for name in listed) != sorted(name.casefold() for name in classes):
                continue
            try:
                order, whose = _numbering(facts, classes)
            except Unknown as error:
                why = str(error)
                continue
            compared = True
            yield from self._moved(listed, order, whose, known.place)
        if not compared:
            raise Unknown(
                why
                or f"no model or script given has an id2label with the names of the data's classes ({some(classes, 4)})"
            )

    def _moved(self, listed: list[str], order: Sequence[str], whose: str, place: Place) -> Iterable[Finding]:
        """A finding where the names stand in another order than the labels are numbered in."""
        pairs = zip(listed, order, strict=False)
        wrong = sum(name.casefold() != wanted.casefold() for name, wanted in pairs)
        if wrong:
            yield self.found(
                f"{wrong} of {len(order)} classes have another number: id2label is {', '.join(listed[:8])}, the order of {whose} "
                f"is {', '.join(order[:8])}",
                numbers={"classes": len(order), "moved": wrong},
                place=place,
            )


def _numbering(facts: Facts, classes: Sequence[str]) -> tuple[Sequence[str], str]:
    """The classes in the order in which the labels are numbered, and whose order that is.

    Raises:
        Unknown: it cannot be seen.
    """
    if "numbering" in facts.settings:
        names = facts.value("numbering")
        return (classes, "the data, which class_encode_column takes") if names is None else (names, "ClassLabel")
    if facts.engine == "seedproof" or [*classes] == [str(index) for index in range(len(classes))]:
        return classes, "the data"
    raise Unknown(
        facts.unread.get("numbering")
        or "id2label has the data's classes, but nothing given says how the labels are numbered in training; give the script "
        "that does it by ClassLabel, class_encode_column or label2id"
    )


def _named(facts: Facts) -> Iterable[Known]:
    """``id2label`` and ``label2id`` of the script or a finished run, and of the model, where they are names."""
    found = [facts.settings["id2label"]] if "id2label" in facts.settings else []
    if facts.model is not None:
        file = facts.model.folder / "config.json"
        found.append(
            Known((facts.model.config.get("id2label"), facts.model.config.get("label2id")), Place(str(file), file))
        )
    for known in found:
        names, numbers = (_as_numbers(value) for value in known.value)
        if names and not all(re.fullmatch(r"LABEL_\d+", name) for name in names.values()):
            yield Known((names, {name: index for index, name in (numbers or {}).items()}), known.place)


def _as_numbers(value: Any) -> dict[int, str]:
    """Names by number, from either of the two mappings; empty for what is none."""
    if not isinstance(value, Mapping):
        return {}
    pairs = [(key, name) if isinstance(name, str) else (name, key) for key, name in value.items()]
    try:
        return {int(index): str(name) for index, name in pairs}
    except (TypeError, ValueError):
        return {}


def _short(names: Mapping[Any, Any]) -> str:
    return ", ".join(f"{key}: {value}" for key, value in list(names.items())[:8])
