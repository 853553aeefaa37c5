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

from seedproof.methods import METHODS, Method
from seedproof.recipes import RECIPES, Recipe, family_defaults
from seedproof.renamed import FORMER

FAMILIES = ("bert", "roberta", "albert")
"""Whose own defaults stand in the page; every other family has BERT's."""


_KINDS: tuple[type[Recipe] | type[Method], ...] = (Recipe, *METHODS.values())
_OF_NO_MODEL = {"new_head": "false", "starts": "the methods'"}
"""Fields that came later and that no model decides, with their defaults."""
_OF_THE_MODEL = ("learning_rate", *(name for kind in _KINDS for name in kind.ADDED if name not in _OF_NO_MODEL))


@dataclass(frozen=True)
class Explained:
    """One setting of a recipe."""

    name: str
    """Full name: ``epochs``, or ``llrd.decay`` of a method."""
    method: str
    """The method that has it; ``fine-tuning`` are the fields of every recipe."""
    allowed: str
    default: str
    meaning: str

    @property
    def of_method(self) -> str:
        """`` (mixout)`` behind a setting that does not name its method itself, else nothing."""
        return "" if self.method == Recipe.method or "." in self.name else f" ({self.method})"


def fields() -> list[Explained]:
    """All fields of recipes, then of the methods, in the order of their declaration."""
    return [field for kind in _KINDS for field in fields_of(kind)]


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
        "## Methods",
        "",
        "A method does more than values can say. It stands behind a recipe, with settings of its own: `mosbach +",
        'mixout(p=0.3)`; in Python `sp.recipe("mosbach") + sp.method("mixout", p=0.3)`; in a study file also',
        '`{ name = "mosbach", methods = [{ name = "mixout", p = 0.3 }] }`. `--set NAME.SETTING=VALUE` sets one of its settings',
        "(`mixout.p`). Several start in the order in which they are written, but mixout behind what draws weights anew; where",
        "the order makes no difference it is no part of a run's id. Methods with code of their own in a step train in the",
        "plain engine alone.",
        "",
        "| method | engines | what it does |",
        "| --- | --- | --- |",
        *(f"| `{name}` | {engines(kind)} | {kind.description} |" for name, kind in METHODS.items()),
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


def engines(method: type[Method]) -> str:
    """The engines that train with a method."""
    return "plain, fleet" if method.in_fleet else "plain"


def fields_of(kind: type[Recipe] | type[Method]) -> Iterator[Explained]:
    """The settings of recipes, or of a method, in the order of their declaration."""
    meanings = _docstrings(kind)
    for name, allowed in kind.field_types().items():
        words = allowed.expected.removesuffix(", or none for the default")
        full, owner = (name, kind.method) if issubclass(kind, Recipe) else (kind.key(name), kind.name)
        yield Explained(full, owner, words, _default(name, getattr(kind, name)), meanings[name])


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


def _docstrings(kind: type) -> dict[str, str]:
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
