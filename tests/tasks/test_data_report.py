"""What is seen of a task's data before it is trained on: counts, classes that look alike, copies in both parts."""

from __future__ import annotations

import unicodedata

import pytest

from seedproof.tasks import Split, Task
from seedproof.tasks.data_report import alike_classes

NFC = "caf\u00e9"
NFD = unicodedata.normalize("NFD", NFC)


def task(classes: tuple[str, ...] = ("neg", "pos"), dev: tuple[str, ...] = ("c", "d")) -> Task:
    train = Split(["a", "b", "c d"], ["x", "y", "z"], [0, 1, 0] if classes else [0.5, 1.5, 4.0])
    other = Split(dev, ["x", "z"], [0, 1] if classes else [1.0, 2.0])
    return Task(
        name="t",
        train=train,
        dev=other,
        classes=classes,
        metrics=("accuracy",) if classes else ("pearson",),
        extra={"more": train},
    )


def test_classes_have_counts_in_every_split() -> None:
    report = task().data_report
    assert report.counts["train"] == {"neg": 2, "pos": 1}
    assert report.decisions == ("3 training and 2 development examples of 2 classes: neg 2 + 1, pos 1 + 1",)
    assert task(("neg ", "pos")).data_report.decisions[0].endswith("'neg ' 2 + 1, pos 1 + 1")


def test_many_classes_show_the_largest_and_the_smallest() -> None:
    classes = tuple(f"c{index:02}" for index in range(20))
    split = Split(["a"] * 39, None, [*range(19), *range(20)])
    line = Task(name="t", train=split, dev=split, classes=classes, metrics=("accuracy",)).data_report.decisions[0]
    assert "20 classes: c00 2 + 2" in line
    assert line.endswith("..., c18 2 + 2, c19 1 + 1")


def test_a_regression_has_a_range() -> None:
    report = task(()).data_report
    assert report.decisions == ("3 training and 2 development examples, with targets from 0.5 to 4 (mean 2)",)
    assert not report.counts


def test_examples_that_stand_in_both_parts_are_counted_by_split() -> None:
    """A pair is a copy where both texts are; blanks do not count."""
    assert task().data_report.copies == {"dev": 0, "more": 3}
    report = task(dev=(" a", "c  d")).data_report
    assert report.copies["dev"] == 2
    assert report.warnings[0].startswith("2 of the 2 development examples stand in the training set, too")


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("pos", "pos "), "'pos' (5), 'pos ' (3) differ only by blanks;"),
        (("po s", "po\u00a0 s"), "differ only by blanks;"),
        (("pos", "Pos"), "differ only by case;"),
        (("pos", "\u200bPos"), "differ only by blanks, case or Unicode form;"),
        ((NFC, NFD), r"'caf\xe9' (5), 'cafe\u0301' (3) differ only by Unicode form;"),
        (("1", "+01"), "differ only by the way the number is written;"),
    ],
)
def test_classes_that_look_alike_are_a_warning(names: tuple[str, str], reason: str) -> None:
    """Blanks, no-break spaces, zero width, case, Unicode form, numbers."""
    (warning,) = task(names, dev=("e", "f")).data_report.warnings[:1]
    assert reason in warning


def test_classes_that_differ_are_no_warning() -> None:
    assert alike_classes(("neg", "pos", "1", "2", "1.5", "on", "no", "a b", "ab")) == ()


def test_a_text_with_two_labels_is_named() -> None:
    train = Split(["a", "a ", "b", "b"], None, [0, 1, 1, 1])
    found = Task(name="t", train=train, dev=train, classes=("no", "yes"), metrics=("accuracy",)).data_report.warnings
    assert found[0] == "1 texts of the training set have more than one label, such as 'a'"
    rated = Split(["a", "a"], None, [0.5, 1.0])
    assert not any(
        "label" in warning
        for warning in Task(name="t", train=rated, dev=rated, classes=(), metrics=("pearson",)).data_report.warnings
    )
