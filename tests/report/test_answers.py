"""The answer stands first in every form of the summary, and its differences below the tables."""

from __future__ import annotations

import io
import json

import pandas as pd
import pytest
from rich.console import Console
from tests.report.conftest import HOSTILE

from seedproof.analysis import answers, runs_table, summarize
from seedproof.errors import UserError
from seedproof.report.answers import difference_notes, difference_rows, headings
from seedproof.report.html import FigureEntry, Page, write_report
from seedproof.report.tables import to_json, to_markdown, to_terminal


def printed(summary, width, baseline=None):
    console = Console(width=width, file=io.StringIO(), record=True, color_system=None)
    console.print(to_terminal(summary, baseline))
    return console.export_text()


@pytest.mark.parametrize("width", [50, 80, 140])
def test_the_terminal_leads_with_the_answer(summary, width):
    text = printed(summary, width)
    words = " ".join(text.split())
    assert words.startswith("glue/rte, bert: Not decided whether a|b_c")
    assert "minus devlin" in text
    assert max(map(len, text.splitlines())) <= width


def test_another_baseline_turns_the_signs(summary):
    """The difference of the failure rates of three pairs: 2 of 3 against 1 of 3."""
    [first, _], [turned, _] = answers(summary), answers(summary, HOSTILE)
    assert difference_rows(first)[0][:2] == [HOSTILE, "+33 –"]
    assert difference_rows(turned)[0][:2] == ["devlin", "-33 –"]
    assert headings(turned)[0] == f"minus {HOSTILE}"
    assert f"minus {HOSTILE}" in printed(summary, 140, HOSTILE)
    assert (
        "seed by seed over the 3 that both ran; no interval of failure rate: fewer than 5 seeds"
        in difference_notes(first)[0]
    )
    with pytest.raises(UserError, match="unknown baseline"):
        printed(summary, 80, "devil")


def test_markdown_and_json_have_it_too(summary):
    assert to_markdown(summary).startswith("- **glue/rte, bert**: Not decided")
    content = json.loads(to_json(summary))
    assert content["answers"][0]["baseline"] == "devlin"
    assert content["differences"][0]["failure_rate_difference"] == pytest.approx(1 / 3)
    assert content["differences"][0]["mean_difference"] is None


@pytest.mark.parametrize("claims_lead", [False, True])
def test_the_page_leads_with_the_answer_or_in_a_reproduction_with_the_claims(summary, runs, tmp_path, claims_lead):
    """Answer, box plot, differences, notes, tables, other figures, claims; the paper's claims first in a reproduction alone."""
    from seedproof.analysis.claims import Evidence, ledger

    figures = [FigureEntry(name=name, title=name) for name in ("losses", "scores")]
    claims = ledger(Evidence(runs=runs_table([], {}, {})))
    page = Page(
        title="t",
        answers=answers(summary),
        summary=summary,
        figures=figures,
        ledger=claims,
        runs=runs,
        claims_lead=claims_lead,
        notes=["20 % held out"],
        claims_note="2 runs not looked at",
    )
    text = write_report(tmp_path / "report.html", page).read_text()
    order = ['id="answer"', 'id="scores"', "minus devlin", "20 % held out", 'id="summary"', 'id="losses"']
    claimed = ['id="claims"', "2 runs not looked at"]
    order = [*claimed, *order] if claims_lead else [*order, *claimed, 'id="runs"']
    places = [text.index(word) for word in order]
    assert places == sorted(places)


def test_where_every_run_failed_there_is_no_table_of_differences(runs):
    """The sentence says it; rows of +0 would add nothing. The numbers stay in the JSON form."""
    made = summarize(runs[runs["outcome"] == "failed"], resamples=200)
    assert "Every run failed (3 of 3)" in printed(made, 80)
    for text in (printed(made, 80), to_markdown(made)):
        assert "minus devlin" not in text
        assert "that both ran" not in text
    assert len(json.loads(to_json(made))["differences"]) == 1


def test_no_recipe_no_differences():
    """One recipe alone has an answer and no empty table."""
    row = {"task": "t", "model": "m", "recipe": "r", "seed": "0", "run": "a", "state": "pending", "score": float("nan")}
    runs = pd.DataFrame([row | dict.fromkeys(["outcome", "reason", "metric"]) | {"majority": float("nan")}])
    summary = summarize(runs)
    assert "minus" not in to_markdown(summary)
    assert "No run of r has finished yet" in printed(summary, 80)
