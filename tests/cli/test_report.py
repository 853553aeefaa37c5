"""``seedproof report``: the three formats, and mistakes."""

from __future__ import annotations

import shutil

import pytest
from tests.report.html.conftest import make_store
from typer.testing import CliRunner

from seedproof.cli.app import app
from seedproof.errors import UserError
from seedproof.spec import Numerics
from seedproof.store import Store


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A made study."""
    return make_store(tmp_path_factory.mktemp("cli") / "store").path


def call(*words):
    result = CliRunner().invoke(app, ["report", *map(str, words)], catch_exceptions=True)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_one_file_by_default(folder):
    assert call(folder).output == f"report: {folder / 'report.html'}\n"
    text = (folder / "report.html").read_text()
    assert text.startswith("<!doctype html>")
    assert "sentence 7" in text


@pytest.mark.slow
def test_texts_can_be_left_out(folder, tmp_path):
    call(folder, "--no-texts", "--out", tmp_path / "a.html")
    text = (tmp_path / "a.html").read_text()
    assert "sentence 7" not in text
    assert '"confusion"' in text


@pytest.mark.slow
def test_figures_as_pdf(folder, tmp_path):
    """Every figure of the study with its numbers, and those of the paper that a reproduction left."""
    (paper := folder / "figures" / "fig1").mkdir(parents=True)
    (paper / "figure.json").write_text("{}")
    (paper / "fig1.pdf").write_bytes(b"%PDF")
    call(folder, "--format", "pdf-figures", "--out", tmp_path / "out")
    names = {path.stem for path in (tmp_path / "out").glob("*.pdf")}
    assert names == {"fig1", "scores", "losses", "progress", "gradients", "generalization", "step-sizes"}
    assert (tmp_path / "out" / "losses.pdf.csv").exists()
    shutil.rmtree(folder / "figures")


def test_figures_of_a_reproduction_that_needs_no_runs(tmp_path):
    """As Figure 6: its PDF was refused for want of runs."""
    store = Store.create(tmp_path / "store", "reproduce", Numerics())
    (paper := store.path / "figures" / "fig6").mkdir(parents=True)
    (paper / "figure.json").write_text("{}")
    (paper / "fig6.pdf").write_bytes(b"%PDF")
    call(store.path, "--format", "pdf-figures", "--out", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["fig6.pdf"]


def test_tables_as_latex(folder, tmp_path):
    call(folder, "--format", "latex", "--out", tmp_path / "tables.tex")
    assert (tmp_path / "tables.tex").read_text().startswith(r"\begin{table}")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("latex", "--limit", "curves=3"), "--limit is for html, markdown and pdf-figures"),
        (
            ("markdown", "--limit", "rows=3"),
            "--limit rows is for html: markdown has only curves, cells, recipes, points",
        ),
        (("markdown", "--3d"), "--3d is for html: markdown has no such part"),
        (("pdf-figures", "--no-texts"), "--no-texts is for html"),
    ],
)
def test_what_a_format_would_not_heed_is_refused(folder, words, said):
    with pytest.raises(UserError, match=said):
        call(folder, "--format", *words)


def test_mistakes_are_named(folder, tmp_path):
    with pytest.raises(UserError, match="unknown format 'htlm'; did you mean 'html'"):
        call(folder, "--format", "htlm")
    with pytest.raises(UserError, match="there is no folder"):
        call(folder, "--out", tmp_path / "none" / "a.html")
    with pytest.raises(UserError, match="is not a study"):
        call(tmp_path)
