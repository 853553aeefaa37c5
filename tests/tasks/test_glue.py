"""GLUE: the real files (counts, text, majority), made files in the layout for the rest, and the hub."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from seedproof.errors import UserError
from seedproof.tasks import Task, load_task
from seedproof.tasks.glue import GLUE

REAL: dict[str, tuple[int, int, dict[str, float]]] = {
    "cola": (8551, 1043, {"matthews": 0, "accuracy": 721 / 1043}),
    "sst2": (67349, 872, {"accuracy": 444 / 872}),
    "mrpc": (3668, 408, {"f1": 2 * 279 / (279 + 408), "accuracy": 279 / 408, "accuracy_f1": 0.74803}),
    "stsb": (5749, 1500, {"pearson": 0, "spearman": 0, "pearson_spearman": 0}),
    "rte": (2490, 277, {"accuracy": 146 / 277}),
    "wnli": (635, 71, {"accuracy": 40 / 71}),
}

_PARSES = ["sentence1_binary_parse", "sentence2_binary_parse", "sentence1_parse", "sentence2_parse"]
MNLI_HEADER = ["index", "promptID", "pairID", "genre", *_PARSES, "sentence1", "sentence2", "label1", "gold_label"]


def write_lines(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("\n".join(lines).encode() + b"\n")


def make_mnli(folder: Path) -> None:
    """Three rows per file; the development files have more columns, as the official ones."""
    labels = ["neutral", "entailment", "contradiction"]
    for name in ("train", "dev_matched", "dev_mismatched"):
        header = MNLI_HEADER if name == "train" else [*MNLI_HEADER[:-1], "label2", "label3", "gold_label"]
        rows = [[*(f"{name} {column} {index}" for column in header[:-1]), labels[index]] for index in range(3)]
        write_lines(folder / "MNLI" / f"{name}.tsv", *("\t".join(row) for row in [header, *rows]))


def make_rte(folder: Path, *rows: str) -> Path:
    """A small RTE whose training file ends with ``rows``."""
    header = "index\tsentence1\tsentence2\tlabel"
    lines = (header, "0\ta b\tc\tentailment", "1\td\te\tnot_entailment")
    write_lines(folder / "RTE" / "dev.tsv", *lines)
    write_lines(folder / "RTE" / "train.tsv", *lines, *rows)
    return folder / "RTE" / "train.tsv"


@pytest.mark.parametrize("name", sorted(REAL))
def test_real_counts_and_majority(glue_dir: Path, name: str) -> None:
    """Quotes must not join rows (MRPC 3570, STS-B 5711 with them), and no row may be lost at the end."""
    train, dev, majority = REAL[name]
    task = load_task(f"glue/{name}", data_dir=glue_dir)
    assert (len(task.train), len(task.dev), task.notes) == (train, dev, ())
    assert task.majority == pytest.approx(majority, abs=1e-5)
    assert list(task.metrics) == list(majority)


def test_real_texts_keep_their_characters(glue_dir: Path) -> None:
    """A byte-order mark, quotes and the tokenised spacing of MRPC; no header in CoLA."""
    mrpc, cola = load_task("glue/mrpc", data_dir=glue_dir), load_task("glue/cola", data_dir=glue_dir)
    assert mrpc.train.texts[0].startswith('Amrozi accused his brother , whom he called " the witness " ,')
    assert mrpc.train.labels[0] == 1
    assert cola.train.texts[0].startswith("Our friends won't buy this analysis")
    assert cola.dev.texts[-1].strip()
    assert load_task("glue/stsb", data_dir=glue_dir).train.labels[:2].tolist() == [5.0, 3.8]


def test_real_label_order(glue_dir: Path) -> None:
    """RTE's first training row is not_entailment, index 1; sorting names by chance gives the same, for MNLI not."""
    rte = load_task("glue/rte", data_dir=glue_dir)
    assert (rte.classes, rte.train.labels[0], int((rte.dev.labels == 0).sum())) == (
        ("entailment", "not_entailment"),
        1,
        146,
    )


def test_a_partial_training_set_is_never_qnli(glue_dir: Path) -> None:
    with pytest.raises(UserError, match="a partial training set is never presented as QNLI"):
        load_task("glue/qnli", data_dir=glue_dir)


