"""``seedproof miniature``: make the shipped miniatures again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from seedproof.cli.streams import say
from seedproof.errors import UserError

app = typer.Typer(help="The miniature laboratory.", no_args_is_help=True)


@app.command("pretrain")
def pretrain(
    name: Annotated[str, typer.Argument(metavar="bert|roberta|albert|bert-shallow", help="Which miniature.")],
    out: Annotated[Path, typer.Option(help="The folder to write the model into.")],
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn; 0 made the shipped weights.")] = 0,
    steps: Annotated[float, typer.Option(help="Multiply the steps of every stage, e.g. 0.01 for a trial.")] = 1.0,
) -> None:
    """Pre-train a miniature from nothing, as the shipped ones were; up to half an hour on one core."""
    from seedproof.miniature.ship import make_miniature

    folder = make_miniature(name, out, seed=seed, fraction_of_steps=steps, report=say)
    say(f"wrote {folder}; use it with --model {shlex.quote(str(folder))}")


@app.command("text")
def text(
    out: Annotated[Path, typer.Option(help="The file to write.")],
    lines: Annotated[int, typer.Option(help="Sentences.")] = 600,
) -> None:
    """Write the held-out text of the miniature language, one sentence a line."""
    from seedproof.miniature.corpus import held_out_text
    from seedproof.store.files import check_target

    if lines < 1:
        raise UserError(f"--lines {lines} is not valid; give at least 1")
    check_target(out)
    out.write_text("\n".join(held_out_text(lines)) + "\n", encoding="utf-8")
    say(f"wrote {lines} sentences to {out}")
