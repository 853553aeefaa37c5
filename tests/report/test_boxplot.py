"""The numbers of the box plot by hand, then that every run really is drawn and the files are whole and repeatable."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest

from seedproof.errors import UserError
from seedproof.report import boxplot
from seedproof.report.boxplot import COLUMNS, box_plot_table, draw_box_plot
from seedproof.report.figures import style


def cell(table, task, plain=True):
    return table[(table["task"] == task) & ((table["recipe"] == "devlin") == plain)]


@pytest.fixture
def twice(runs):
    """Every run with a second one of the same score: enough for boxes, with the same quartiles."""
    again = runs.assign(seed=[str(int(seed) + 4) for seed in runs["seed"]], run=runs["run"] + "-again")
    return pd.concat([runs, again], ignore_index=True)


def test_a_box_by_hand(twice):
    """Two each of .5 .6 .7 .8: quartiles .575, .65, .725 (linear), whiskers at the extremes."""
    table = box_plot_table(twice)
    assert list(table.columns) == list(COLUMNS)
    box = cell(table, "glue/rte").iloc[0]
    numbers = [box[name] for name in ("lower_whisker", "lower_quartile", "median", "upper_quartile", "upper_whisker")]
    assert numbers == pytest.approx([0.5, 0.575, 0.65, 0.725, 0.8])
    assert box["mean"] == pytest.approx(0.65)
    assert (box["runs"], box["finished"], box["failed"], box["diverged"]) == (8, 8, 2, 0)


def test_a_box_needs_five_runs(runs):
    """Quartiles of four runs are the runs again; the mean, the median and every run are there."""
    few = cell(box_plot_table(runs), "glue/rte")
    assert few[["lower_quartile", "upper_whisker"]].isna().all(axis=None)
    assert (few["median"].iloc[0], len(few)) == (pytest.approx(0.65), 4)
    legend = boxplot._figure(box_plot_table(runs)).legends[0]
    assert "no box of fewer than 5 runs" in [text.get_text() for text in legend.get_texts()]


def test_whiskers_stop_at_one_and_a_half_boxes():
    """A far run is a point, not a whisker; quartiles 1.25 and 3.75 reach from -2.5 to 7.5."""
    box = boxplot._box(np.array([1.0, 2.0, 3.0, 4.0, 1.0, 20.0]))
    assert (box["lower_quartile"], box["upper_quartile"]) == (1.25, 3.75)
    assert (box["lower_whisker"], box["upper_whisker"]) == (1.0, 4.0)


def test_every_finished_run_has_a_row(runs):
    """Failed and diverged runs are points too; a cell without any keeps its place."""
    table = box_plot_table(runs)
    mixed = cell(table, "glue/rte", plain=False)
    assert list(mixed["outcome"]) == ["majority", "diverged", "succeeded"]
    assert list(mixed["seed"]) == ["0", "1", "2"]
    empty = cell(table, "glue/cola", plain=False)
    assert len(empty) == 1
    assert empty["seed"].isna().all()
    assert empty["runs"].iloc[0] == 4


def test_a_diverged_run_takes_the_box_away(twice):
    """Quartiles of the remaining runs would hide it."""
    mixed = cell(box_plot_table(twice), "glue/rte", plain=False)
    for name in ("lower_whisker", "lower_quartile", "median", "upper_quartile", "upper_whisker", "mean"):
        assert mixed[name].isna().all()


def test_offsets_follow_from_the_ranks_alone(runs):
    """The same table each time, whatever the order of the rows; points stay inside their box and apart."""
    first, again = box_plot_table(runs), box_plot_table(runs.sort_values("seed", ascending=False, kind="stable"))
    assert first.equals(again)
    offsets = boxplot._offsets(np.full(25, 0.5))
    assert max(map(abs, offsets)) <= 0.5
    assert min(np.diff(sorted(offsets))) > 1 / 60


def marks(axes, color):
    """Points in this edge or face colour, as (x, y) in data coordinates."""
    from matplotlib.colors import to_rgba

    found = []
    for points in axes.collections:
        for colors in (points.get_facecolor(), points.get_edgecolor()):
            if len(colors) and tuple(colors[0]) == to_rgba(color):
                found += np.asarray(points.get_offsets()).tolist()
                break
    return found


def test_what_is_drawn_is_what_the_table_says(runs):
    """Every run is a point at its score, the majority line is at .5, the counts stand over the boxes."""
    figure = boxplot._figure(box_plot_table(runs))
    rte, cola = figure.axes
    assert sorted(y for _, y in marks(rte, style.BLUE)) == pytest.approx([0.6, 0.625, 0.7, 0.8])
    failed = marks(rte, style.VERMILION)
    assert sorted(y for _, y in failed) == pytest.approx([boxplot._STRIP / 2, 0.5, 0.5])
    assert any(np.allclose(line.get_ydata(), 0.5) and line.get_linestyle() == "--" for line in rte.lines)
    words = [text.get_text() for text in rte.texts]
    assert {"1/4 failed", "2/3 failed", "0.500", "diverged", "1"} <= set(words)
    assert "none finished" in [text.get_text() for text in cola.texts]


def test_a_box_per_cell_that_has_one(twice):
    """The diverged runs take theirs away, and unfinished runs make none."""
    assert [len(axes.patches) for axes in boxplot._figure(box_plot_table(twice)).axes] == [2, 1]


def test_diverged_runs_are_below_every_score(runs):
    """Their strip is not part of the score axis: no score and no tick lies in it."""
    axes = boxplot._figure(box_plot_table(runs)).axes[0]
    low, high = axes.get_ylim()
    edge = low + boxplot._STRIP * (high - low)
    assert edge < 0.5
    assert all(tick > edge for tick in axes.get_yticks())


@pytest.mark.parametrize(
    ("suffix", "begin"),
    [
        (".png", b"\x89PNG"),
        *(pytest.param(*other, marks=pytest.mark.slow) for other in [(".svg", b"<?xml"), (".pdf", b"%PDF")]),
    ],
)
def test_files_are_whole_and_repeatable(runs, tmp_path, suffix, begin):
    """The same table gives the same bytes, dates left out; nothing else is left in the folder."""
    table = box_plot_table(runs)
    first, second = (draw_box_plot(table, tmp_path / f"{name}{suffix}").read_bytes() for name in "ab")
    assert first == second
    assert first.startswith(begin)
    assert not re.search(rb"CreationDate|<dc:date>", first)
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"a{suffix}", f"b{suffix}"]


def test_drawing_leaves_the_user_s_settings_alone(runs, tmp_path):
    """matplotlib's global settings are the user's."""
    import matplotlib

    before = dict(matplotlib.rcParams)
    draw_box_plot(box_plot_table(runs), tmp_path / "a.png")
    assert dict(matplotlib.rcParams) == before


def test_bad_paths_are_named(runs, tmp_path):
    """An unknown suffix and a missing folder, before anything is drawn."""
    table = box_plot_table(runs)
    with pytest.raises(UserError, match=r"a\.bmp: its name must end in \.pdf, \.png, \.svg"):
        draw_box_plot(table, tmp_path / "a.bmp")
    with pytest.raises(UserError, match="there is no folder"):
        draw_box_plot(table, tmp_path / "none" / "a.png")


def test_no_runs_at_all(runs):
    """A study without runs gets a message, not an empty figure."""
    with pytest.raises(UserError, match="no runs yet"):
        box_plot_table(runs.iloc[:0])


@pytest.mark.parametrize(
    ("label", "lines"),
    [
        ("mosbach", ["mosbach"]),
        ("devlin-quarter-lr", ["devlin-", "quarter-lr"]),
        ("mosbach(epochs=10, learning_rate=3e-05)", ["mosbach(", "epochs=10,", "learning_rate=", "3e-05)"]),
        ("x" * 40, ["x" * 16, "x" * 16, "x" * 8]),
    ],
)
def test_labels_break_where_they_read_well(label, lines):
    """No letter is lost, and an exponent's hyphen is no place to break."""
    assert boxplot._wrapped(label, 13).split("\n") == lines


def test_all_runs_at_one_score(runs):
    """A recipe that always fails has a box of height 0 and an axis of height above 0."""
    axes = boxplot._figure(box_plot_table(runs[runs["score"] == 0.9])).axes[0]
    low, high = axes.get_ylim()
    assert low < 0.5 < 0.9 < high
    assert math.isfinite(low + high)