def test_qnli_dev_majority_with_a_made_training_file(glue_dir: Path, tmp_path: Path) -> None:
    """The real development set is whole; a training file of another size is said in the notes."""
    header = "index\tquestion\tsentence\tlabel"
    write_lines(tmp_path / "QNLI" / "train.tsv", header, "0\tq\ts\tentailment", "1\tq\tt\tnot_entailment")
    shutil.copy(glue_dir / "QNLI" / "dev.tsv", tmp_path / "QNLI" / "dev.tsv")
    task = load_task("glue/qnli", data_dir=tmp_path)
    assert len(task.dev) == 5463
    assert task.majority["accuracy"] == pytest.approx(2761 / 5463)
    assert "train has 2 examples, the official QNLI has 104743: not a result on QNLI" in task.notes


def test_mnli_takes_columns_by_name_and_has_two_evaluation_splits(tmp_path: Path) -> None:
    make_mnli(tmp_path)
    task = load_task("glue/mnli", data_dir=tmp_path)
    assert task.classes == ("entailment", "neutral", "contradiction")
    assert task.train.labels.tolist() == [1, 0, 2]
    assert list(task.evaluation_splits) == ["dev", "mismatched"]
    assert task.dev.texts[0] == "dev_matched sentence1 0"
    assert task.dev.pairs is not None
    assert task.dev.pairs[2] == "dev_matched sentence2 2"
    assert task.extra["mismatched"].texts[0] == "dev_mismatched sentence1 0"


def test_qqp_leaves_damaged_rows_out_and_says_so(tmp_path: Path) -> None:
    """The official file has rows broken by a line end, and questions without text; the hub's version treats them so."""
    header = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate"
    rows = ("0\t1\t2\tq a\tq b\t0", "1\t3\t4\tbroken", "2\t5\t6\tq c\t\t1", "rest\t0")
    write_lines(tmp_path / "QQP" / "train.tsv", header, *rows)
    write_lines(tmp_path / "QQP" / "dev.tsv", header, rows[0], rows[2])
    task = load_task("glue/qqp", data_dir=tmp_path)
    assert (task.train.texts, task.train.pairs) == (("q a", "q c"), ("q b", ""))
    assert task.metrics == ("accuracy", "f1", "accuracy_f1")
    assert "train.tsv: 2 damaged rows left out, as in the hub's version (row 3, 5)" in task.notes


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("2\tonly\tthree", r"train\.tsv, row 4: too few fields, found 3 where 4 are needed"),
        ("2\ta\tb\tc\tentailment", r"train\.tsv, row 4: too many fields, found 5 where 4"),
        ("2\ta\tb\tentailed", r"row 4: unknown label 'entailed' in column 'label'; did you mean 'entailment'\?"),
        ("2\ta\t\tentailment", r"row 4: column 'sentence2' has no text"),
        ("2\ta\tb\t", r"row 4: column 'label' has no label"),
    ],
)
def test_bad_rows(tmp_path: Path, row: str, message: str) -> None:
    make_rte(tmp_path, row)
    with pytest.raises(UserError, match=message):
        load_task("glue/rte", data_dir=tmp_path)


def test_quotes_and_odd_line_separators_are_text(tmp_path: Path) -> None:
    """An unbalanced quote, U+2028 and a carriage return before the line feed of a file from Windows."""
    path = make_rte(tmp_path, '2\t"open\tp\u2028q\u0085\tentailment')
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    task = load_task("glue/rte", data_dir=tmp_path)
    assert task.train.texts[-1] == '"open'
    assert task.train.pairs is not None
    assert task.train.pairs[-1] == "p\u2028q\u0085"


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_bytes_that_are_not_utf8(tmp_path: Path, mark: bytes) -> None:
    """The offset is that of the file, a byte-order mark counted."""
    path = make_rte(tmp_path, "2\tcaf#\tb\tentailment")
    data = mark + path.read_bytes().replace(b"#", b"\xe9")
    path.write_bytes(data)
    with pytest.raises(UserError, match=rf"row 4: byte 0xe9 at offset {data.index(0xE9)} is not UTF-8"):
        load_task("glue/rte", data_dir=tmp_path)


def test_empty_and_single_class_files(tmp_path: Path) -> None:
    path = make_rte(tmp_path)
    for content, message in [
        ("", r"train\.tsv is empty"),
        ("index\tsentence1\tsentence2\tlabel\n", r"train\.tsv is empty"),
        ("index\tsentence1\tsentence2\tlabel\n0\ta\tb\tentailment\n", r"train\.tsv.*single class 'entailment'"),
        ("index\tsentence1\tsentence3\tlabel\n", r"no column 'sentence2'; did you mean 'sentence3'\?"),
    ]:
        path.write_text(content)
        with pytest.raises(UserError, match=message):
            load_task("glue/rte", data_dir=tmp_path)


