"""A task as a folder: one Parquet file per split and ``task.json``, which is written last and makes it complete.

The folder is what a study keeps, so that a run can be repeated without the files the task came from.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from seedproof.checksums import sealed, unsealed
from seedproof.errors import UserError, is_out_of_memory
from seedproof.tasks.base import Task
from seedproof.tasks.metrics import rare_class
from seedproof.tasks.parsing import BEFORE, Parsing
from seedproof.tasks.split import Split, check_extra_names

FORMAT = 1
"""Version of the folder's layout."""

DESCRIPTION = "task.json"


def write_task(task: Task, folder: Path) -> None:
    """Write ``task`` into ``folder``; nothing is done where the same task is already there.

    Raises:
        UserError: the folder holds another task.
    """
    description = folder / DESCRIPTION
    if description.exists():
        if _read_description(description)["fingerprint"] != task.fingerprint:
            raise UserError(f"{folder} already holds another task; choose an empty folder")
        return
    folder.mkdir(parents=True, exist_ok=True)
    for name, split in {"train": task.train, **task.evaluation_splits}.items():
        _replace(folder / f"{name}.parquet", partial(_write_split, split))
    value: dict[str, Any] = {
        "format": FORMAT,
        "name": task.name,
        "classes": list(task.classes),
        "metrics": list(task.metrics),
        "extra": list(task.extra),
        "notes": list(task.notes),
        "reason": task.reason,
        "decisions": list(task.data_report.decisions),
        "warnings": list(task.data_report.warnings),
        "fingerprint": task.fingerprint,
    }
    if task.parsing is not None:
        value["parsing"] = dataclasses.asdict(task.parsing)
    if task.metric != task.metrics[0]:
        value["metric"] = task.metric  # absent: the first, as in tasks that were written before there was a choice
    text = json.dumps(sealed(value), indent=2) + "\n"
    _replace(description, lambda path: path.write_text(text, encoding="utf-8"))


def read_task(folder: Path) -> Task:
    """Read the task in ``folder``.

    Raises:
        UserError: there is no complete task, it was written by a newer version, or a file was changed.
    """
    value = _read_existing(folder)
    check_extra_names(value["name"], value["extra"])  # they name files, and must not lead out of the folder
    task = Task(
        name=value["name"],
        train=_read_split(folder / "train.parquet"),
        dev=_read_split(folder / "dev.parquet"),
        classes=tuple(value["classes"]),
        metrics=tuple(value["metrics"]),
        extra={name: _read_split(folder / f"{name}.parquet") for name in value["extra"]},
        notes=tuple(value["notes"]),
        reason=value.get("reason", ""),
        parsing=_parsing(value),
        metric=value.get("metric", ""),
    )
    if task.fingerprint != value["fingerprint"]:
        raise UserError(f"the data in {folder} is not what was written there (fingerprint differs); restore its files")
    return task


def read_notes(folder: Path) -> tuple[str, ...]:
    """Read what is to be known of the task in ``folder`` without its data: its notes and warnings.

    Raises:
        UserError: there is no task, or its description is damaged.
    """
    value = _read_existing(folder)
    return (*value["notes"], *(f"warning: {warning}" for warning in value.get("warnings", ())))


def read_decisions(folder: Path) -> tuple[str, ...]:
    """Read the sizes of the task in ``folder``, and its classes with counts; none in those of earlier versions.

    Raises:
        UserError: as :func:`read_notes`.
    """
    return tuple(_read_existing(folder).get("decisions", ()))


def read_parsing(folder: Path) -> Parsing:
    """Read the rules by which the task in ``folder`` was parsed.

    Raises:
        UserError: as :func:`read_notes`, or a newer version's rule.
    """
    return _parsing(_read_existing(folder)) or BEFORE


def _parsing(value: Mapping[str, Any]) -> Parsing | None:
    return Parsing.from_json(value["parsing"]) if "parsing" in value else None


def _read_existing(folder: Path) -> dict[str, Any]:
    if not (folder / DESCRIPTION).is_file():
        raise UserError(f"{folder} holds no task: {DESCRIPTION} is missing")
    return _read_description(folder / DESCRIPTION)


