"""Made the stores in this folder, once, with the version of 2026-11-25: never run again for these (see README.md).

    python tests/assets/make.py FOLDER

A store of a later format gets a folder and a script of its own; these stay, so that every later version is shown to read
them, to extend them, and to go on with them in the same bits.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from seedproof.measure.runs import forgetting_of_runs
from seedproof.miniature.corpus import held_out_text
from seedproof.store import Store
from seedproof.tasks import load_task

SETTINGS = ("--set", "learning_rate=1e-3")
LONG = "mosbach(epochs=80, learning_rate=1e-3)"


def run(*options: object, wait: bool = True) -> subprocess.Popen[bytes]:
    """``seedproof study run`` in a process of its own."""
    command = [sys.executable, "-m", "seedproof", "study", "run", "--jobs", "1", "--device", "cpu", *map(str, options)]
    process = subprocess.Popen(command, start_new_session=True)
    if wait and process.wait():
        raise SystemExit(f"failed: {' '.join(command)}")
    return process


def main(folder: Path) -> None:
    """Write the tables, then make the three stores."""
    pairs, ratings, model = folder / "pairs.csv", folder / "ratings.csv", folder / "model"
    write_tables(pairs, ratings)
    columns = ("--text", "text", "--text-pair", "pair", "--label", "label")
    common = ("--model", model, "--seeds", 2, *SETTINGS)
    four = ("--recipe", "devlin", "--recipe", "mosbach", "--recipe", "devlin-bertadam", "--recipe", "mixout")
    run("--task", pairs, *columns, *common, "--set", "epochs=3", *four, "--out", folder / "plain")
    run(
        "--task", ratings, "--text", "text", "--label", "label", *common, "--set", "epochs=3", "--out", folder / "plain"
    )
    run("--task", pairs, *columns, *common, "--set", "epochs=3", *four, "--engine", "fleet", "--out", folder / "fleet")
    run("--task", pairs, *columns, *common, "--set", "epochs=3", "--weights", "--out", folder / "measured")
    text = folder / "text.txt"
    text.write_text("\n".join(held_out_text()[:40]) + "\n", encoding="utf-8")
    measured = Store.open(folder / "measured")
    forgetting_of_runs(measured, measured.run_ids(), text)
    interrupt(folder / "plain", pairs, columns, model)
    finish_a_copy(folder)


def write_tables(pairs: Path, ratings: Path) -> None:
    """Pairs with two classes, and whole numbers as 0.0 and 1.0 with texts that repeat: what older rules read otherwise."""
    task, chance = load_task("miniature/entailment"), random.Random(0)
    rows = list(zip(task.train.texts, task.train.pairs or (), task.train.labels, strict=True))[:100]
    pairs.write_text("text,pair,label\n" + "".join(f'"{a}","{b}",{["no", "yes"][c]}\n' for a, b, c in rows))
    repeated = rows[:60] + rows[:20]
    chance.shuffle(repeated)
    ratings.write_text("text,label\n" + "".join(f'"{a}",{float(c)}\n' for a, _, c in repeated))


def interrupt(store: Path, pairs: Path, columns: tuple[str, ...], model: Path) -> None:
    """Begin a long run with checkpoints, and send SIGINT in its middle."""
    process = run(
        "--task",
        pairs,
        *columns,
        "--model",
        model,
        "--seeds",
        1,
        "--recipe",
        LONG,
        "--checkpoint-seconds",
        0.2,
        "--out",
        store,
        wait=False,
    )
    while not list((store / "runs").glob("*/checkpoint.safetensors")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    process.wait()


def finish_a_copy(folder: Path) -> None:
    """What the interrupted run becomes: its journal and result, from a copy that this version finished."""
    copy = folder / "copy"
    shutil.copytree(folder / "plain", copy)
    (interrupted,) = (path.parent.name for path in (copy / "runs").glob("*/checkpoint.safetensors"))
    run(Store.open(copy).definitions()[-1], "--out", copy)
    expected = folder / "expected" / interrupted
    expected.mkdir(parents=True)
    for name in ("journal.jsonl", "result.json"):
        shutil.copy(copy / "runs" / interrupted / name, expected / name)
    shutil.rmtree(copy)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
