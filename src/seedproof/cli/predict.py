"""``seedproof predict``: a table answered by a model that ``seedproof fit`` has written."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from seedproof.cli.streams import say


def predict(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that seedproof fit has written.")],
    rows: Annotated[
        Path, typer.Argument(metavar="TABLE", help="A CSV, TSV, JSONL, JSON (also .gz) or Parquet file, of any size.")
    ],
    out: Annotated[Path, typer.Option(help="A CSV, TSV or JSONL file; it appears when every row is answered.")],
    text: Annotated[str | None, typer.Option(help="Column of the text [default: as in training].")] = None,
    text_pair: Annotated[str | None, typer.Option(help="Column of the second text [default: as in training].")] = None,
    id: Annotated[
        str | None, typer.Option(help="Column kept beside each prediction [default: as in training, else the row].")
    ] = None,
    quoting: Annotated[
        str | None,
        typer.Option(help="standard, or none: double quotes are plain characters [default: as in training]."),
    ] = None,
    batch_size: Annotated[int, typer.Option(help="Texts at a time.")] = 32,
    device: Annotated[str | None, typer.Option(help="cpu or cuda [default: cuda where there is one].")] = None,
) -> None:
    """Answer every row of a table: the prediction and the probability of each class."""
    from seedproof.fitting.predicting import predict as predict_rows

    answered = 0

    def progress(rows: int) -> None:
        nonlocal answered
        answered = rows
        if sys.stderr.isatty():
            typer.echo(f"\r{rows:,} rows", nl=False, err=True)

    written = predict_rows(
        folder,
        rows,
        out=out,
        text=text,
        text_pair=text_pair,
        id=id,
        quoting=quoting,
        batch_size=batch_size,
        device=device,
        progress=progress,
    )
    if sys.stderr.isatty():
        typer.echo(err=True)
    say(f"wrote {written}: {answered:,} rows")
