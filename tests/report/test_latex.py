"""LaTeX tables fit a page of one or two columns; compiled where a LaTeX is installed."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from tests import needs

from seedproof.report.latex import to_latex

DOCUMENT = r"""\documentclass[twocolumn]{article}
\usepackage{booktabs}
\begin{document}
%s
\end{document}
"""


@pytest.fixture
def wide(summary):
    """The longest numbers and names that there are."""
    numbers = {name: 0.123 for name in summary.columns if name.endswith(("mean", "sd", "median", "maximum"))}
    ends = {name: -0.123 for name in summary.columns if name.endswith(("_low", "_high")) and "failure" not in name}
    changed = summary.assign(
        **numbers, **ends, model="a/long/path/to/a/folder/of/a_model/bert-large-uncased-whole-word"
    )
    changed["recipe"] = [
        f"mosbach(learning_rate=1.4e-05, bias_correction=True, number_{n})" for n in range(len(changed))
    ]
    return changed


@pytest.mark.parametrize("columns", [1, 2])
def test_the_caption_names_task_model_and_runs_and_has_a_label(summary, columns):
    text = to_latex(summary, columns=columns)
    first = summary.iloc[0]
    caption = text[text.index(r"\caption{") : text.index(r"\label{")].replace(r"\allowbreak{}", "")
    assert first["task"] in caption
    assert first["model"] in caption
    assert f"{first['recipe']} n = {first['finished']}" in caption
    labels = [line for line in text.splitlines() if line.startswith(r"\label{tab:")]
    assert len(set(labels)) == len(labels) == summary.groupby(["task", "model"]).ngroups
    assert r"\toprule" in text
    assert r"\textwidth" in text if columns == 2 else r"\textwidth" not in text


def test_of_a_path_caption_and_label_have_the_last_part(summary):
    """Two folders of one name keep their paths, else their tables would share a label."""
    text = to_latex(summary.assign(model="/models/of/mine/model"))
    labels = [line for line in text.splitlines() if line.startswith(r"\label")]
    assert labels == [r"\label{tab:glue-rte-model}", r"\label{tab:glue-cola-model}"]
    captions = [line for line in text.splitlines() if line.startswith(r"\caption")]
    assert all(", model" in line and "mine" not in line for line in captions)
    two = to_latex(summary.assign(model=["/a/model", "/a/model", "/b/model", "/b/model"]))
    assert r"\label{tab:glue-rte-a-model}" in two


def test_a_bar_in_a_name_is_a_bar(summary):
    """In the font that articles have it is set as a dash."""
    assert r"a\textbar{}b" in to_latex(summary.assign(recipe="a|b"))


@pytest.mark.parametrize("mark", ["", "warning: "])
def test_notes_stand_under_the_table_of_their_task(summary, mark):
    """Warnings, too, which begin with that word and not with the task."""
    notes = [f"{mark}glue/rte: 20 rows held out", f"{mark}glue/cola: read as UTF-8"]
    text = to_latex(summary, notes).replace(r"\allowbreak{}", "")
    first, second = text.split(r"\end{table}")[:2]
    for table, own, other in ((first, "20 rows held out", "UTF-8"), (second, "read as UTF-8", "held out")):
        assert table.index(r"\label{") < table.index(own)
        assert other not in table
    caption = next(line for line in first.splitlines() if line.startswith(r"\caption"))
    assert "too few for an interval" not in caption
    assert "too few for an interval" in first


@pytest.mark.parametrize("columns", [1, 2])
def test_it_compiles_and_nothing_stands_over_the_edge(wide, summary, columns, tmp_path):
    if shutil.which("pdflatex") is None:
        needs.lacking("latex", "no pdflatex on the PATH (Debian: apt-get install texlive-latex-recommended)")
    for number, each in enumerate((summary, wide)):
        source = tmp_path / f"tables{number}.tex"
        source.write_text(DOCUMENT % to_latex(each, ["a_task.csv: 20 % held out"], columns=columns), encoding="utf-8")
        words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", source.name]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, errors="replace")
        assert done.returncode == 0, done.stdout[-2000:]
        assert "Overfull \\hbox" not in done.stdout
