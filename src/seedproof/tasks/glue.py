"""The nine GLUE tasks (Wang et al., 2019), from a folder in the layout of the GLUE download or from the hub.

One table below says everything that differs between them. The files' traps: there is no quoting, MRPC begins with a
byte-order mark, CoLA has no header, and a few rows of QQP are damaged. Labels get the order of the official label
lists, which is also that of the hub, so that both sources give a task with the same fingerprint.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from seedproof.errors import UserError, unknown
from seedproof.tasks.base import Task
from seedproof.tasks.cells import texts_of
from seedproof.tasks.classes import class_indices
from seedproof.tasks.reading import missing_file, read_table
from seedproof.tasks.split import Split, check_varied
from seedproof.tasks.targets import single_precision, targets_of

PREFIX = "glue/"


@dataclass(frozen=True, kw_only=True)
class GlueTask:
    """How one task is stored and judged."""

    title: str
    """One line for lists."""
    folder: str
    """Name of its folder in the download."""
    columns: tuple[str, ...]
    """Columns of the texts: one, or two for pairs."""
    label: str = "label"
    """Column of the label."""
    classes: tuple[str, ...] = ("0", "1")
    """Labels as the files write them, in the official order; () for regression."""
    metrics: tuple[str, ...] = ("accuracy",)
    """The first one is GLUE's, or the paper's where GLUE reports two."""
    header: tuple[str, ...] | None = None
    """All columns, for the file that does not begin with them."""
    damaged_rows: bool = False
    """Leave out rows with a wrong number of fields, and keep empty texts, as the hub's version does."""
    dev: str = "dev"
    """Name of the development file; its split on the hub begins with ``validation`` instead of ``dev``."""
    extra: dict[str, str] = field(default_factory=dict)
    """Further evaluation splits and their files."""
    hub_columns: tuple[str, ...] | None = None
    """Columns of the texts on the hub, where they have other names there."""
    hub_classes: tuple[str, ...] = ()
    """Names of the same classes on the hub."""
    sizes: tuple[int, int]
    """Official numbers of training and development examples."""


GLUE: dict[str, GlueTask] = {
    "cola": GlueTask(
        title="CoLA: is the sentence acceptable English?",
        folder="CoLA",
        columns=("sentence",),
        metrics=("matthews", "accuracy"),
        header=("source", "label", "mark", "sentence"),
        hub_classes=("unacceptable", "acceptable"),
        sizes=(8551, 1043),
    ),
    "sst2": GlueTask(
        title="SST-2: is the film review positive?",
        folder="SST-2",
        columns=("sentence",),
        hub_classes=("negative", "positive"),
        sizes=(67349, 872),
    ),
    "mrpc": GlueTask(
        title="MRPC: do the two news sentences say the same?",
        folder="MRPC",
        columns=("#1 String", "#2 String"),
        label="Quality",
        metrics=("f1", "accuracy", "accuracy_f1"),
        hub_columns=("sentence1", "sentence2"),
        hub_classes=("not_equivalent", "equivalent"),
        sizes=(3668, 408),
    ),
    "stsb": GlueTask(
        title="STS-B: how similar are the two sentences, 0 to 5? (regression)",
        folder="STS-B",
        columns=("sentence1", "sentence2"),
        label="score",
        classes=(),
        metrics=("pearson", "spearman", "pearson_spearman"),
        sizes=(5749, 1500),
    ),
    "qqp": GlueTask(
        title="QQP: do the two questions ask the same?",
        folder="QQP",
        columns=("question1", "question2"),
        label="is_duplicate",
        metrics=("accuracy", "f1", "accuracy_f1"),
        damaged_rows=True,
        hub_classes=("not_duplicate", "duplicate"),
        sizes=(363846, 40430),
    ),
    "mnli": GlueTask(
        title="MNLI: does the first sentence entail the second? (three classes; judged on the matched set)",
        folder="MNLI",
        columns=("sentence1", "sentence2"),
        label="gold_label",
        classes=("entailment", "neutral", "contradiction"),
        dev="dev_matched",
        extra={"mismatched": "dev_mismatched"},
        hub_columns=("premise", "hypothesis"),
        hub_classes=("entailment", "neutral", "contradiction"),
        sizes=(392702, 9815),
    ),
    "qnli": GlueTask(
        title="QNLI: does the sentence answer the question?",
        folder="QNLI",
        columns=("question", "sentence"),
        classes=("entailment", "not_entailment"),
        hub_classes=("entailment", "not_entailment"),
        sizes=(104743, 5463),
    ),
    "rte": GlueTask(
        title="RTE: does the first text entail the second?",
        folder="RTE",
        columns=("sentence1", "sentence2"),
        classes=("entailment", "not_entailment"),
        hub_classes=("entailment", "not_entailment"),
        sizes=(2490, 277),
    ),
    "wnli": GlueTask(
        title="WNLI: is the pronoun read rightly?",
        folder="WNLI",
        columns=("sentence1", "sentence2"),
        hub_classes=("not_entailment", "entailment"),
        sizes=(635, 71),
    ),
}
"""The nine tasks by their short name."""


