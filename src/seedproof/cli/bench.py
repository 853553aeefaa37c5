"""``seedproof bench``: what our engines bring on this machine."""

from __future__ import annotations

import shlex
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from seedproof.cli.streams import output, say
from seedproof.errors import UserError, unknown

QUICK = "About two minutes on two cores"
"""Measured: 2 min 29 s, 2026-11-25, on two cores of an AMD EPYC that other programs used as well."""
DRAWINGS = (".png", ".svg", ".pdf")


def bench(
    workloads: Annotated[
        list[str] | None,
        typer.Argument(metavar="[WORKLOAD]...", help="cola, rte, mrpc, seeds, bf16, surface, memory, large or growth."),
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help=f"{QUICK}: fewer seeds, repeats and layouts.")] = False,
    repeats: Annotated[int | None, typer.Option(help="Turns of each contender. [default: 5]")] = None,
    steps: Annotated[int | None, typer.Option(help="Steps of a turn [default: the workload's].")] = None,
    whole: Annotated[bool, typer.Option("--whole", help="seeds: whole runs instead of steps.")] = False,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    jobs: Annotated[int | None, typer.Option(help="Cores that every contender uses [default: all].")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="Folder of the GLUE download [default: generated token lengths].")
    ] = None,
    vocabulary: Annotated[Path | None, typer.Option(help="BERT's vocab.txt, with --data-dir.")] = None,
    out: Annotated[Path | None, typer.Option(help="JSON file for every single time.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the tables into this PNG, SVG or PDF file.")] = None,
) -> None:
    """Our engines beside the Transformers Trainer and the roofline, in one run on this machine."""
    from seedproof.bench.workloads import WORKLOADS

    chosen = workloads or (["seeds"] if quick else [])
    if not chosen:
        raise UserError(f"name what to measure (one or more of {', '.join(WORKLOADS)}), or give --quick")
    for name in chosen:
        if name not in WORKLOADS:
            raise unknown("workload", name, WORKLOADS)
    for flag, path in (("--out", out), ("--plot", plot)):
        _check_target(flag, path)
    from seedproof.bench.bench import bench as measure
    from seedproof.bench.output import print_outcome
    from seedproof.bench.plot import draw
    from seedproof.report.progress import duration

    console, started = output(), time.monotonic()
    report = measure(
        chosen,
        repeats=(2 if quick else 5) if repeats is None else repeats,
        steps=steps,
        device=device,
        jobs=jobs,
        data_dir=data_dir,
        vocabulary=vocabulary,
        whole=whole,
        quick=quick,
        out=out,
        command=shlex.join(["seedproof", *sys.argv[1:]]),
        say=lambda text: print(text, file=sys.stderr, flush=True),
        show=lambda outcome: print_outcome(console, outcome),
    )
    report.print_rest(console)
    say(f"took {duration(time.monotonic() - started)}", err=True)
    if plot is not None:
        draw(report, plot)
        say(f"drawing: {plot}", err=True)


def _check_target(flag: str, path: Path | None) -> None:
    """Refuse before anything is measured what could not be written after."""
    from seedproof.store.files import check_target

    if path is None:
        return
    check_target(path, f"{flag} ")
    if flag == "--plot" and path.suffix.lower() not in DRAWINGS:
        raise UserError(f"--plot {path}: give a name that ends with one of {', '.join(DRAWINGS)}")
