"""Options that say how a person's own table becomes a task: the same flags, and help, for every command that takes one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from seedproof.errors import UserError

if TYPE_CHECKING:
    from seedproof.methods.class_weights import ClassWeights

Dev = Annotated[Path | None, typer.Option(help="Development set of your own task [default: a 20 % split].")]
Text = Annotated[str | None, typer.Option(help="Column of the text, for your own task.")]
TextPair = Annotated[str | None, typer.Option(help="Column of the second text.")]
Label = Annotated[
    list[str] | None,
    typer.Option(help="Column of the label; again for more: columns of yes and no, where a text may have several."),
]
LabelSeparator = Annotated[
    str | None, typer.Option(help="What stands between two labels of a text, in one column that lists them.")
]
KindOption = Annotated[
    str | None, typer.Option(help="classification, regression or multi-label [default: by the labels].")
]
Group = Annotated[
    str | None, typer.Option(help="Column of what a row belongs to (a document): no group is in both parts of a split.")
]
Id = Annotated[str | None, typer.Option(help="Column of what a row is called.")]
QuotingOption = Annotated[
    str | None, typer.Option(help="standard, or none: double quotes in your CSV or TSV are plain characters.")
]
SplitSeed = Annotated[int | None, typer.Option(help="Seed of the 20 % split. [default: 0]")]
MetricOption = Annotated[
    str | None,
    typer.Option(
        help="Judge by it: accuracy, f1:CLASS, macro_f1, mae, ... [default: the task's; matthews if a class is rare]."
    ),
]
ClassWeightsOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="balanced|NAME=W",
        help="Weigh the loss by class: balanced, or NAME=W for each class that has not 1 (the method class_weights).",
    ),
]


def labels_of(given: list[str] | None) -> str | list[str] | None:
    """The one column of ``--label``, or the list of several."""
    return given[0] if given and len(given) == 1 else given or None


def class_weights_of(given: list[str] | None) -> ClassWeights | None:
    """The method that ``--class-weights`` asks for; None where it was not given.

    Raises:
        UserError: both balanced and a weight, a class twice, or no number.
    """
    from seedproof.methods.class_weights import BALANCED, ClassWeights

    if not given:
        return None
    if BALANCED in given:
        if len(given) > 1:
            raise UserError(f"--class-weights {BALANCED} leaves nothing to {given[-1]!r}; give one or the other")
        return ClassWeights()
    weights: dict[str, float] = {}
    for each in given:
        name, equals, number = each.rpartition("=")
        if not equals or not name:
            raise UserError(f"--class-weights {each!r} is neither {BALANCED} nor NAME=W, such as spam=5")
        if name in weights:
            raise UserError(f"--class-weights names the class {name!r} twice; give it once")
        try:
            weights[name] = float(number)
        except ValueError:
            raise UserError(f"--class-weights {each!r}: {number!r} is no number") from None
    return ClassWeights.of(weights)
