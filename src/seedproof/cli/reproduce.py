"""``seedproof reproduce``: tables and figures of the paper, and the ledger of its claims."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seedproof.cli import completion
from seedproof.cli.streams import say
from seedproof.errors import UserError, command, unknown

if TYPE_CHECKING:
    import pandas as pd

    from seedproof.studies.figure import Figure
    from seedproof.studies.outputs import Made
    from seedproof.studies.scale import Scale


def reproduce(
    names: Annotated[
        list[str],
        typer.Argument(metavar="NAME...", help="table1, fig1 to fig14, or all.", autocompletion=completion.studies),
    ],
    scale: Annotated[str, typer.Option(help="mini: the embedded miniatures; paper: its own models and data.")] = "mini",
    out: Annotated[
        Path | None, typer.Option(help="The folder: new, or one to go on with; figures share its runs.")
    ] = None,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the GLUE download [default: the hub].")] = None,
    models_dir: Annotated[Path | None, typer.Option(help="Folder with a folder per model [default: the hub].")] = None,
    model: Annotated[list[str] | None, typer.Option(metavar="NAME=FOLDER", help="Folder of one model.")] = None,
    text: Annotated[
        Path | None, typer.Option(help="Text for forgetting [default: WikiText-2 from the hub, or the miniature's].")
    ] = None,
    engine: Annotated[str | None, typer.Option(help="fleet: many runs in one step, or plain. [default: fleet]")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, or bf16 autocast. [default: fp32]")] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda [default: cuda where there is one].")] = None,
    threads: Annotated[int | None, typer.Option(help="Threads in one run on a CPU. [default: 1]")] = None,
    jobs: Annotated[int | None, typer.Option(help="Runs at a time [default: one per core, or one on a GPU].")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show runs, steps, time and disk; run nothing.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Show what differs from the paper, and claims that no run speaks to, too.")
    ] = False,
) -> None:
    """Reproduce figures and tables of the paper; the same command again goes on where it stopped."""
    from seedproof.studies.reproduce import chosen_figures
    from seedproof.studies.scale import get_scale

    figures, size, folders = chosen_figures(names), get_scale(scale), _folders(model or [])
    if jobs is not None and jobs < 1:
        raise UserError(f"--jobs {jobs} is not valid; give at least 1")
    from seedproof.studies.places import Places

    places = Places(data_dir=data_dir, models_dir=models_dir, models=folders, text=text)
    places.check(size)
    for option, value, known in (("engine", engine, ("plain", "fleet")), ("precision", precision, ("fp32", "bf16"))):
        if value is not None and value not in known:
            raise unknown(option, value, known)
    if dry_run:
        if verbose:
            _print_scaling(size)
        _print_plan(figures, size, out, jobs)
        return
    if out is None:
        raise UserError("give the folder of the reproduction with --out DIR, or --dry-run")
    from seedproof.cli.printing import continuing
    from seedproof.studies.reproduce import Options
    from seedproof.studies.reproduce import reproduce as run

    numerics: dict[str, Any] = {"engine": engine, "precision": precision, "device": device, "threads": threads}
    options = Options(**numerics, jobs=jobs, say=lambda line: say(line, err=True))
    if verbose or _makes_runs(figures, size, out):
        _print_scaling(size)
    with continuing():
        made = run(names, out, scale=size, places=places, options=options)
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


def _print_plan(figures: list[Figure], scale: Scale, out: Path | None, jobs: int | None) -> None:
    """Everything that is known beforehand: needs no data, weights or network."""
    from seedproof.report.progress import duration
    from seedproof.studies.estimate import estimate, measured, plan_table
    from seedproof.studies.reproduce import every_figure, finished_runs, run_names

    everything = every_figure()
    table = plan_table(figures, scale, everything)
    done = {} if out is None else finished_runs(out, scale)
    for row in table.to_dict("records"):
        finished = sum(
            done.get(run_names(row["task"], row["model"], row["recipe"], seed), False) for seed in row["seeds"].split()
        )
        kept = ", weights kept" if row["weights"] else ""
        state = f"{finished} finished" if finished else f"ids {row['ids']}"
        say(f"{row['task']}, {row['model']}, {row['recipe']}: {row['runs']} runs of {row['steps']:,} steps, about "
                   f"{duration(row['seconds'])} in all{kept}; {state} ({row['figures']})")  # fmt: skip
    for what, seconds in measured(figures, scale).items():
        say(f"measurement: {what}, about {duration(seconds)}")
    whole, workers = estimate(figures, scale, everything), jobs or _workers(scale)
    say(f"{whole.runs} runs in all, {whole.steps:,} steps; none was started")
    say(f"estimate: {duration(3600 * whole.hours(workers))} with {workers} at a time (training "
               f"{duration(whole.training_seconds)} and measuring {duration(whole.measuring_seconds)} one after the other, on "
               f"{scale.machine}, with the plain engine; fleets, the default, take less), "
               f"{whole.disk_bytes / 2**30:.2f} GiB of disk")  # fmt: skip


def _workers(scale: Scale) -> int:
    """Runs at a time by default: cores for the miniatures, one GPU for the paper's models."""
    from seedproof.spec import Numerics
    from seedproof.study import default_jobs

    return default_jobs(Numerics(device="cpu" if scale.is_miniature else "cuda"))


def _makes_runs(figures: list[Figure], scale: Scale, out: Path) -> bool:
    """Whether runs of figures are still to be done."""
    from seedproof.studies.reproduce import finished_runs, run_names

    done, blocks = finished_runs(out, scale), [block for figure in figures for block in figure.blocks(scale)]
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
        places = ", ".join(str(image) for image in one.images) or str(made.folder / "figures" / one.figure.name)
        say(f"{one.figure.name}: {places}")
        for note in one.content.notes:
            say(f"  {note}")
    _print_ledger(made.ledger, verbose=verbose)
    say(f"\nreport: {made.report}")
    if made.crashed:
        say(f"error: {made.crashed} runs crashed; to see why: {command('study', 'status', made.folder)}", err=True)
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
