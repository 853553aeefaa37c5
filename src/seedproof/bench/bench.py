"""A whole benchmark: workloads are chosen and checked, trials are run, and everything is reported."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

from seedproof.bench.contenders import Trial
from seedproof.bench.estimate import table_1_note
from seedproof.bench.machine import hardware, has_bf16, versions
from seedproof.bench.output import Outcome, Report
from seedproof.bench.rounds import run_trial
from seedproof.bench.stores import store_growth
from seedproof.bench.workloads import FLEET, Setting, trials_of
from seedproof.errors import UserError
from seedproof.machine import has_gpu, usable_cores
from seedproof.store import write_atomically


def bench(
    workloads: Sequence[str],
    *,
    repeats: int = 5,
    steps: int | None = None,
    device: str = "cpu",
    jobs: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    vocabulary: str | os.PathLike[str] | None = None,
    whole: bool = False,
    quick: bool = False,
    command: str = "",
    out: Path | None = None,
    say: Callable[[str], None] = lambda _: None,
    show: Callable[[Outcome], None] = lambda _: None,
) -> Report:
    """Measure workloads side by side.

    Args:
        workloads: names in :data:`seedproof.bench.workloads.WORKLOADS`.
        repeats: how often each contender has its turn.
        steps: of a block; None is what the workload says.
        device: ``cpu`` or ``cuda``.
        jobs: cores that contenders on a CPU use; None is all.
        data_dir: folder of the GLUE download; None generates token lengths after published means.
        vocabulary: BERT's ``vocab.txt``, for the GLUE files.
        whole: time whole runs, in workloads that have them.
        quick: a smaller version of each workload.
        command: how this was asked for, kept in the report.
        out: a JSON file that is written after every trial, so that nothing is lost when a later one is interrupted.
        say: told what is going on.
        show: given each trial when it is done.

    Raises:
        UserError: an unknown workload, a number that is too small, no GPU, or files that are missing.
    """
    _check(repeats=repeats, steps=steps, jobs=jobs)
    setting = Setting(
        cores=jobs or usable_cores(),
        device=device,
        whole=whole,
        quick=quick,
        has_bf16=device == "cuda" or has_bf16(),
        data_dir=_existing(data_dir, "--data-dir", vocabulary),
        vocabulary=None if vocabulary is None else os.fspath(vocabulary),
    )
    trials = [trial for name in workloads for trial in trials_of(name, setting)]
    _check_device(workloads, device)
    report = Report(command, versions(), hardware(device), repeats)
    if "bf16" in workloads and device == "cpu" and not has_bf16():
        report.notes.append("this processor has no matmuls in bf16 of its own; expect bf16 to be slow on it")
    if device == "cpu" and report.hardware.get("load_before", 0) > setting.cores / 4:
        report.notes.append(
            "other work was running when this began (see load_before); only ratios mean something, if any"
        )
    for trial in trials:
        run_one(trial if steps is None else dataclasses.replace(trial, steps=steps), report, say)
        show(report.outcomes[-1])
        _write(report, out)
    if "growth" in workloads:
        report.stores = store_growth(min(repeats, 3), say)
    note = table_1_note({outcome.trial.name: outcome.times(FLEET) for outcome in report.outcomes})
    report.notes += [note] if note else []
    _write(report, out)
    return report


def run_one(trial: Trial, report: Report, say: Callable[[str], None]) -> None:
    """Run a trial and add its outcome to the report."""
    report.outcomes.append(Outcome(trial, run_trial(trial, report.repeats, say)))


def _check(**numbers: int | None) -> None:
    for name, number in numbers.items():
        if number is not None and number < 1:
            raise UserError(f"--{name} {number} is not valid; give at least 1")


def _check_device(workloads: Sequence[str], device: str) -> None:
    if device not in ("cpu", "cuda"):
        raise UserError(f"--device {device!r} is not valid; give cpu or cuda")
    if device == "cuda" and not has_gpu():
        raise UserError(
            "--device cuda: PyTorch finds no GPU here; leave it out, or install a build of PyTorch with CUDA"
        )
    if "large" in workloads and device != "cuda":
        raise UserError("the workload 'large' needs a GPU: give --device cuda on a machine that has one")


def _existing(folder: str | os.PathLike[str] | None, flag: str, vocabulary: object) -> str | None:
    if folder is None:
        return None
    if not Path(folder).is_dir():
        raise UserError(f"{flag} {os.fspath(folder)}: there is no such folder; leave it out to generate token lengths")
    if vocabulary is None or not Path(str(vocabulary)).is_file():
        raise UserError(
            "--data-dir needs --vocabulary, BERT's vocab.txt" + (f"; {vocabulary} is no file" if vocabulary else "")
        )
    return os.fspath(folder)


def _write(report: Report, out: Path | None) -> None:
    if out is not None:
        write_atomically(out, (json.dumps(report.to_json(), indent=1) + "\n").encode())
