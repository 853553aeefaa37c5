"""What goes wrong in recording ends the recording, never the training: what a Trainer or its model calls goes through here."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

Given = ParamSpec("Given")
Stumbled = Callable[[Exception], None]
"""Told what went wrong; raises nothing itself."""


def quiet(act: Callable[Given, None], stumbled: Stumbled) -> Callable[Given, None]:
    """The same act, whose exceptions are told and go no further."""

    @wraps(act)
    def acted(*args: Given.args, **kwargs: Given.kwargs) -> None:
        try:
            act(*args, **kwargs)
        except Exception as error:
            stumbled(error)

    return acted