def read_metric(folder: Path) -> str:
    """Read which metric judges the task in ``folder``, without its data.

    Raises:
        UserError: as :func:`read_notes`.
    """
    value = _read_existing(folder)
    return str(value.get("metric") or value["metrics"][0])


def read_overlooked_class(folder: Path) -> tuple[str, float] | None:
    """Read whether the task in ``folder`` is judged by accuracy though a class is rare: that class, and its fraction.

    Raises:
        UserError: as :func:`read_notes`, or its development set cannot be read.
    """
    value = _read_existing(folder)
    if (value.get("metric") or value["metrics"][0]) != "accuracy":
        return None
    labels = _labels(_read_table(folder / "dev.parquet", ["label"])["label"])
    return rare_class(labels, value["classes"])


def _read_description(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        version = value["format"]
        if type(version) is int and version > FORMAT:
            raise UserError(f"{path} was written by a newer version of seedproof (format {version}); update seedproof")
        value = unsealed(value)
        _check_types(value)
    except UserError:
        raise
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        why = f"it is not the description of a task: {error}"
        raise UserError(f"{path} is damaged ({why}); restore it from a copy") from None
    checked: dict[str, Any] = value
    return checked


def _check_types(value: Mapping[str, Any]) -> None:
    for name in ("name", "fingerprint"):
        if not isinstance(value[name], str):
            raise ValueError(f"its {name} is {value[name]!r}")
    for name, kind in (("reason", str), ("metric", str), ("parsing", dict)):
        if not isinstance(value.get(name, kind()), kind):
            raise ValueError(f"its {name} is {value[name]!r}")
    optional = [name for name in ("decisions", "warnings") if name in value]
    for name in ("classes", "metrics", "extra", "notes", *optional):
        if not isinstance(value[name], list) or not all(isinstance(item, str) for item in value[name]):
            raise ValueError(f"its {name} are {value[name]!r}")


def _write_split(split: Split, path: Path) -> None:
    import pyarrow
    from pyarrow import parquet

    named = {"text": split.texts, "pair": split.pairs, "id": split.ids, "group": split.groups}
    columns = {name: pyarrow.array(texts, pyarrow.string()) for name, texts in named.items() if texts is not None}
    if split.labels.ndim == 2:
        flat = pyarrow.array(split.labels.ravel())
        columns["label"] = pyarrow.FixedSizeListArray.from_arrays(flat, split.labels.shape[1])
    else:
        columns["label"] = pyarrow.array(split.labels)
    with path.open("wb") as file:  # pyarrow would take a path with a colon for an address
        parquet.write_table(pyarrow.table(columns), file)


def _read_table(path: Path, columns: list[str] | None = None) -> Any:
    import pyarrow
    from pyarrow import parquet

    try:
        with path.open("rb") as file:
            return parquet.ParquetFile(file).read(columns=columns)
    except (OSError, pyarrow.ArrowException) as error:
        raise _unreadable(path, error) from None


def _read_split(path: Path) -> Split:
    table = _read_table(path)
    try:
        named = {
            name: tuple(table[name].to_pylist()) if name in table.column_names else None
            for name in ("text", "pair", "id", "group")
        }
        return Split(named["text"] or (), named["pair"], _labels(table["label"]), named["id"], named["group"])
    except (KeyError, ValueError, TypeError) as error:  # also what is no split
        raise _unreadable(path, error) from None


def _labels(column: Any) -> NDArray[Any]:
    """The labels of a column, (n,), or (n, labels) of one with lists."""
    import pyarrow

    if not pyarrow.types.is_fixed_size_list(column.type):
        values: NDArray[Any] = column.to_numpy()
        return values
    flat: NDArray[Any] = column.combine_chunks().flatten().to_numpy()
    return flat.reshape(len(column), column.type.list_size)


def _unreadable(path: Path, error: Exception) -> Exception:
    return error if is_out_of_memory(error) else UserError(f"cannot read {path}: {error}; restore it from a copy")


def _replace(path: Path, write: Callable[[Path], object]) -> None:
    """Write under a temporary name of this process, flush to the disk, then move into place in one step."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        write(temporary)
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
