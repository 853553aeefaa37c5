"""``seedproof measure``: forgetting and surfaces of stored weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from seedproof.cli.streams import columns, say
from seedproof.errors import UserError, command

if TYPE_CHECKING:
    import pandas as pd

    from seedproof.measure.plane import Surface

app = typer.Typer(help="Measure stored weights: what was forgotten, and the loss between models.", no_args_is_help=True)

Device = Annotated[str | None, typer.Option(help="cpu or cuda [default: cuda where there is one].")]


@app.command("forgetting")
def forgetting(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A study's folder, or a fine-tuned model's.")],
    text: Annotated[Path, typer.Option(help="Text file, a sentence or paragraph a line (WikiText-2 raw).")],
    run: Annotated[
        list[str] | None, typer.Option(help="Run of the study: id, or RECIPE/SEED; give it again for more.")
    ] = None,
    pretrained: Annotated[str | None, typer.Option(help="For a model's folder: what it was fine-tuned from.")] = None,
    layers: Annotated[str | None, typer.Option(help="Numbers of top layers, e.g. 0,4,8 [default: all].")] = None,
    embeddings: Annotated[str, typer.Option(help="finetuned or pretrained, under the lowest layer.")] = "finetuned",
    mlm_probability: Annotated[float, typer.Option(help="Probability of a token to be predicted.")] = 0.15,
    masked_share: Annotated[float | None, typer.Option(hidden=True)] = None,
    seed: Annotated[int, typer.Option(help="Seed of the masks.")] = 0,
    max_length: Annotated[int | None, typer.Option(help="Tokens of a sequence [default: 128 or the model's].")] = None,
    batch_size: Annotated[int, typer.Option(help="Sequences at a time.")] = 32,
    device: Device = None,
    out: Annotated[Path | None, typer.Option(help="Also write the table into this CSV file.")] = None,
) -> None:
    """Masked-LM perplexity with the top k layers put back to pre-trained (the paper's Figure 2)."""
    _check_out(out)
    if not folder.exists():
        raise UserError(f"there is no folder {folder}; give a study's folder, or a fine-tuned model's")
    options: dict[str, Any] = {
        "layers": _numbers(layers),
        "embeddings": embeddings,
        "mlm_probability": mlm_probability if masked_share is None else masked_share,
        "seed": seed,
        "max_length": max_length,
        "batch_size": batch_size,
        "device": device,
    }
    with _reporting("batches") as report:
        if _is_study(folder):
            from seedproof.measure.runs import forgetting_of_runs

            _need(folder, "--run", run, "--pretrained", pretrained)
            table = forgetting_of_runs(folder, run or [], text, report=report, **options)
        else:
            import seedproof

            _need(folder, "--pretrained", pretrained, "--run", run, is_study=False)
            table = seedproof.forgetting(folder, str(pretrained), text, report=report, **options)
    say(table.to_string(index=False, line_width=columns()))
    if out is not None:
        _write(table, out)


@app.command("surface")
def surface(
    failed: Annotated[str, typer.Option(help="Failed run of the study (id, or RECIPE/SEED), or a model's folder.")],
    successful: Annotated[str, typer.Option(help="Successful run that began with the same model, or a folder.")],
    study: Annotated[Path | None, typer.Argument(metavar="[STUDY]", help="The study's folder.")] = None,
    pretrained: Annotated[str | None, typer.Option(help="Without a study: what both were fine-tuned from.")] = None,
    task: Annotated[str | None, typer.Option(help="Without a study: the task.")] = None,
    head_seed: Annotated[int | None, typer.Option(help="Without a study: the seed of their head.")] = None,
    gradient_norm: Annotated[bool, typer.Option("--gradient-norm", help="Also the gradient's norm.")] = False,
    low: Annotated[float, typer.Option(help="Least alpha and beta.")] = -1.5,
    high: Annotated[float, typer.Option(help="Greatest alpha and beta.")] = 1.5,
    side: Annotated[int, typer.Option(help="Points a side of the grid; 0: edges only.")] = 40,
    edge: Annotated[int, typer.Option(help="Points on each edge.")] = 41,
    examples: Annotated[int, typer.Option(help="Training examples.")] = 128,
    example_seed: Annotated[int, typer.Option(help="Seed that draws them.")] = 0,
    jobs: Annotated[int | None, typer.Option(help="Processes at a time [default: one per core].")] = None,
    device: Device = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the tables as CSV files; needed without a study.")
    ] = None,
) -> None:
    """Loss, and gradient norm, on the plane through three models (the paper's Figures 7 and 13)."""
    options: dict[str, Any] = {
        "gradient_norm": gradient_norm,
        "low": low,
        "high": high,
        "side": side,
        "edge": edge,
        "examples": examples,
        "example_seed": example_seed,
        "jobs": jobs,
        "device": device,
    }
    own = {"--pretrained": pretrained, "--task": task, "--head-seed": head_seed}
    with _reporting("rows") as report:
        if study is not None:
            from seedproof.measure.runs import surface_of_runs
            from seedproof.store import Store

            given = [flag for flag, value in own.items() if value is not None]
            if given:
                raise UserError(f"{given[0]} follows from the runs of the study {study}; leave it out")
            opened = Store.open(study)
            failed, successful = opened.find_run(failed), opened.find_run(successful)
            found = surface_of_runs(opened, failed, successful, report=report, **options)
        else:
            found = _surface_of_folders(failed, successful, own, out, report=report, **options)
    _show(found, out, study, f"surface-{failed}-{successful}")


