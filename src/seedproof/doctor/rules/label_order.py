"""Labels whose order differs between the training data and the model's names for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from seedproof.display import some
from seedproof.doctor.base import Finding, Known, Place, Rule, Unknown
from seedproof.doctor.facts import Facts


class LabelOrder(Rule):
    """``id2label`` names the outputs otherwise than they were trained."""

    id = "label-order"
    severity = "serious"
    what = (
        "id2label, of the model or the script, has the classes of the data in another order, or contradicts label2id."
    )
    why = "The model is right and its answers are read as others: scores computed from names are wrong, and so is every pipeline."
    source = "huggingface/transformers issue 28589 (wrong id2label written)"
    change = "Set id2label and label2id from the classes in the order in which labels are numbered, before training."
    needs = ("data",)

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding for each list of names that has the data's classes in another order."""
        if not (classes := facts.task.classes):
            return
        compared = False
        for known in _named(facts):
            names, other = known.value
            if other and {name: index for index, name in names.items()} != other:
                compared = True
                yield self.found(f"id2label {_short(names)} and label2id {_short(other)} disagree", place=known.place)
            listed = [names[index] for index in sorted(names)]
            folded, wanted = [name.casefold() for name in listed], [name.casefold() for name in classes]
            if sorted(folded) != sorted(wanted):
                continue
            compared = True
            wrong = [index for index, pair in enumerate(zip(folded, wanted, strict=True)) if pair[0] != pair[1]]
            if wrong:
                yield self.found(
                    f"{len(wrong)} of {len(classes)} classes have another number: id2label is {', '.join(listed[:8])}, the "
                    f"data's order is {', '.join(classes[:8])}",
                    numbers={"classes": len(classes), "moved": len(wrong)},
                    place=known.place,
                )
        if not compared:
            raise Unknown(
                f"no model or script given has an id2label with the names of the data's classes ({some(classes, 4)})"
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
