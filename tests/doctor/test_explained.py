"""docs/doctor.md is what the rules say of themselves."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.doctor.planted import rows, with_faults

from seedproof.doctor.explained import page
from seedproof.doctor.rules import load_rules


def test_the_page_is_that_of_the_rules():
    written = (REPOSITORY / "docs" / "doctor.md").read_text(encoding="utf-8")
    assert written == page(), "python -m seedproof.doctor.explained > docs/doctor.md"


def test_the_example_in_python_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text(with_faults("head-before-seed"))
    Path("train.csv").write_text(rows(1600, "training").replace("text,label", "review,stars"))
    [code] = re.findall(r"```python\n(.*?)```", page(), re.DOTALL)
    exec(code, {})
    assert capsys.readouterr().out.endswith("['head-before-seed']\n")


def test_every_rule_says_what_why_and_what_to_change():
    for rule in load_rules().values():
        for text in (rule.what, rule.why, rule.change):
            assert text.endswith((".", ")")), rule.id
        assert rule.source
        assert f"### {rule.id}\n" in page()