def _surface_of_folders(failed: str, successful: str, own: dict[str, Any], out: Path | None, **options: Any) -> Surface:
    import seedproof

    missing = [flag for flag, value in {**own, "--out": out}.items() if value is None]
    if missing:
        raise UserError(f"give the folder of a study, or {' and '.join(missing)} with two model folders")
    return seedproof.surface(
        own["--pretrained"], failed, successful, task=own["--task"], head_seed=own["--head-seed"], folder=out, **options
    )


def _show(found: Surface, out: Path | None, study: Path | None, name: str) -> None:
    from seedproof.store import write_table
    from seedproof.store.measurements import FOLDER

    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        for table_name, table in found.tables.items():
            write_table(out / f"{table_name}.csv", table)
    say(found.points.to_string(index=False, line_width=columns()))
    say(found.barriers.to_string(index=False, line_width=columns()))
    target = out if study is None or out is not None else study / FOLDER / name
    say(f"{len(found.grid)} points of the grid, {found.settings['examples']} examples; tables in {target}")
    if study is not None:
        say(f"to see it drawn: {command('report', study)}")


def _is_study(folder: Path) -> bool:
    from seedproof.store.marker import MARKER

    return (folder / MARKER).exists()


def _need(folder: Path, flag: str, value: object, other: str, unwanted: object, *, is_study: bool = True) -> None:
    what = "a study" if is_study else "no study, so it must be a fine-tuned model"
    if unwanted:
        raise UserError(f"{folder} is {what}; leave out {other}" + ("" if value else f", and give {flag}"))
    if not value:
        raise UserError(f"{folder} is {what}; give {flag} too")


def _numbers(written: str | None) -> list[int] | None:
    if written is None:
        return None
    try:
        return [int(part) for part in written.split(",")]
    except ValueError:
        raise UserError(f"--layers {written!r} is not valid; give whole numbers with commas, e.g. 0,4,8") from None


def _check_out(out: Path | None) -> None:
    """Refuse before anything is measured what could not be written after."""
    from seedproof.store.files import check_target

    if out is not None:
        check_target(out)


def _write(table: pd.DataFrame, out: Path) -> None:
    from seedproof.store import write_table

    write_table(out, table)
    say(f"wrote {out}", err=True)


@contextmanager
def _reporting(unit: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error; Ctrl-C says what is kept (the command line's library would say nothing)."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from seedproof.report.console import Console

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        console = Console(stderr=True)
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
            bar = progress.add_task(unit)
            yield lambda done, total: progress.update(bar, completed=done, total=total)
    except KeyboardInterrupt as error:
        say(str(error) or "interrupted; give the same command again to continue", err=True)
        raise typer.Exit(130) from error
