"""Tables of made reviews in every format, right and with a bad cell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas

from seedproof.tasks import Task, load_table

RECORDS = [{"id": index, "review": f"text {index}", "stars": ["bad", "good"][index % 2]} for index in range(20)]
FORMATS = ["csv", "tsv", "jsonl", "parquet"]


def save(path: Path, records: list[dict[str, Any]]) -> Path:
    """Write records in the format of the extension."""
    frame = pandas.DataFrame(records)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    else:
        frame.to_csv(path, sep="," if path.suffix == ".csv" else "\t", index=False)
    return path


def load(path: Path, **options: Any) -> Task:
    return load_table(path, **{"text": "review", "label": "stars", **options})


def with_labels(path: Path, labels: list[Any], **options: Any) -> Task:
    """A table with these labels, used for training and under another name for development."""
    records = [{"review": f"text {index}", "stars": label} for index, label in enumerate(labels)]
    save(path, records)
    return load(path, dev=save(path.with_stem("other"), records), **options)


def bad_cell(column: str, value: Any, position: int = 7) -> list[dict[str, Any]]:
    records = [dict(record) for record in RECORDS]
    records[position][column] = value
    return records


def table(folder: Path, rows: list[str], header: str = "review,stars,doc", name: str = "t.csv") -> Path:
    (folder / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder / name
