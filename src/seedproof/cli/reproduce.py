"""``seedproof reproduce``: tables and figures of the paper, and the ledger of its claims."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seedproof.cli import completion
from seedproof.cli.cost import executed, print_cost
from seedproof.cli.launchers import chosen_launcher
from seedproof.cli.quantities import runs_in_words
from seedproof.cli.streams import say
from seedproof.errors import UserError, command, unknown

if TYPE_CHECKING:
    import pandas as pd

    from seedproof.paper.figure import Figure
    from seedproof.paper.outputs import Made
    from seedproof.paper.paths import Paths
    from seedproof.paper.scale import Scale


def reproduce(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="table1, fig1 to fig14, or all.", autocompletion=completion.studies),
    ],
    scale: Annotated[
        str,
        typer.Option(
            help="mini: the embedded miniatures; paper: its own models and data; real: a model of yours on its data."
        ),
    ] = "mini",
    task: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only these: rte, mrpc, cola, qnli [default: all].")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder: new, or one to go on with; figures share its runs.")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the GLUE download [default: the hub].")] = None,
    models_dir: Annotated[Path | None, typer.Option(help="Folder with a folder per model [default: the hub].")] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=FOLDER", help="Folder of one model; of --scale real just its FOLDER, or hub name."),
    ] = None,
    text: Annotated[
        Path | None, typer.Option(help="Text for forgetting [default: WikiText-2 from the hub, or the miniature's].")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="fleet: many runs in one step, or plain. [default: fleet]")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, or bf16 autocast. [default: fp32]")] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda [default: cuda where there is one].")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads in one run on a CPU. [default: 1]")] = None,
    jobs: Annotated[int | None, typer.Option(help="Runs at a time [default: one per core, or one on a GPU].")] = None,
    launcher: Annotated[
        str,
        typer.Option(
            help="Where runs execute: local, worker processes; inline, this process; ray, a Ray cluster; ...",
            autocompletion=completion.launchers,
        ),
    ] = "local",
    address: Annotated[
        str | None, typer.Option(help="HOST:PORT of the cluster of --launcher ray [default: this machine's].")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show runs, steps, time and disk; run nothing.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show what differs from the paper, and claims that no run speaks to, too.")
    ] = False,
) -> None:
    """Reproduce figures and tables of the paper; the same command again goes on where it stopped."""
    from seedproof.paper.reproduce import chosen_figures
    from seedproof.paper.sizes import REAL, get_scale

    own = model if scale == REAL else None
    if own is not None and len(own) > 1:
        raise UserError(f"--scale real takes one --model, and {len(own)} were given; make a folder for each with --out")
    size = get_scale(scale, own[0] if own else None).only(*(task or []))
    figures, folders = chosen_figures(names, size), _folders([] if own else model or [])
    if jobs is not None and jobs < 1:
        raise UserError(f"--jobs {jobs} is not valid; give at least 1")
    chosen = chosen_launcher(launcher, jobs, address)
    from seedproof.paper.paths import Paths

    paths = Paths(data_dir=data_dir, models_dir=models_dir, models=folders, text=text)
    paths.check(size)
    for option, value, known in (("engine", engine, ("plain", "fleet")), ("precision", precision, ("fp32", "bf16"))):
        if value is not None and value not in known:
            raise unknown(option, value, known)
    numerics: dict[str, Any] = {"engine": engine, "precision": precision, "device": device, "threads": threads}
    if dry_run:
        if verbose:
            _print_scaling(size)
        print_cost(figures, size, paths, out, executed(out, jobs, numerics, chosen))
        say("none was started")
        return
    if out is None:
        raise UserError("give the folder of the reproduction with --out DIR, or --dry-run")
    from seedproof.cli.results import continuing
    from seedproof.paper.reproduce import Options
    from seedproof.paper.reproduce import reproduce as run

    options = Options(**numerics, jobs=jobs, launcher=chosen, say=lambda line: say(line, err=True))
    makes_runs = _makes_runs(figures, size, paths, out)
    if verbose or makes_runs:
        _print_scaling(size)
    if makes_runs and not size.is_miniature:  # hours or days: said before the first step
        print_cost(figures, size, paths, out, executed(out, jobs, numerics, chosen), err=True)
    with continuing():
        made = run(names, out, scale=size, paths=paths, options=options)
    _print_made(made, verbose=verbose)


def _folders(written: list[str]) -> dict[str, str]:
    """``NAME=FOLDER`` as pairs."""
    pairs = [text.partition("=") for text in written]
    for name, equals, folder in pairs:
        if not equals or not name or not folder:
            raise UserError(
                f"--model {name}{equals}{folder} is not valid; write NAME=FOLDER, e.g. roberta-large=models/rl"
            )
    return {name.strip(): folder.strip() for name, _, folder in pairs}


def _makes_runs(figures: list[Figure], scale: Scale, paths: Paths, out: Path) -> bool:
    """Whether runs of figures are still to be done."""
    from seedproof.paper.folder import finished_runs, run_names

    done, blocks = finished_runs(out, scale, paths), [block for figure in figures for block in figure.blocks(scale)]
    return not all(
        done.get(run_names(block.task_name(scale), scale.model(block.model).name, block.recipe.name, seed.label))
        for block in blocks
        for seed in block.seeds
    )


def _print_scaling(scale: Scale) -> None:
    """Every quantity of the paper beside its value here, on standard error."""
    rows = [("quantity", "paper", "here"), *scale.table().itertuples(index=False)]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    for quantity, paper, here in rows:
        say(f"{quantity:<{first}}  {paper:<{second}}  {here}", err=True)
    say("", err=True)


def _print_made(made: Made, *, verbose: bool) -> None:
    """What was made and what the ledger says; status 1 where something is missing for good."""
    for one in made.figures:
        files = ", ".join(str(image) for image in one.images) or str(made.folder / "figures" / one.figure.name)
        say(f"{one.figure.name}: {files}")
        for note in one.content.notes:
            say(f"  {note}")
    _print_ledger(made.ledger, verbose=verbose)
    say(f"\nreport: {made.report}")
    if made.crashed:
        say(
            f"error: {runs_in_words(made.crashed)} crashed; to see why: {command('study', 'status', made.folder)}",
            err=True,
        )
    if made.crashed or not all(one.is_whole for one in made.figures):
        raise typer.Exit(1)


def _print_ledger(ledger: pd.DataFrame, *, verbose: bool) -> None:
    """The claims that the runs speak to."""
    spoken_to = ledger if verbose else ledger[ledger["n"] > 0]
    if len(spoken_to):
        say("")
    for row in spoken_to.itertuples(index=False):
        say(f"{row.verdict}: {row.sentence}")
        say(f"  {row.why}")
