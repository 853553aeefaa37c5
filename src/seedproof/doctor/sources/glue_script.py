"""The data that Transformers' example scripts (run_glue.py) are told to train on, read as they read it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from seedproof.doctor.base import Known
from seedproof.errors import UserError
from seedproof.tasks import Task, load_task
from seedproof.tasks.reading import read_table

LABEL = "label"


def data_of(line: Mapping[str, Known]) -> tuple[Task | None, str]:
    """The task that ``--train_file`` (with ``--validation_file``) names; else why there is none.

    The label is the column ``label``; the texts are ``sentence1`` and ``sentence2``, else the first one or two other columns.
    """
    if "train_file" not in line:
        known = line["task_name"]
        return (
            None,
            f"{known.place} {known.value}: its data is not fetched unasked; give --task glue/{str(known.value).lower()}",
        )
    path = Path(str(line["train_file"].value))
    dev = line.get("validation_file")
    try:
        names = [name for name in read_table(path).columns if name != LABEL]
        texts = ["sentence1", "sentence2"] if {"sentence1", "sentence2"} <= {*names} else names[:2]
        pair = texts[1] if len(texts) > 1 else None
        given = str(dev.value) if dev is not None else None
        return load_task(path, text=next(iter(texts), None), text_pair=pair, label=LABEL, dev=given), ""
    except UserError as error:
        return None, f"{line['train_file'].place}: {error}"