def test_wrong_folders(tmp_path: Path) -> None:
    """Each message names the folder and the way out."""
    make_rte(tmp_path)
    (tmp_path / "RTE" / "dev.tsv").rename(tmp_path / "RTE" / "dev2.tsv")
    for data_dir, name, message in [
        (tmp_path / "nowhere", "rte", "there is no folder .*nowhere"),
        (tmp_path, "cola", r"no folder 'CoLA' \(its folders: RTE\)"),
        (tmp_path / "RTE", "rte", "is the folder of one task; give the one above it"),
        (tmp_path, "rte", r"no file .*dev\.tsv; did you mean .*dev2\.tsv"),
    ]:
        with pytest.raises(UserError, match=message):
            load_task(f"glue/{name}", data_dir=data_dir)


def hub_of(task: Task, name: str) -> datasets.DatasetDict:
    """The data set that the hub would give for ``task``, with its own column and split names."""
    spec = GLUE[name]
    columns = spec.hub_columns or spec.columns
    feature = datasets.ClassLabel(names=list(spec.hub_classes)) if spec.classes else datasets.Value("float32")
    types = {
        **{column: datasets.Value("string") for column in columns},
        "label": feature,
        "idx": datasets.Value("int32"),
    }
    matched = "_matched" if task.extra else ""
    splits = {"train": task.train, f"validation{matched}": task.dev}
    splits.update({f"validation_{extra}": split for extra, split in task.extra.items()})
    made = {}
    for split_name, split in splits.items():
        texts = [split.texts] if split.pairs is None else [split.texts, split.pairs]
        values: dict[str, list[Any]] = {
            column: list(column_texts) for column, column_texts in zip(columns, texts, strict=True)
        }
        values |= {"label": split.labels.tolist(), "idx": list(range(len(split)))}
        made[split_name] = datasets.Dataset.from_dict(values, features=datasets.Features(types))
    return datasets.DatasetDict(made)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], list[Any]]:
    """Let ``load_dataset`` give a value, or raise it; returns the list of its calls."""

    def use(value: Any) -> list[Any]:
        calls: list[Any] = []

        def load_dataset(*arguments: Any) -> Any:
            calls.append(arguments)
            if isinstance(value, BaseException):
                raise value
            return value

        monkeypatch.setattr(datasets, "load_dataset", load_dataset)
        return calls

    return use


@pytest.mark.parametrize("name", ["cola", "mrpc", "stsb", "rte", "wnli"])
def test_hub_and_files_have_the_same_fingerprint(glue_dir: Path, hub: Callable[[Any], list[Any]], name: str) -> None:
    """Runs on either source have the same id; STS-B's float32 scores included."""
    local = load_task(f"glue/{name}", data_dir=glue_dir)
    calls = hub(hub_of(local, name))
    task = load_task(f"glue/{name}")
    assert task.fingerprint == local.fingerprint
    assert (task.name, task.notes) == (f"glue/{name}", ())
    assert calls == [("nyu-mll/glue", name)]


def test_hub_mnli(tmp_path: Path, hub: Callable[[Any], list[Any]]) -> None:
    """Other column names, and two validation splits."""
    make_mnli(tmp_path)
    local = load_task("glue/mnli", data_dir=tmp_path)
    hub(hub_of(local, "mnli"))
    assert load_task("glue/mnli").fingerprint == local.fingerprint


def test_hub_mistakes(tmp_path: Path, hub: Callable[[Any], list[Any]]) -> None:
    """No connection, and data that is not what the name says."""
    make_rte(tmp_path)
    good = hub_of(load_task("glue/rte", data_dir=tmp_path), "rte")
    swapped = datasets.ClassLabel(names=["not_entailment", "entailment"])
    for value, message in [
        (ConnectionError("offline"), r"cannot load glue/rte from the hub \(offline\).*--data-dir"),
        (datasets.DatasetDict({"train": good["train"]}), r"no such split \(found: train\)"),
        (good.remove_columns("sentence2"), "no column 'sentence2'"),
        (good.cast_column("label", swapped), r"classes are \('not_entailment', 'entailment'\)"),
    ]:
        hub(value)
        with pytest.raises(UserError, match=message):
            load_task("glue/rte")
