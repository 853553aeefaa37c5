"""``seedproof doctor``: what threatens the stability of a training, or the truth of its score."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from seedproof.cli import completion, own_table
from seedproof.cli.streams import say
from seedproof.errors import UserError


def doctor(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE...] [-- SCRIPT ARGUMENTS]",
            help="A study (folder or .toml), TrainingArguments (.json), trainer_state.json or its folder, a script (.py); "
            "behind -- the arguments of a script.",
        ),
    ] = None,
    recipe: Annotated[
        list[str] | None, typer.Option(help="A recipe of seedproof.", autocompletion=completion.recipes)
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="The data: a task's name or your table.", autocompletion=completion.tasks)
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="miniature/..., a folder, or a name on the hub.", autocompletion=completion.models),
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the GLUE download, for glue/... tasks.")] = None,
    dev: own_table.Dev = None,
    text: own_table.Text = None,
    text_pair: own_table.TextPair = None,
    label: own_table.Label = None,
    label_separator: own_table.LabelSeparator = None,
    kind: own_table.KindOption = None,
    group: own_table.Group = None,
    id: own_table.Id = None,
    quoting: own_table.QuotingOption = None,
    split_seed: own_table.SplitSeed = None,
    metric: Annotated[
        str | None, typer.Option(help="That judges [default: what the sources say, or the task's].")
    ] = None,
    seeds: Annotated[
        str | None, typer.Option(metavar="N|A,B,...", help="Seeds that will be run: N for 0 to N - 1, or a list.")
    ] = None,
    difference: Annotated[float, typer.Option(help="Difference between two scores that you look for.")] = 0.05,
    ignore: Annotated[
        list[str] | None,
        typer.Option(
            metavar="RULE",
            help="Leave out a rule; for their names: seedproof ls rules",
            autocompletion=completion.rules,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON.")] = False,
    as_sarif: Annotated[bool, typer.Option("--sarif", help="Write SARIF 2.1.0, for code hosts and editors.")] = False,
) -> None:
    """List what threatens the stability of a training or the truth of its score. Nothing is trained; no script is run.

    Exit status 1: something serious was found; 70: the doctor itself failed.
    """
    if as_json and as_sarif:
        raise UserError("--json and --sarif are two forms of the same; give one of them")
    from seedproof.doctor import diagnose
    from seedproof.doctor.diagnosis import lines

    given, arguments = divided(sources or [])
    labels = label[0] if label and len(label) == 1 else label or None
    columns = {"dev": dev, "text": text, "text_pair": text_pair, "label": labels, "label_separator": label_separator}
    more = {"kind": kind, "group": group, "id": id, "quoting": quoting, "split_seed": split_seed, "data_dir": data_dir}
    found = diagnose(
        *given,
        recipes=recipe or (),
        task=task,
        model=model,
        arguments=arguments,
        seeds=None if seeds is None else _seeds(seeds),
        metric=metric,
        difference=difference,
        ignore=ignore or (),
        **columns,
        **more,
    )
    if as_sarif:
        from seedproof.doctor.sarif import to_sarif

        typer.echo(json.dumps(to_sarif(found), indent=2))
    elif as_json:
        typer.echo(json.dumps(found.to_json(), indent=2))
    else:
        for line in lines(found):
            say(line)
    if found.is_serious:
        raise typer.Exit(1)


def divided(words: list[str]) -> tuple[list[str], list[str]]:
    """Sources, and the arguments of a script, which begin at the first word with dashes.

    >>> divided(["train.py", "--seed", "3"])
    (['train.py'], ['--seed', '3'])
    """
    first = next((index for index, word in enumerate(words) if word.startswith("--")), len(words))
    return words[:first], words[first:]


def _seeds(written: str) -> int | list[int]:
    try:
        numbers = [int(part) for part in written.split(",")]
    except ValueError:
        raise UserError(f"--seeds {written} is not valid; give how many, or a list such as 1,2,3") from None
    if len(numbers) > 1:
        return numbers
    if numbers[0] < 1:
        raise UserError(f"--seeds {written} is not valid; give how many (at least 1), or a list such as 1,2,3")
    return numbers[0]
