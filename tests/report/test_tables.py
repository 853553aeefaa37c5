"""Every format shows every number and every run, escapes what its readers would misread, and hides no NaN."""

from __future__ import annotations

import csv
import io
import json
import math
import re

import pytest
from rich.console import Console

from seedproof.analysis.summary import COLUMNS, summarize
from seedproof.errors import UserError
from seedproof.report.tables import to_csv, to_json, to_latex, to_markdown, to_terminal


def terminal(summary, width):
    console = Console(width=width, file=io.StringIO(), record=True, color_system=None)
    console.print(to_terminal(summary))
    return console.export_text()


def reject(constant):
    raise AssertionError(f"{constant} is not JSON")


@pytest.mark.parametrize("width", [80, 100, 120])
def test_terminal_fits_and_loses_no_number(summary, width):
    """No line is wider than the terminal and no number is cut, at the usual widths."""
    text = terminal(summary, width)
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    assert "glue/rte, bert: accuracy, majority 0.500" in text
    for number in ("1 of 4", "[5, 70] %", "0.650", "0.129", "0.800", "0.700", "0.100"):
        assert number in text


@pytest.mark.parametrize("width", [50, 79, 80, 111, 112])
def test_terminal_never_drops_a_column(summary, width):
    """The longest numbers there are, at every layout and below the narrowest: all of them arrive."""
    worst = {
        "failed": 987,
        "finished": 987,
        "failure_low": 0.99,
        "failure_high": 1.0,
        "median": -0.111,
        "maximum": -0.222,
    }
    worst |= {"mean": -0.333, "mean_low": -0.444, "mean_high": -0.555, "sd": 0.666, "sd_low": 0.777, "sd_high": 0.888}
    text = terminal(summary.iloc[:1].assign(**worst), width)
    assert max(map(len, text.splitlines())) <= width
    for number in ("987", "[99, 100] %", "-0.111", "-0.222", "-0.333", "[-0.444, -0.555]", "0.666", "[0.777, 0.888]"):
        assert number in text


def test_what_was_not_seen_is_said(summary):
    """Few runs have no interval over all runs; four runs without a failure still allow a rate of 49 %."""
    text = " ".join(to_markdown(summary).split())
    assert "devlin: fewer than 10 runs, too few for an interval of mean and SD over all runs" in text
    assert (
        "devlin: no failure seen in 4 runs, but by Wilson's interval up to 49 % may fail; mean, SD and their intervals leave that"
        in text
    )


def test_terminal_shows_every_run_and_marks_failures(summary):
    """The values in the order of the seeds; a diverged run is there as nan."""
    text = terminal(summary, 120)
    assert "0.500× 0.800 0.600 0.700" in text
    assert "0.500× nan× 0.625" in text
    assert "no run has finished" in text
    assert "1 diverged run without a score" in text
    assert "1 of 4 runs not finished" in text


@pytest.mark.parametrize("render", [to_markdown, to_latex, lambda summary: terminal(summary, 120)])
def test_captions_define_the_numbers(summary, render):
    """Divisor, kinds of interval, confidence and denominators are said wherever numbers are shown."""
    text = " ".join(render(summary).replace("\\", "").split())
    for words in (
        "divided by n-1",
        "Wilson's 95 % interval",
        "BCa bootstrap",
        "200 resamples",
        "Student's t",
        "needs 10 runs",
        "of all finished runs",
    ):
        assert words in text


@pytest.mark.parametrize("render", [to_markdown, to_latex])
def test_notes_on_tasks_go_with_the_numbers(summary, render):
    """A reader of a paper's table must learn that a development set was split off, as a reader of the terminal does."""
    text = render(summary, ["my_data.csv: development set: 20 % of the rows, seed 0"])
    text = text.replace(r"\allowbreak{}", "").replace("\\", "")
    assert "my_data.csv: development set: 20 % of the rows, seed 0." in text
    assert "20 % of the rows" not in render(summary)


def test_csv_holds_every_column_in_full_precision(summary):
    """Each number reads back as the same float; runs are separated by spaces; NaN is written, not left blank."""
    rows = list(csv.DictReader(io.StringIO(to_csv(summary))))
    assert list(rows[0]) == list(COLUMNS)
    assert len(rows) == 4
    for row, (_, expected) in zip(rows, summary.iterrows(), strict=True):
        assert float(row["failure_high"]) == expected["failure_high"]
        assert float(row["mean"]) == expected["mean"] or (row["mean"] == "nan" and math.isnan(expected["mean"]))
        assert tuple(map(float, row["values"].split())) == pytest.approx(expected["values"], abs=0, nan_ok=True)
        assert row["recipe"] == expected["recipe"]
    assert rows[1]["values"] == "0.5 nan 0.625"
    assert rows[1]["outcomes"] == "majority diverged succeeded"
    assert (rows[0]["runs"], rows[0]["failed"]) == ("4", "1")
    assert rows[3]["metric"] == ""


