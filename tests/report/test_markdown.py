"""The Markdown page says what the store holds, links only files that are there, and takes texts as texts."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest

from seedproof.errors import UserError
from seedproof.report.markdown import write_markdown
from seedproof.spec import Numerics
from seedproof.store import Store

ASSETS = Path(__file__).parent.parent / "assets" / "first"

LEDGER = {
    "claim": ["a", "b"],
    "sentence": ["First | hostile <script>", "Second"],
    "paper": ["Figure 1", "Figure 2"],
    "verdict": ["holds", "not decided"],
    "effect_name": ["difference", None],
    "effect": [0.5, None],
    "effect_low": [0.25, None],
    "effect_high": [0.75, None],
    "p": [0.001, None],
    "p_corrected": [0.01, None],
    "n": [25, 0],
    "n_needed": [None, 20],
    "test": ["", ""],
    "threshold": ["", ""],
    "why": ["Seen.", "Missing."],
}


@pytest.fixture
def store(tmp_path) -> Store:
    """A study of two finished runs."""
    return Store.open(shutil.copytree(ASSETS / "measured", tmp_path / "study"))


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)]+)\)", text)


@pytest.mark.parametrize("name", ["page", "my page (2)"])
def test_a_study_has_its_summary_and_every_link_leads_somewhere(store, tmp_path, name):
    text = write_markdown(store, tmp_path / "out" / f"{name}.md").read_text()
    assert "2 runs, 2 finished" in text
    assert f"seedproof study run {store.definitions()[0]}" in text
    assert "torch" in text
    assert "host" not in text.split("## Figures")[0]
    assert "## Summary" in text
    assert text.index("## Answer") < text.index("## Summary") < text.index("Note: ")
    assert links(text)
    assert not any(" " in link for link in links(text))
    assert all((tmp_path / "out" / unquote(link)).is_file() for link in links(text))


def test_a_reproduction_without_runs_has_its_figures(tmp_path):
    """Figure 6 needs none. The page was refused for want of runs, and the HTML report was not."""
    store = Store.create(tmp_path / "store", "reproduce", Numerics())
    (folder := store.path / "figures" / "fig6").mkdir(parents=True)
    (folder / "fig6.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    about = {"name": "fig6", "title": "Steps", "finding": "Larger.", "notes": [], "images": ["fig6.svg"]}
    (folder / "figure.json").write_text(json.dumps(about))
    (store.path / "reproduce.json").write_text('{"format": 1, "scale": "mini", "made": ["fig6"]}')
    text = write_markdown(store, tmp_path / "page.md").read_text()
    assert "seedproof reproduce fig6 --scale mini" in text
    assert "### fig6: Steps" in text
    assert links(text) == ["page/fig6.svg"]


def test_a_reproduction_has_its_ledger_and_figures(store, tmp_path):
    folder = store.path / "figures" / "fig1"
    folder.mkdir(parents=True)
    (folder / "fig1.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "fig1.svg.csv").write_text("a,b\n1,0.123456\n")
    about = {"name": "fig1", "title": "Boxes", "finding": "It helps.", "notes": ["small"], "images": ["fig1.svg"]}
    (folder / "figure.json").write_text(json.dumps(about))
    many = {name: [1] for name in ("mean", "recipe", "task", "model", "finished", "failed", "sd", "median", "maximum")}
    pd.DataFrame(many | {"minimum": [2], "sd_low": [3]}).to_csv(folder / "summary.csv", index=False)
    pd.DataFrame(LEDGER).to_csv(store.path / "ledger.csv", index=False)
    (store.path / "reproduce.json").write_text('{"format": 1, "scale": "mini", "made": ["fig1"]}')
    text = write_markdown(store, tmp_path / "page.md").read_text()
    assert text.startswith("# Reproduction at --scale mini")
    assert f"seedproof reproduce fig1 --scale mini --out {store.path} --engine plain --precision fp32" in text
    assert "Of 2 claims: 1 holds, 0 does not hold, 1 not decided." in text
    assert "| difference 0.5 [0.25, 0.75] | 0.01 | 25 |" in text
    assert "First \\| hostile &lt;script&gt;" in text
    assert "In the paper: It helps." in text
    assert "| 1 | 0.123 |" in text
    assert "| task | model | recipe | finished | failed | mean | sd | median | maximum |" in text
    assert all((tmp_path / link).is_file() for link in links(text))


def test_names_make_no_link_and_no_picture(store, tmp_path):
    """A page that is looked at loads nothing that a store names: its study, figures, tables and claims."""
    evil = "![*a*](http://evil)"
    folder = store.path / "figures" / "fig1"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text(f"{evil},b\n{evil},1\n")
    about = {"name": "fig1", "title": evil, "finding": evil, "notes": [evil], "images": []}
    (folder / "figure.json").write_text(json.dumps(about))
    pd.DataFrame(LEDGER).assign(why=evil, effect_name=evil).to_csv(store.path / "ledger.csv", index=False)
    text = write_markdown(store, tmp_path / "page.md").read_text()
    assert text.count(r"!\[\*a\*\](http://evil)") >= 6
    assert evil not in text


def test_bad_input_is_one_clear_message(store, tmp_path):
    with pytest.raises(UserError, match=r"ending in \.md"):
        write_markdown(store, tmp_path / "page.txt")
    empty = Store.open_or_create(tmp_path / "empty", "empty", Numerics())
    with pytest.raises(UserError, match="has no runs"):
        write_markdown(empty, tmp_path / "page.md")


def test_a_claim_that_does_not_hold_shows_the_p_that_decided(store, tmp_path):
    """That against the claim; a ledger of an earlier version has none and keeps the other."""
    wrong = pd.DataFrame(LEDGER).assign(verdict=["does not hold", "not decided"], p_corrected=[1.0, None])
    wrong.assign(p_against=[0.002, None], p_against_corrected=[0.03, None]).to_csv(
        store.path / "ledger.csv", index=False
    )
    assert "| 0.03 (against) | 25 |" in write_markdown(store, tmp_path / "page.md").read_text()
    wrong.to_csv(store.path / "ledger.csv", index=False)
    assert "| 1 | 25 |" in write_markdown(store, tmp_path / "old.md").read_text()
