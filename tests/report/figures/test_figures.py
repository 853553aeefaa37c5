"""Each figure draws what its table says, is the same file every time, and refuses what cannot be drawn."""

from __future__ import annotations

import io
import math
import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from seedproof.errors import UserError
from seedproof.report import figures
from seedproof.report.figures import curves, forgetting, generalization, gradients, step_sizes, style, surface
from seedproof.report.figures.axes import log_axis, one_format
from seedproof.report.figures.writing import also_as

HOSTILE = "<script>$x$</script>"


def curve_table() -> pd.DataFrame:
    """A run of each verdict, 300 steps; the diverged one ends at step 150 with NaN."""
    parts = []
    for run, outcome, count in (("a", "succeeded", 300), ("b", "failed", 300), ("c", "failed", 150)):
        values = np.linspace(0.7, 0.1, count) if run == "a" else np.full(count, 0.69)
        if run == "c":
            values[-1] = math.nan
        about = {"run": run, "seed": run, "recipe": HOSTILE, "outcome": outcome}
        parts.append(pd.DataFrame(about | {"step": np.arange(1, count + 1), "value": values}))
    return pd.concat(parts)


def gradient_table() -> pd.DataFrame:
    """A failed and a successful run, three layers, one norm that is 0 and one that is infinite."""
    rows = []
    for run, outcome in (("s", "succeeded"), ("f", "failed")):
        for step in (1, 10, 20):
            places = [(layer, "query", 10.0 ** (layer - 3)) for layer in range(3)] + [(None, "classifier", 0.5)]
            rows += [(run, "1", HOSTILE, outcome, step, layer, kind, norm) for layer, kind, norm in places]
    table = pd.DataFrame(rows, columns=list(gradients.COLUMNS)).astype({"layer": "Int64"})
    table.loc[4, "norm"], table.loc[5, "norm"] = 0.0, math.inf
    return table


def forgetting_table() -> pd.DataFrame:
    rows = [
        ("a", "1", outcome, k, "finetuned", 8.0 * (scale - k))
        for outcome, scale in (("failed", 90), ("succeeded", 5))
        for k in range(4)
    ]
    table = pd.DataFrame(rows, columns=list(forgetting.COLUMNS)).assign(run=lambda frame: frame["outcome"])
    whole = table.drop_duplicates("run").assign(layers_restored=3, embeddings="pretrained", perplexity=8.0)
    return pd.concat([table, whole])


def step_table() -> pd.DataFrame:
    steps = np.arange(1, 101)
    rates = 1e-5 * (1 - steps / 100)
    return pd.DataFrame(
        {"recipe": HOSTILE, "step": steps, "factor": 0.3, "learning_rate": rates, "step_size": rates / 0.3}
    )