def test_json_is_strict_and_says_why_a_number_is_missing(summary):
    """No NaN token; each null statistic has its reason; numbers are exact and counts are integers."""
    content = json.loads(to_json(summary), parse_constant=reject)
    assert (content["format"], content["sd_divisor"], content["resamples"]) == (1, "n-1", 200)
    by_hand, mixed, equal, empty = content["cells"]
    assert by_hand["mean"] == summary["mean"].iloc[0]
    few = dict.fromkeys(("mean_low", "mean_high", "sd_low", "sd_high"), "needs 10 runs, and there are 4")
    assert by_hand["undefined"] == few
    assert mixed["mean"] is None
    assert mixed["undefined"]["mean"] == "runs without a score because they diverged: 1"
    assert mixed["undefined"]["succeeded_sd"] == "needs 2 runs that succeeded, and there is 1"
    assert mixed["finished_runs"][1].items() >= {"seed": "1", "outcome": "diverged", "score": None}.items()
    assert (equal["sd"], equal["sd_low"]) == (0.0, None)
    assert equal["undefined"]["succeeded_sd_low"] == "all scores are equal"
    assert empty["undefined"]["metric"] == "no run has finished"
    for cell in content["cells"]:
        nulls = {name for name, value in cell.items() if value is None}
        assert nulls - {"positive_class"} == set(cell["undefined"])  # a metric of no class has none
        assert isinstance(cell["runs"], int)


def test_markdown_tables_are_regular(summary):
    """Every row of a table has as many cells as its head, whatever bars are in the names."""
    text = to_markdown(summary)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert len(rows) == 2 * (2 + 2 * 2) + 3  # and the differences of the first task
    assert [len(re.findall(r"(?<!\\)\|", row)) for row in rows] == [7] * 6 + [5] * 3 + [7] * 6
    assert r"a\|b\_c&50%$#{x}~^\[red\]" in text
    assert ": 0.500× nan× 0.625\n" in text


def test_latex_escapes_each_special_character_once(summary):
    """The hostile recipe name, and no character left that LaTeX would act on."""
    text = to_latex(summary, columns=2)
    assert r"a\textbar{}b\_\allowbreak{}c\&50\%\$\#\{x\}\textasciitilde{}\textasciicircum{}{[}red]" in text
    assert text.count(r"\begin{table*}") == text.count(r"\end{table*}") == summary.groupby(["task", "model"]).ngroups
    bodies = re.findall(r"\\midrule\n(.*?)\\bottomrule", text, re.DOTALL)
    rows = [line for body in bodies for line in body.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 8
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {5}
    assert not re.search(r"(?<!\\)[%#_]", text)


def test_latex_sets_the_sign_of_negative_numbers(summary):
    """A Matthews correlation below 0 has a minus; a learning rate's exponent and n-1 keep their hyphen."""
    changed = summary.assign(recipe="lr 3e-05", minimum=-0.25)
    changed[["mean_low", "mean_high"]] = -0.25, 0.5
    text = to_latex(changed, columns=2)
    assert "{[}$-$0.250" in text
    assert "3e-05" in text
    assert "divided by n-1" in text


@pytest.mark.parametrize("render", [to_terminal, to_csv, to_markdown, to_latex, to_json])
def test_an_empty_summary_says_so(summary, render):
    """A study without runs gets a message in every format."""
    with pytest.raises(UserError, match="no runs yet"):
        render(summary.iloc[:0])


def test_runs_of_unknown_ending_have_one_note_for_all_recipes(runs):
    """In every form for people but the paper's table, which has the count."""
    made = summarize(runs.assign(kind="unknown"), resamples=200)
    for text in (to_markdown(made), terminal(made, 80)):
        words = " ".join(text.split())
        assert words.count("unknown: 7 of 7 runs left records that do not tell how they ended: to tell, a failed") == 1
    assert "(4 unknown)" in to_latex(made)
    assert "do not tell" not in to_latex(made)


def test_scores_near_the_majority_and_kinds_of_endings_are_in_every_form(runs):
    """A run one example above the majority is no success to build on; slow runs are told from broken ones."""
    marked = runs.assign(
        kind="slow", covers_majority=runs["outcome"] == "succeeded", positive_class="spam", metric="f1"
    )
    made = summarize(marked[marked["state"] == "finished"], resamples=200)
    assert made.loc[0, ["slow", "fitted", "covers_majority"]].tolist() == [4, 0, made.loc[0, "succeeded"]]
    console = Console(width=100, file=io.StringIO(), record=True)
    console.print(to_terminal(made))
    for text in (to_markdown(made), console.export_text()):
        assert "≈" in text
        assert "(4 slow)" in text
        assert "slow: 4 of 4 runs were still falling" in " ".join(text.split())
        assert "F1 of 'spam'" in text
    latex = to_latex(made)
    assert r"$^{\approx}$" in latex
    assert "(4 slow)" in latex
    assert "were still falling" not in latex  # advice is for the user, not for a paper's caption
    for run in json.loads(to_json(made))["cells"][0]["finished_runs"]:
        assert (run["kind"], run["covers_majority"]) == ("slow", run["outcome"] == "succeeded")
    assert "slow slow slow slow" in to_csv(made)
