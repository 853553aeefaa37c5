"""``seedproof study``: ``run`` with its options, and the verbs of ``study_results.py``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from seedproof.cli import completion, own_table, study_results
from seedproof.cli.given import read_study, refuse_with_file, study_of, with_options
from seedproof.cli.launchers import chosen_launcher
from seedproof.cli.study_run import carry_out, foresee
from seedproof.cli.trackers import check_trackers
from seedproof.errors import UserError

app = typer.Typer(help="Run a study over random seeds and look at what it found.", no_args_is_help=True)


@app.command("run")
def run(
    file: Annotated[
        Path | None, typer.Argument(metavar="[STUDY.toml]", help="A study file, in place of the options below.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The study's folder: new, or one to continue or extend.")] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="glue/..., miniature/..., or a CSV, TSV, JSONL, JSON (also .gz) or Parquet file.",
            autocompletion=completion.tasks,
        ),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(help="miniature/..., a folder, or a name on the hub.", autocompletion=completion.models),
    ] = None,
    recipe: Annotated[
        list[str] | None,
        typer.Option(
            help="E.g. mosbach, 'mosbach(epochs=10) + llrd'. [default: devlin]", autocompletion=completion.recipes
        ),
    ] = None,
    seeds: Annotated[int | None, typer.Option(help="How many seeds: 0 to N - 1. [default: 25]")] = None,
    first_seed: Annotated[int, typer.Option(help="Start the seeds here instead of 0.")] = 0,
    race: Annotated[
        str | None,
        typer.Option(
            metavar="K:M[@F]",
            help="Start K seeds of each recipe, finish the M that are best after the fraction F of training. [default F: 0.3]",
        ),
    ] = None,
    stop_doomed: Annotated[
        bool,
        typer.Option(
            "--stop-doomed", help="In a race, also stop runs on the word of an alarm not measured on the model."
        ),
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="FIELD=VALUE",
            help="Set a field of every recipe, or of a method: llrd.decay=0.9.",
            autocompletion=completion.settings,
        ),
    ] = None,
    new_head: Annotated[
        bool, typer.Option("--new-head", help="Draw the head anew where the model came with one of this size.")
    ] = False,
    draw_missing: Annotated[
        bool, typer.Option("--draw-missing", help="Run a model that lacks encoder weights, with these drawn at random.")
    ] = False,
    data_dir: Annotated[Path | None, typer.Option(help="Folder of the GLUE download, for glue/... tasks.")] = None,
    dev: own_table.Dev = None,
    text: own_table.Text = None,
    text_pair: own_table.TextPair = None,
    label: own_table.Label = None,
    label_separator: own_table.LabelSeparator = None,
    kind: own_table.KindOption = None,
    group: own_table.Group = None,
    id: own_table.Id = None,
    quoting: own_table.QuotingOption = None,
    split_seed: own_table.SplitSeed = None,
    metric: own_table.MetricOption = None,
    class_weights: own_table.ClassWeightsOption = None,
    name: Annotated[str | None, typer.Option(help="Name of the study [default: the folder's].")] = None,
    engine: Annotated[str | None, typer.Option(help="plain, or fleet: many runs in one step. [default: plain]")] = None,
    precision: Annotated[str | None, typer.Option(help="fp32, or bf16 autocast. [default: fp32]")] = None,
    device: Annotated[str | None, typer.Option(help="cpu or cuda [default: cuda where there is one].")] = None,
    threads: Annotated[
        int | None, typer.Option(help="Threads in one run on a CPU; fixed with the study. [default: 1]")
    ] = None,
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
    track: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME:PLACE",
            help="Show runs there as they train: tensorboard:DIR, wandb:DIR, mlflow:DIR or URI, trackio:DIR, ...",
            autocompletion=completion.trackers,
        ),
    ] = None,
    record: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=EVERY]",
            help="Switch a recording on, or off: NAME=off; none: all of them. Their names: seedproof ls recordings",
            autocompletion=completion.recordings,
        ),
    ] = None,
    weights: Annotated[bool, typer.Option("--weights", help="Keep the final weights of every run.")] = False,
    evaluations: Annotated[int | None, typer.Option(help="Evaluations in a run [default: after every epoch].")] = None,
    checkpoint_seconds: Annotated[float | None, typer.Option(help="Save a long run this often. [default: 300]")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show recipes and runs, run nothing.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show every value of the recipes.")] = False,
) -> None:
    """Run a study, or go on with it: the same command again continues, another one extends."""
    if jobs is not None and jobs < 1:
        raise UserError(f"--jobs {jobs} is not valid; give at least 1")
    chosen = chosen_launcher(launcher, jobs, address)
    options = {
        "data_dir": data_dir,
        "dev": dev,
        "text": text,
        "text_pair": text_pair,
        "label": own_table.labels_of(label),
        "label_separator": label_separator,
        "kind": kind,
        "group": group,
        "id": id,
        "split_seed": split_seed,
        "quoting": quoting,
        "metric": metric,
    }
    numerics = {
        "engine": engine,
        "precision": precision,
        "device": device,
        "threads": threads,
        "draw_missing": draw_missing or None,
    }
    kept = {"weights": weights or None, "evaluations": evaluations, "checkpoint_seconds": checkpoint_seconds}
    recording = {name: value for name, value in kept.items() if value is not None}
    if file is not None:
        given = {
            "--task": task,
            "--model": model,
            "--recipe": recipe,
            "--seeds": seeds,
            "--set": settings,
            "--name": name,
            "--first-seed": first_seed or None,
            "--race": race,
            "--stop-doomed": stop_doomed or None,
            "--new-head": new_head or None,
            "--class-weights": class_weights,
            **options,
        }
        refuse_with_file(file, given)
        study = with_options(read_study(file), out, file=file, record=record, recording=recording, **numerics)
    else:
        settings = [*(settings or []), *(["new_head=true"] if new_head else [])]
        study = study_of(
            name or (out.resolve().name if out else "study"),
            tasks=task,
            models=model,
            recipes=recipe,
            seeds=seeds,
            first_seed=first_seed,
            settings=settings,
            options=options,
            class_weights=own_table.class_weights_of(class_weights),
            race=race,
            stop_doomed=stop_doomed,
        )
        study = with_options(study, out, file=None, record=record, recording=recording, **numerics)
    if out is None and not dry_run:
        raise UserError("give the folder of the study with --out DIR")
    check_trackers(track)
    if out is None or dry_run:
        foresee(study, out, chosen, jobs, verbose)
    else:
        carry_out(study, out, chosen, jobs, verbose, track or [])


app.command("status")(study_results.status)
app.command("runs")(study_results.runs)
app.command("summary")(study_results.summary)
app.command("export")(study_results.export)
app.command("track")(study_results.track)