def plane() -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Grid, points and edges of alpha + 2 beta + 5, one point not finite."""
    axis = np.linspace(-1, 1, 5)
    alpha, beta = (part.ravel() for part in np.meshgrid(axis, axis))
    grid = pd.DataFrame({"alpha": alpha, "beta": beta, "loss": alpha + 2 * beta + 5})
    grid.loc[0, "loss"] = math.nan
    points = pd.DataFrame({"point": list("pfs"), "alpha": [0, 1, 0], "beta": [0, 0, 1], "loss": [5.0, 6.0, 7.0]})
    edges = pd.DataFrame({"edge": ["p-f", "p-f", "f-s", "f-s"], "position": [0.0, 1, 0, 1], "loss": [5.0, 6, 6, 7]})
    return grid, points, edges


def run_table() -> pd.DataFrame:
    rows = [("a", "succeeded", 0.01, 0.8), ("b", "failed", 0.69, 0.5), ("c", "failed", math.nan, math.nan)]
    return pd.DataFrame(
        [(run, "1", "made", HOSTILE, *rest) for run, *rest in rows], columns=list(generalization.COLUMNS)
    )


DRAWINGS = {
    "curves": lambda path: figures.draw_curves(
        curve_table(), path, y_label=HOSTILE, log=True, reference=("entropy", 0.69)
    ),
    "gradients": lambda path: figures.draw_gradient_norms(gradient_table(), path),
    "forgetting": lambda path: figures.draw_forgetting(forgetting_table(), curve_table(), path, entropy=0.69),
    "steps": lambda path: figures.draw_step_sizes(step_table(), path),
    "surface": lambda path: figures.draw_surface(*plane()[:2], path, edges=plane()[2]),
    "generalization": lambda path: figures.draw_generalization(run_table(), path),
}


@pytest.mark.parametrize(
    "name", ["curves", *(pytest.param(name, marks=pytest.mark.slow) for name in DRAWINGS if name != "curves")]
)
def test_files_are_whole_repeatable_and_texts_are_text(name, tmp_path):
    """The same table gives the same bytes; names are escaped text; the numbers lie beside the figure."""
    first, second = (DRAWINGS[name](tmp_path / f"{letter}.svg").read_bytes() for letter in "ab")
    assert first == second
    assert b"<text" in first
    assert b"<script" not in first
    assert b"mathdefault" not in first
    assert not re.search(rb"<dc:date>", first)
    assert len(pd.read_csv(tmp_path / "a.svg.csv"))
    assert DRAWINGS[name](tmp_path / "a.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize("suffix", [".svg", pytest.param(".pdf", marks=pytest.mark.slow)])
def test_control_characters_are_drawn_as_what_they_are(suffix, tmp_path):
    """An XML file cannot hold them, and PDF has no glyphs for them; the drawing has their pictures."""
    table = curve_table().assign(recipe="a\x1b[2J\x00\x9b", task="t\n")
    path = figures.draw_curves(
        pd.concat([table, table.assign(recipe="b\x07")]), tmp_path / f"a{suffix}", y_label="loss"
    )
    if suffix == ".svg":
        assert "a␛[2J␀" in "".join(ElementTree.fromstring(path.read_bytes()).itertext())


def figure_of(make):
    import matplotlib

    with matplotlib.rc_context(style.STYLE):
        figure = make()
        figure.savefig(io.BytesIO(), format="svg")
    return figure


def test_curves_tell_verdicts_apart_without_colour():
    """Solid, dashed, dotted; the diverged run ends with a cross at its last finite window."""
    axes = figure_of(lambda: curves._figure(curve_table(), "loss", False, None)).axes[0]
    assert [line.get_linestyle() for line in axes.lines] == ["-", "--", "--"]
    assert len({str(line._dash_pattern) for line in axes.lines}) == 3
    cross = axes.collections[0].get_offsets()[0]
    assert cross.tolist() == [147.0, pytest.approx(0.69)]  # the last window has the NaN


def test_panels_of_recipes_that_differ_in_their_last_words_are_told_apart():
    """They were cut to 38 letters, and two panels had nearly one title."""
    named = "devlin(learning_rate=5e-05{})"
    table = pd.concat([curve_table().assign(recipe=named.format(more)) for more in ("", ", bias_correction=True")])
    titles = [axes.get_title(loc="left") for axes in figure_of(lambda: curves._figure(table, "loss", False, None)).axes]
    assert titles == ["devlin, learning rate 5e-05", "devlin, learning rate 5e-05, with bias\ncorrection"]
    assert style.in_lines("a recipe " * 20, 38).endswith("…")


def test_an_axis_says_what_its_means_are_of():
    """300 losses in windows of 3: steps, or five times as many where each was a mean of 5 already, or evaluations."""
    for more, said in (({}, "3 steps"), ({"each": 5}, "up to 15 steps"), ({"of": "evaluations"}, "3 evaluations")):
        figure = figure_of(lambda more=more: curves._figure(curve_table(), "loss", False, None, **more))
        assert figure.get_supylabel() == f"loss (means of {said})"
    losses = figure_of(lambda: forgetting._figure(forgetting_table(), curve_table(), None)).axes[1]
    assert losses.get_title(loc="left") == "Training loss (means of 4 steps)"
    few = curve_table().groupby("run").head(60)
    losses = figure_of(lambda: forgetting._figure(forgetting_table(), few, None)).axes[1]
    assert losses.get_title(loc="left") == "Training loss"


def test_windows_lose_no_value_that_is_not_finite():
    """1..7 in threes by hand: means 2 and 5.5, the rest in the last window; the NaN stays in its own window."""
    steps, means = curves.windowed(np.arange(1, 8), np.arange(1.0, 8), 3)
    assert steps.tolist() == [3, 7]
    assert means.tolist() == [2, 5.5]
    means = curves.windowed(np.arange(1, 7), np.array([1, 1, 1, math.nan, 1, 1]), 3)[1]
    assert means[0] == 1
    assert math.isnan(means[1])


def test_gradients_put_the_failed_run_first_and_hide_no_zero():
    """Columns are runs, rows are kinds; 0 and infinity have marks at the edges instead of a place on the axis."""
    figure = figure_of(lambda: gradients._figure(gradient_table()))
    titles = [axes.get_title(loc="left") for axes in figure.axes[:2]]
    assert titles[0].startswith("failed")
    assert titles[1].startswith("succeeded")
    successful = figure.axes[1]
    heights = sorted(float(y) for points in successful.collections for y in np.asarray(points.get_offsets())[:, 1])
    assert heights == [0.02, 0.97]
    assert all(axes.get_yscale() == "log" for axes in figure.axes[:4])


def test_too_many_runs_for_one_figure_are_named(tmp_path):
    table = pd.concat([gradient_table().assign(run=str(number)) for number in range(7)])
    with pytest.raises(UserError, match="gradient norms of 7 runs in one figure; choose at most 6"):
        figures.draw_gradient_norms(table, tmp_path / "a.svg")


def test_the_pretrained_model_is_a_line_and_a_diamond():
    axes = figure_of(lambda: forgetting._figure(forgetting_table(), None, None)).axes[0]
    assert [line.get_ydata()[0] for line in axes.lines if len(set(line.get_ydata())) == 1] == [8.0]
    diamonds = [points.get_offsets()[0].tolist() for points in axes.collections if len(points.get_offsets())]
    assert diamonds == [[3.0, 8.0], [3.0, 8.0]]


def test_a_few_layers_of_another_model_are_not_the_pretrained_model():
    """Of ``--layers 0,1 --embeddings pretrained`` the last point is still fine-tuned; of two models each has its own line."""
    table = forgetting_table()
    few = table[(table["embeddings"] == "finetuned") & (table["layers_restored"] < 2)].assign(embeddings="pretrained")
    figure = figure_of(lambda: forgetting._figure(few, None, None))
    flat = [line for line in figure.axes[0].lines if len(line.get_ydata()) and len(set(line.get_ydata())) == 1]
    assert flat == []
    assert "pre-trained model" not in [text.get_text() for text in figure.legends[0].get_texts()]
    other = table.assign(model="b", run=table["run"] + "b", perplexity=2 * table["perplexity"])
    two = figure_of(lambda: forgetting._figure(pd.concat([table.assign(model="a"), other]), None, None)).axes
    assert [axes.get_title(loc="left") for axes in two[:2]] == ["a: perplexity", "b: perplexity"]
    heights = [[line.get_ydata()[0] for line in axes.lines if len(set(line.get_ydata())) == 1] for axes in two[:2]]
    assert heights == [[8.0], [16.0]]


def test_k_and_step_size_are_what_the_table_says():
    left, right = figure_of(lambda: step_sizes._figure(step_table())).axes[:2]
    assert set(left.lines[0].get_ydata()) == {0.3}
    assert right.lines[0].get_ydata()[0] == pytest.approx(0.99e-5 / 0.3)
    assert right.get_yscale() == "log"
    assert math.isnan(right.lines[0].get_ydata()[-1])  # 0, at the end of the schedule


def test_a_lattice_is_rebuilt_whatever_the_order_of_its_rows():
    """Value alpha + 2 beta + 5 at each place; a hole or a point there twice is refused."""
    grid = plane()[0].sample(frac=1, random_state=0)
    alpha, beta, values = surface.lattice(grid, "loss")
    expected = alpha[None, :] + 2 * beta[:, None] + 5
    assert np.isnan(values[0, 0])
    assert values.ravel()[1:] == pytest.approx(expected.ravel()[1:])
    for broken in (grid.iloc[1:], pd.concat([grid.iloc[1:], grid.iloc[[1]]])):
        with pytest.raises(UserError, match="the surface is not whole"):
            surface.lattice(broken, "loss")


def test_levels_are_logarithmic_over_powers_of_ten():
    assert np.diff(np.log(surface.contour_levels(np.array([0.01, 10.0])))) == pytest.approx(math.log(1000) / 21)
    assert np.diff(surface.contour_levels(np.array([1.0, 2.0]))) == pytest.approx(1 / 21)
    assert np.all(np.diff(surface.contour_levels(np.array([3.0, 3.0]))) > 0)


def test_edges_are_called_by_their_ends():
    """As a measurement names them."""
    axes = figure_of(lambda: surface._figure(*plane(), "loss")).axes[1]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["p to f", "f to s"]


def test_checkpoints_are_where_they_belong():
    grid, points, edges = plane()
    axes = figure_of(lambda: surface._figure(grid, points, edges, "loss")).axes[0]
    marks = [
        item.get_offsets()[0].tolist()
        for item in axes.collections
        if len(item.get_offsets()) == 1 and item.get_zorder() == 5
    ]
    assert marks == [[0, 0], [1, 0], [0, 1]]


def test_runs_without_numbers_are_counted():
    """A diverged run has no place in the plane of loss and score; the panel says that it is there."""
    axes = figure_of(lambda: generalization._figure(run_table())).axes[0]
    assert "1 run without a finite loss and score" in axes.get_title(loc="left")
    assert sum(len(points.get_offsets()) for points in axes.collections) == 2


def test_log_axes_have_plain_labels():
    """Short ones as they are, others as powers, and round numbers where no power of ten is in sight."""

    def labels(low, high):
        figure, (axes,) = style.panels(1, across=1)
        log_axis(axes, "y")
        axes.set_ylim(low, high)
        figure.savefig(io.BytesIO(), format="svg")
        return [label.get_text() for label in axes.get_yticklabels() if label.get_text()]

    assert set(labels(0.005, 50)) >= {"0.01", "0.1", "1", "10"}
    assert set(labels(1e-8, 1)) >= {"10⁻⁸", "10⁻²", "10⁰"} or "10⁻⁶" in labels(1e-8, 1)
    assert len(labels(0.67, 0.69)) >= 3


def test_what_cannot_be_drawn_is_named(tmp_path):
    """An empty table, a missing column, a suffix that is no figure, a folder that is not there."""
    table = curve_table()
    with pytest.raises(UserError, match="there is nothing to draw: the table of loss has no row"):
        figures.draw_curves(table.iloc[:0], tmp_path / "a.svg", y_label="loss")
    with pytest.raises(UserError, match="has no column value; it has run"):
        figures.draw_curves(table.drop(columns="value"), tmp_path / "a.svg", y_label="loss")
    with pytest.raises(UserError, match=r"a\.bmp: its name must end in"):
        figures.draw_curves(table, tmp_path / "a.bmp", y_label="loss")
    with pytest.raises(UserError, match="there is no folder"):
        figures.draw_curves(table, tmp_path / "none" / "a.svg", y_label="loss")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_other_kinds_can_be_written_beside(tmp_path):
    with also_as(".pdf"):
        figures.draw_step_sizes(step_table(), tmp_path / "a.svg")
    figures.draw_step_sizes(step_table(), tmp_path / "b.svg")
    assert sorted(path.name for path in tmp_path.glob("*.pdf")) == ["a.pdf"]


def test_numbers_of_a_scale_are_told_apart():
    """The bar of a plane that is nearly flat said 0.69 at every tick."""
    assert one_format([0.6912, 0.6931, 0.695]) == ["0.691", "0.693", "0.695"]
    assert one_format([0.69314718, 0.69314719]) == ["6.9314718e-01", "6.9314719e-01"]
    assert one_format([2.0, 2.0]) == ["2.0", "2.0"]


@pytest.mark.parametrize("smallest", [0.449, 0.02, 3e-9])
def test_the_colour_bar_has_one_number_of_digits(smallest):
    """Whatever its range: as many decimals for every tick, or powers of ten for all."""
    grid, points, _ = plane()
    grid["loss"] = np.geomspace(smallest, 20 * smallest, len(grid))
    bar = figure_of(lambda: surface._figure(grid, points, None, "loss")).axes[-1]
    labels = [text.get_text() for text in bar.get_yticklabels()]
    assert len(labels) > 3
    assert len(set(labels)) == len(labels)
    assert len({("e" in label, len(label.partition(".")[2])) for label in labels}) == 1


@pytest.mark.parametrize(("count", "most"), [(3, 2), (4, 3), (5, 3), (6, 4), (7, 3), (9, 4), (1, 3)])
def test_no_quarter_of_a_grid_is_empty(count, most):
    columns = style.filled(count, most)
    places = -(-count // columns) * columns
    assert 1 <= columns <= most
    assert (places - count) / places < 0.25


def test_a_logarithmic_axis_has_at_least_two_labels_and_says_what_it_is():
    """Also a short one across."""
    table = run_table()
    table["training_loss"] = [0.03, 0.6, math.nan]
    axes = figure_of(lambda: generalization._figure(table)).axes[0]
    labels = [text.get_text() for text in axes.get_xticklabels() + axes.get_xticklabels(minor=True)]
    assert len([label for label in labels if label]) >= 2
    assert axes.get_xlabel().endswith("(logarithmic)")
