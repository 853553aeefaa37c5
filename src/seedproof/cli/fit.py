"""``seedproof fit``: from a table to a model one can ship."""

from __future__ import annotations

import shlex
import sys
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from seedproof.cli import completion, own_table
from seedproof.cli.streams import say


def fit(
    train: Annotated[
        str,
        typer.Argument(
            metavar="TABLE", help="A CSV, TSV, JSONL, JSON (also .gz) or Parquet file of training examples."
        ),
    ],
    model: Annotated[
        str, typer.Option(help="A folder, a name on the hub, or miniature/....", autocompletion=completion.models)
    ],
    out: Annotated[Path, typer.Option(help="Folder of the model; it appears when all is done. Its study: OUT.study")],
    text: own_table.Text = None,
    text_pair: own_table.TextPair = None,
    label: own_table.Label = None,
    label_separator: own_table.LabelSeparator = None,
    dev: own_table.Dev = None,
    kind: own_table.KindOption = None,
    metric: own_table.MetricOption = None,
    class_weights: own_table.ClassWeightsOption = None,
    group: own_table.Group = None,
    id: own_table.Id = None,
    quoting: own_table.QuotingOption = None,
    split_seed: own_table.SplitSeed = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the GLUE download, for a glue/... task.")] = None,
    recipe: Annotated[
        str,
        typer.Option(
            help="How to train; auto: the baseline with epochs fitted to data and budget.",
            autocompletion=completion.fits,
        ),
    ] = "mosbach",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="FIELD=VALUE", help="Set a field of the recipe.", autocompletion=completion.settings
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="How many runs to choose from. [default: 5]")] = None,
    race: Annotated[
        str | None,
        typer.Option(
            metavar="K:M[@F]",
            help="In place of --seeds: start K runs, finish the M that are best after the fraction F (0.3) of training.",
        ),
    ] = None,
    stop_doomed: Annotated[
        bool,
        typer.Option(
            "--stop-doomed", help="In a race, also stop runs on the word of an alarm not measured on the model."
        ),
    ] = False,
    budget: Annotated[
        str | None, typer.Option(help="Time that there is: 2h, 90m. What does not fit is left out.")
    ] = None,
    ensemble: Annotated[
        str | None,
        typer.Option(help="predictions or weights: ship their mean, where better on data that did not choose."),
    ] = None,
    push_to: Annotated[str | None, typer.Option(help="Upload to this name on the hub when all is done.")] = None,
    engine: Annotated[str | None, typer.Option(help="fleet, or plain: one run at a time. [default: fleet]")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, or bf16 autocast. [default: fp32]")] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda [default: cuda where there is one].")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads in one run on a CPU. [default: 1]")] = None,
    jobs: Annotated[int | None, typer.Option(help="Runs at a time [default: one per core, or one on a GPU].")] = None,
    launcher: Annotated[
        str, typer.Option(help="Where runs execute: local, inline, ray, ...", autocompletion=completion.launchers)
    ] = "local",
    address: Annotated[
        str | None, typer.Option(help="HOST:PORT of the cluster of --launcher ray [default: this machine's].")
    ] = None,
) -> None:
    """Train a model on a table over a few seeds, say how stable that is, and write the best as a folder to ship.

    The same command goes on where it was stopped; with more --seeds it extends.
    """
    from seedproof.cli.launchers import chosen_launcher
    from seedproof.cli.results import continuing
    from seedproof.errors import command
    from seedproof.fitting.fit import fit as fit_model
    from seedproof.recipes import parse_setting

    table: dict[str, Any] = {
        "text": text,
        "text_pair": text_pair,
        "label": own_table.labels_of(label),
        "label_separator": label_separator,
        "dev": dev,
        "kind": kind,
        "metric": metric,
        "group": group,
        "id": id,
        "quoting": quoting,
        "split_seed": split_seed,
        "data_dir": data_dir,
    }
    weights = own_table.class_weights_of(class_weights)
    with continuing():
        fitted = fit_model(
            train,
            model=model,
            out=out,
            recipe=recipe,
            methods=[] if weights is None else [weights],
            settings=dict(parse_setting(setting) for setting in settings or []),
            seeds=seeds,
            race=race,
            stop_doomed=stop_doomed,
            budget=budget,
            ensemble=ensemble,
            push_to=push_to,
            engine=engine,
            precision=precision,
            device=device,
            threads=threads,
            jobs=jobs,
            launcher=chosen_launcher(launcher, jobs, address),
            say=partial(say, err=True),
            told_command=shlex.join(["seedproof", *sys.argv[1:]]),
            **{key: value for key, value in table.items() if value is not None},
        )
    for line in fitted.findings:
        say(line)
    say(f"\nmodel: {fitted.path}, its card: {fitted.path / 'README.md'}")
    say(f"every run: {command('study', 'summary', fitted.results.path)}")
    say(f"to answer a table with it: {command('predict', fitted.path, 'rows.csv', '--out', 'predictions.csv')}")
    if fitted.pushed:
        say(f"uploaded: {fitted.pushed}")
