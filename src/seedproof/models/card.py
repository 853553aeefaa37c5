"""A model's card: settings for fine-tuning in the front matter of its README.md, which anybody may have written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from seedproof.errors import UserError

KEY = "seedproof"
MOST_CARD = 2**20
"""Bytes in which the front matter must end; the longest of published models lists results in hundreds of kilobytes."""
_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*\n", re.DOTALL)


def card_settings(card: Path) -> dict[str, Any]:
    """Settings under ``seedproof:`` in a card's front matter, by field of a recipe, as YAML reads them; empty without one.

    Raises:
        UserError: the front matter uses YAML's aliases, with which a few lines can stand for gigabytes.
    """
    if not card.is_file():
        return {}
    with card.open("rb") as file:
        match = _FRONT_MATTER.match(file.read(MOST_CARD).decode("utf-8", errors="replace"))
    if match is None or KEY not in match[1]:
        return {}  # nothing of ours: a stranger's card is not even parsed
    settings = _parsed(match[1], card).get(KEY)
    return {str(name): value for name, value in settings.items()} if isinstance(settings, dict) else {}


class _WithoutAliases(yaml.SafeLoader):
    """YAML in which everything is written out."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event: Any = self.peek_event()  # type: ignore[no-untyped-call]
            raise UserError(f"alias *{event.anchor} in line {event.start_mark.line + 2}")
        return super().compose_node(parent, index)


def _parsed(front_matter: str, card: Path) -> dict[str, Any]:
    """The content of a front matter; empty where it is no valid mapping, which is no reason to stop."""
    try:
        content = yaml.load(front_matter, Loader=_WithoutAliases)  # a SafeLoader
    except UserError as error:
        raise UserError(f"the front matter of {card} uses a YAML {error}; write out what it stands for") from None
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
