"""``seedproof reproduce``: tables and figures of the paper, and the ledger of its claims."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seedproof.cli import completion
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
        _print_plan(figures, size, out, jobs)
        return
    if out is None:
        raise UserError("give the folder of the reproduction with --out DIR, or --dry-run")
    from seedproof.cli.printing import continuing
    from seedproof.studies.reproduce import Options
    from seedproof.studies.reproduce import reproduce as run

    numerics: dict[str, Any] = {"engine": engine, "precision": precision, "device": device, "threads": threads}
    options = Options(**numerics, jobs=jobs, say=lambda line: print(line, file=sys.stderr, flush=True))
    _print_scaling(size, err=True)
    with continuing():
        made = run(names, out, scale=size, places=places, options=options)
    _print_made(made)


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
    from seedproof.studies.reproduce import every_figure, finished_runs

    _print_scaling(scale)
    everything = every_figure()
    table = plan_table(figures, scale, everything)
    done = {} if out is None else finished_runs(out, scale)
    for row in table.to_dict("records"):
        finished = sum(
            done.get((row["task"], row["model"], row["recipe"], seed), False) for seed in row["seeds"].split()
        )
        kept = ", weights kept" if row["weights"] else ""
        state = f"{finished} finished" if finished else f"ids {row['ids']}"
        typer.echo(f"{row['task']}, {row['model']}, {row['recipe']}: {row['runs']} runs of {row['steps']:,} steps, about "
                   f"{duration(row['seconds'])} in all{kept}; {state} ({row['figures']})")  # fmt: skip
    for what, seconds in measured(figures, scale).items():
        typer.echo(f"measurement: {what}, about {duration(seconds)}")
    whole, workers = estimate(figures, scale, everything), jobs or _workers(scale)
    typer.echo(f"{whole.runs} runs in all, {whole.steps:,} steps; none was started")
    typer.echo(f"estimate: {duration(3600 * whole.hours(workers))} with {workers} at a time (training "
               f"{duration(whole.training_seconds)} and measuring {duration(whole.measuring_seconds)} one after the other, on "
               f"{scale.machine}, with the plain engine; fleets, the default, take less), "
               f"{whole.disk_bytes / 2**30:.2f} GiB of disk")  # fmt: skip


def _workers(scale: Scale) -> int:
    """Runs at a time by default: cores for the miniatures, one GPU for the paper's models."""
    from seedproof.spec import Numerics
    from seedproof.study import default_jobs

    return default_jobs(Numerics(device="cpu" if scale.is_miniature else "cuda"))


def _print_scaling(scale: Scale, *, err: bool = False) -> None:
    """Every quantity of the paper beside its value here."""
    rows = [("quantity", "paper", "here"), *scale.table().itertuples(index=False)]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    for quantity, paper, here in rows:
        typer.echo(f"{quantity:<{first}}  {paper:<{second}}  {here}", err=err)
    typer.echo("", err=err)


def _print_made(made: Made) -> None:
    """What was made and what the ledger says; status 1 where something is missing for good."""
    for one in made.figures:
        places = ", ".join(str(image) for image in one.images) or str(made.folder / "figures" / one.figure.name)
        typer.echo(f"{one.figure.name}: {places}")
        for note in one.content.notes:
            typer.echo(f"  {note}")
    typer.echo("")
    _print_ledger(made.ledger)
    typer.echo(f"\nreport: {made.report}")
    if made.crashed:
        typer.echo(
            f"error: {made.crashed} runs crashed; to see why: {command('study', 'status', made.folder)}", err=True
        )
    if made.crashed or not all(one.is_whole for one in made.figures):
        raise typer.Exit(1)


def _print_ledger(ledger: pd.DataFrame) -> None:
    for row in ledger.itertuples(index=False):
        typer.echo(f"{row.verdict}: {row.sentence}")
        typer.echo(f"  {row.why}")
