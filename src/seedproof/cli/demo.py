"""``seedproof demo``: the paper's failure and its cure on this machine, in under three minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seedproof.cli.streams import output, say


def demo(
    out: Annotated[Path, typer.Option(help="Where the study goes.")] = Path("out/demo"),
    jobs: Annotated[int | None, typer.Option(help="Runs at a time [default: one per core].")] = None,
) -> None:
    """Fine-tune one small model with several seeds, without and with bias correction, and compare."""
    from seedproof.cli.results import check_ended, continuing, print_summary
    from seedproof.demo import conclusion, demo_study
    from seedproof.errors import command

    study = demo_study()
    say(
        "One 24-layer miniature BERT, one task, two recipes that differ in Adam's bias correction, "
        "the same seeds for both.",
        err=True,
    )
    with continuing():
        results = study.run(out, jobs=jobs)
    print_summary(results, "table", "n-1")
    check_ended(results)
    figure = results.box_plot()
    console = output()
    console.print()
    console.print(conclusion(results.summary()), markup=False)
    console.print(f"Box plot with every run: {figure}", markup=False, soft_wrap=True)
    console.print(f"Next, every run to look at: {command('report', results.path)}", markup=False, soft_wrap=True)
    console.print(f"An ordinary study: {command('study', 'summary', results.path)}", markup=False, soft_wrap=True)
