"""The arguments of a script, as they stand on a command line: ``--learning_rate 2e-5 --do_train``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from seedproof.doctor.base import Known, Place
from seedproof.doctor.sources.arguments import checked
from seedproof.errors import UserError


def read_command_line(words: Sequence[str]) -> dict[str, Known]:
    """Arguments by name; one without a value is true.

    >>> read_command_line(["--seed", "3", "--do_train"])["seed"].value
    3

    The last one of a name wins, as in ``argparse``; several values are a tuple.

    Raises:
        UserError: a word that belongs to no argument, or a value that is no number where there must be one.
    """
    if words and not words[0].startswith("--"):
        raise UserError(f"{words[0]!r} belongs to none of the script's arguments; write --name value behind --")
    found: dict[str, Known] = {}
    values: list[str] = []
    for word in reversed(words):
        if not word.startswith("--"):
            values.insert(0, word)
            continue
        option, equals, value = word.partition("=")
        given = [value, *values] if equals else values or ["true"]
        read = tuple(map(_value, given))
        found.setdefault(
            option.lstrip("-").replace("-", "_"), Known(read[0] if len(read) == 1 else read, Place(option))
        )
        values = []
    return checked(found)


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
