"""Every field of a recipe in words, read from the recipes' own source: ``seedproof ls fields`` and docs/recipes.md.

python -m seedproof.recipes.explained > docs/recipes.md
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from seedproof.recipes import METHODS, RECIPES, Recipe, family_defaults
from seedproof.renamed import FORMER

FAMILIES = ("bert", "roberta", "albert")
"""Whose own defaults stand in the page; every other family has BERT's."""


_OF_NO_MODEL = {"new_head": "false"}
"""Fields that came later and mean the same for every model."""
_OF_THE_MODEL = (
    "learning_rate",
    *(name for kind in METHODS.values() for name in kind.ADDED if name not in _OF_NO_MODEL),
)


@dataclass(frozen=True)
class Explained:
    """One field of a recipe."""

    name: str
    method: str
    """The method that has it; ``fine-tuning`` are the fields of every recipe."""
    allowed: str
    default: str
    meaning: str

    @property
    def of_method(self) -> str:
        """`` (mixout)`` behind a field that only this method has, else nothing."""
        return "" if self.method == Recipe.method else f" ({self.method})"


def fields() -> list[Explained]:
    """All fields of all methods, in the order of their declaration, each once."""
    return [field for kind in METHODS.values() for field in _fields_of(kind)]


def page() -> str:
    """The text of docs/recipes.md."""
    lines = [
        "# Recipes and their fields",
        "",
        "Written by `python -m seedproof.recipes.explained > docs/recipes.md` from the recipes' source; a test holds the two",
        "together. `seedproof ls fields` prints the fields in a terminal.",
        "",
        'A recipe is written `mosbach`, `mosbach(epochs=10)`, in Python `sp.recipe("mosbach", epochs=10)`, in a study file as',
        "a name or a table. `--set epochs=10` sets a field of every recipe of a command. `--dry-run` shows the value of every",
        "field and where it comes from: the user, the recipe, the model's card, the family's default.",
        "",
        "## Named recipes",
        "",
        "| recipe | what it is |",
        "| --- | --- |",
        *(f"| `{name}` | {recipe.description} |" for name, recipe in RECIPES.items()),
        "",
        "## Fields",
        "",
        "| field | allowed | default | meaning |",
        "| --- | --- | --- | --- |",
        *(f"| `{each.name}`{each.of_method} | {each.allowed} | {each.default} | {each.meaning} |" for each in fields()),
        "",
        "Former names, which stored recipes keep and users may write for one version more: "
        + ", ".join(f"`{former}` is `{name}`" for former, name in FORMER.items())
        + ".",
        "",
        "## Defaults of the families",
        "",
        f"| field | {' | '.join(FAMILIES)} |",
        f"| --- |{' --- |' * len(FAMILIES)}",
        *(
            f"| `{name}` | {' | '.join(str(family_defaults(each)[name]) for each in FAMILIES)} |"
            for name in family_defaults("bert")
        ),
        "",
        "Sources: Mosbach et al. 2021 (arXiv 2006.04884), section 2 and the released code; where the two differ, the code.",
    ]
    return "\n".join(lines) + "\n"


def _fields_of(kind: type[Recipe]) -> Iterator[Explained]:
    meanings = _docstrings(kind)
    for name, allowed in kind.field_types().items():
        if name in meanings:  # else it is the base's, and explained there
            words = allowed.expected.removesuffix(", or none for the default")
            yield Explained(name, kind.method, words, _default(name, getattr(kind, name)), meanings[name])


def _default(name: str, value: object) -> str:
    if name == "select_metric":
        return "the task's"
    if value is None:
        return (
            "the family's"
            if name in family_defaults("bert")
            else "the model's"
            if name in _OF_THE_MODEL
            else _OF_NO_MODEL.get(name, "none")
        )
    return f"{value:g}" if isinstance(value, float) else str(value).lower()


def _docstrings(kind: type[Recipe]) -> dict[str, str]:
    """The text below each field of a class, by field; what a field without one is."""
    body = next(iter(ast.parse(textwrap.dedent(inspect.getsource(kind))).body))
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    for statement, below in zip(body.body, [*body.body[1:], None], strict=True):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            found[statement.target.id] = _text(below)
    return found


def _text(statement: ast.stmt | None) -> str:
    """A docstring as one line of Markdown, without the roles of Sphinx."""
    if not (isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)):
        return ""
    words = " ".join(str(statement.value.value).split())
    return re.sub(r":\w+:`~?\.?([\w.]+)`", r"`\1`", words).replace("``", "`").replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")
