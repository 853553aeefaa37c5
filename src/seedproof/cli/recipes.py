"""The recipes of a study as they are before anything runs: what differs, or every value with where it comes from."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table

from seedproof.cli.streams import WIDTH_WITHOUT_TERMINAL, say
from seedproof.recipes.naming import is_named
from seedproof.report.console import Console

if TYPE_CHECKING:
    from seedproof.recipes import Resolved
    from seedproof.study.study import Study

ALWAYS = "learning_rate"
"""The one field whose value is worth a line whatever it is: every model has its own."""


def print_recipes(study: Study, *, verbose: bool, err: bool = True) -> None:
    """Show the resolved recipes of each model of a study."""
    from seedproof.models.source import find_model

    for name in study.models:
        resolved = study.resolved(find_model(str(name)))
        if verbose:
            say(f"Recipes for {name} (values without a remark are the recipe's own):", err=err)
            _print_tables(resolved, err)
        else:
            say(f"Recipes for {name}, what differs (--verbose shows every value):", err=err)
            for one, texts in zip(resolved, differing(resolved), strict=True):
                say(f"  {one.recipe.name}: {', '.join(texts)}", err=err)
        say("", err=err)


def differing(recipes: Sequence[Resolved]) -> list[list[str]]:
    """What each recipe says of itself: the fields in which it differs from its named recipe, or all differ among them."""
    rows = [_values(one) for one in recipes]
    shown = [
        field
        for field in dict.fromkeys(field for row in rows for field in row)
        if field == ALWAYS
        or len({row.get(field, ("", ""))[0] for row in rows}) > 1
        or any(one.origins.get(field) == "user" or is_named(field, one.recipe.name) for one in recipes)
    ]
    return [[f"{field}={_remarked(*row[field])}" for field in shown if field in row] for row in rows]


def _values(resolved: Resolved) -> dict[str, tuple[str, str]]:
    """Value and origin by field."""
    from seedproof.recipes import describe

    return {row.field: (_value(row.value), row.origin) for row in describe(resolved)}


def _remarked(value: str, origin: str) -> str:
    """A value that its own recipe sets needs no remark; all others say where they came from."""
    return value if origin == "recipe" else f"{value} ({origin})"


def _print_tables(recipes: Sequence[Resolved], err: bool) -> None:
    """Every value, a column per recipe; a table per recipe where the terminal is too narrow for all."""
    stream = sys.stderr if err else sys.stdout
    console = Console(stderr=err, highlight=False, width=None if stream.isatty() else WIDTH_WITHOUT_TERMINAL)
    table = _table(recipes)
    wide = console.options.update(width=10_000)
    is_narrow = len(recipes) > 1 and Measurement.get(console, wide, table).maximum > console.width
    for part in [_table([one]) for one in recipes] if is_narrow else [table]:
        console.print(part)


def _table(recipes: Sequence[Resolved]) -> Table:
    rows = [_values(one) for one in recipes]
    table = Table("field", *[escape(one.recipe.name) for one in recipes], box=None, padding=(0, 2, 0, 0))
    for field in dict.fromkeys(field for row in rows for field in row):
        texts = [_remarked(*row[field]) if field in row else "" for row in rows]
        table.add_row(field, *map(escape, texts))
    return table


def _value(value: object) -> str:
    return "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
