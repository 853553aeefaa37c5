"""One file with nothing outside of it, in which no text becomes code; small and quick for a thousand runs."""

from __future__ import annotations

import html
import json
import math
import re
import time
from functools import partial

import pandas as pd
import pytest
from tests.report.html.conftest import HOSTILE, made_records, made_result, make_task

from seedproof.analysis import runs_table, summarize
from seedproof.analysis.claims import Evidence, ledger
from seedproof.errors import UserError
from seedproof.report.html import FigureEntry, Page, RunFacts, write_report
from seedproof.report.html.data import json_for_html
from seedproof.store.cells import Cell


def test_json_ends_no_script():
    """The same value comes out, and no character that HTML would act on goes in."""
    value = {HOSTILE: ["<!--", "]]>", "\u2028", 1.5, None]}
    text = json_for_html(value)
    assert json.loads(text) == value
    assert not re.search("[<>&\u2028]", text)
    with pytest.raises(ValueError, match="JSON compliant"):
        json_for_html(math.nan)


def test_every_text_is_escaped(tmp_path):
    """Wherever a text can stand: titles, notes, claims, tables, code."""
    from seedproof.report.html import Section

    table = pd.DataFrame({HOSTILE: [HOSTILE]})
    claims = ledger(Evidence(runs=pd.DataFrame())).assign(sentence=HOSTILE, why=HOSTILE, test=HOSTILE, paper=HOSTILE)
    page = Page(
        title=HOSTILE,
        subtitle=HOSTILE,
        notes=[HOSTILE],
        ledger=claims,
        figures=[FigureEntry(name=HOSTILE, title=HOSTILE, finding=HOSTILE, note=HOSTILE, tables={HOSTILE: table})],
        sections=[Section(title=HOSTILE, text=HOSTILE, code=HOSTILE, table=table)],
    )
    text = write_report(tmp_path / "report.html", page).read_text()
    assert "<script>document" not in text
    assert "<img" not in text
    assert text.count("<script") == 2
    assert len(text) < 200_000  # without a surface, the library that turns it is not in there


def test_nothing_is_loaded_and_only_our_scripts_run(tmp_path):
    text = html.unescape(write_report(tmp_path / "report.html", Page(title="empty")).read_text())
    assert "default-src 'none'" in text
    assert "'unsafe-eval'" not in text
    policy = re.search(r"script-src (.*?);", text)
    assert policy
    assert re.fullmatch(r"'sha256-[\w+/=]+'", policy[1])
    assert not re.search(r"""(src|href)=["'](?!#|data:,)""", text)


def test_a_claim_that_does_not_hold_shows_the_p_that_decided(tmp_path):
    """That against the claim, and says so."""
    claims = ledger(Evidence(runs=pd.DataFrame()))
    columns = ["verdict", "n", "effect", "p", "p_corrected", "p_against", "p_against_corrected"]
    claims.loc[0, columns] = ["does not hold", 25, 0.4, 0.97, 0.98, 0.0023, 0.034]
    text = write_report(tmp_path / "report.html", Page(title="t", ledger=claims)).read_text()
    assert "<dt>p against the claim</dt><dd>0.0023</dd>" in text
    assert "<dt>p against the claim, corrected</dt><dd>0.034</dd>" in text
    assert "<dd>0.98</dd>" not in text


def test_a_ledger_shows_its_verdicts(tmp_path):
    """Claims that the runs say something about stand open; the others are counted."""
    claims = ledger(Evidence(runs=pd.DataFrame()))
    claims.loc[0, ["verdict", "n", "effect", "effect_low", "effect_high", "p_corrected"]] = [
        "does not hold",
        25,
        0.4,
        0.2,
        0.6,
        1e-7,
    ]
    text = write_report(tmp_path / "report.html", Page(title="t", ledger=claims)).read_text()
    assert "0.400 [0.200, 0.600]" in text
    assert "&lt; 0.0001" in text
    assert f"{len(claims) - 1} claims that these runs say nothing about" in text
    assert "1 does not hold" in text


@pytest.mark.parametrize(("place", "message"), [("none/report.html", "there is no folder"), (".", "it is a folder")])
def test_bad_places_are_named(tmp_path, place, message):
    with pytest.raises(UserError, match=message):
        write_report(tmp_path / place, Page(title="t"))


@pytest.mark.slow
def test_a_thousand_runs_are_small_and_quick(tmp_path):
    """Under 30 MB and 60 s, with 300 steps, 30 looks at the gradients and 30 predictions each."""
    task, cells, results, facts = make_task(), [], {}, {}
    for number in range(1000):
        outcome = ("succeeded", "majority", "diverged")[number % 3]
        cell = Cell(task="made", model="m", recipe=f"recipe {number // 50}", seed=str(number % 50), id=f"{number:016x}")
        cells.append(cell)
        results[cell.id] = made_result(outcome, made_records(outcome, task), task, {"gradients": 10})
        results[cell.id] |= {} if outcome == "diverged" else {"evaluated_step": 300}
        facts[cell.id] = RunFacts(records=partial(made_records, outcome, task, number, 300), task="made")
    runs = runs_table(cells, results, {})
    page = Page(title="many", runs=runs, facts=facts, tasks={"made": task}, summary=summarize(runs, resamples=100))
    started = time.process_time()
    path = write_report(tmp_path / "report.html", page)
    assert time.process_time() - started < 60
    assert 1e6 < path.stat().st_size < 30e6
    assert path.read_text().count("data-run=") == 1000
