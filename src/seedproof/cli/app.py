"""The commands and their grouping."""

from __future__ import annotations

from typing import Annotated

import typer

from seedproof.cli import bench, demo, doctor, fit, listing, measure, miniature, predict, report, reproduce, study

app = typer.Typer(
    name="seedproof",
    help="Measure how stable fine-tuning is over random seeds. Add --debug to any command for full error traces.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(demo.demo)
app.command("fit")(fit.fit)
app.command("predict")(predict.predict)
app.command("reproduce")(reproduce.reproduce)
app.add_typer(study.app, name="study")
app.command("report")(report.report)
app.command("doctor")(doctor.doctor)
app.command("ls")(listing.ls)
app.add_typer(measure.app, name="measure")
app.command("bench")(bench.bench)
app.add_typer(miniature.app, name="miniature")


def _print_version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"seedproof {version('seedproof')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Options of the program itself."""