def load(name: str, data_dir: str | Path | None = None) -> Task:
    """Load one GLUE task.

    Args:
        name: a key of :data:`GLUE`, e.g. ``"rte"``.
        data_dir: the folder that holds ``RTE``, ``CoLA`` and so on; None loads from the hub.

    Returns:
        The task, named ``glue/<name>``. Where a split has not the official number of examples, its notes say so.

    Raises:
        UserError: an unknown name, or files that are missing or damaged.
    """
    if name not in GLUE:
        raise unknown("GLUE task", name, GLUE)
    spec = GLUE[name]
    notes: list[str] = []
    if data_dir is None:
        from seedproof.tasks.hub import load_splits

        splits = load_splits(name, spec)
    else:
        folder = _folder(Path(data_dir), spec)
        files = {"train": "train", "dev": spec.dev, **spec.extra}
        splits = {split: _read_split(folder / f"{file}.tsv", spec, notes) for split, file in files.items()}
    for split, official in zip(("train", "dev"), spec.sizes, strict=True):
        if len(splits[split]) != official:
            notes.append(
                f"{split} has {len(splits[split])} examples, the official {spec.folder} has {official}: "
                f"not a result on {spec.folder}"
            )
    return Task(
        name=PREFIX + name,
        train=splits.pop("train"),
        dev=splits.pop("dev"),
        classes=spec.classes,
        metrics=spec.metrics,
        extra=splits,
        notes=tuple(notes),
    )


def _folder(data_dir: Path, spec: GlueTask) -> Path:
    """Find the task's folder in ``data_dir``."""
    if not data_dir.is_dir():
        raise UserError(f"there is no folder {data_dir}; give the folder of the GLUE download as --data-dir")
    folder = data_dir / spec.folder
    if folder.is_dir():
        return folder
    if data_dir.name == spec.folder and (data_dir / "train.tsv").is_file():
        raise UserError(
            f"{data_dir} is the folder of one task; give the one above it, {data_dir.parent}, as --data-dir"
        )
    found = sorted(entry.name for entry in data_dir.iterdir() if entry.is_dir())
    raise UserError(f"{data_dir} has no folder {spec.folder!r} (its folders: {', '.join(found) or 'none'})")


def _read_split(path: Path, spec: GlueTask, notes: list[str]) -> Split:
    """Read one file; what was left out is added to ``notes``."""
    if not path.is_file():
        raise _missing(path, spec)
    wanted = (*spec.columns, spec.label)
    table = read_table(path, wanted, quoting="none", header=spec.header, skip_damaged=spec.damaged_rows)
    notes += table.notes
    if table.damaged:
        listed = ", ".join(map(str, table.damaged[:5])) + (", ..." if len(table.damaged) > 5 else "")
        notes.append(f"{path.name}: {len(table.damaged)} damaged rows left out, as in the hub's version (row {listed})")
    # The hub stores STS-B's scores as float32, and a few in the files have more digits: both get the hub's precision.
    labels = (
        class_indices(table, spec.label, spec.classes)
        if spec.classes
        else single_precision(targets_of(table, spec.label))
    )
    check_varied(labels, spec.classes, f"{path}, column {spec.label!r}")
    texts = [texts_of(table, column, allow_empty=spec.damaged_rows) for column in spec.columns]
    return Split(texts[0], texts[1] if len(texts) > 1 else None, labels)


def _missing(path: Path, spec: GlueTask) -> UserError:
    """Build the error for a missing file. A partial training set is refused whatever it is called."""
    partial = sorted(path.parent.glob(f"{path.stem}.partial*"))
    if partial:
        return UserError(
            f"{path} is missing. {partial[0].name} beside it is not used: a partial training set is never presented as "
            f"{spec.folder}. Put the whole file there, or load the part as a table under a name of its own"
        )
    return missing_file(path)
