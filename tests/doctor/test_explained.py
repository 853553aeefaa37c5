"""docs/doctor.md is what the rules say of themselves."""

from __future__ import annotations

import re
from pathlib import Path

from tests.conftest import REPOSITORY
from tests.doctor.planted import rows, with_faults

from seedproof.doctor.explained import page
from seedproof.doctor.rules import load_rules
from seedproof.doctor.rules.rate_high_for_depth import BASELINE


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


def test_the_page_of_stuck_runs_advises_the_rate_that_the_doctor_does():
    text = (REPOSITORY / "docs" / "majority.md").read_text(encoding="utf-8")
    [advice] = re.findall(r"\*\*A smaller rate\*\*.*?(?=\n4\. )", text, re.DOTALL)
    rates = [float(rate) for rate in re.findall(r"\d\.?\d*e-\d+", advice)]
    assert rates[0] == BASELINE
    assert f"Take {BASELINE:g} for a model of 24 layers" in page()
    assert not re.search(r"1e-5[^.]*24 layers", advice)


def test_every_rule_says_what_why_and_what_to_change():
    for rule in load_rules().values():
        for text in (rule.what, rule.why, rule.change):
            assert text.endswith((".", ")")), rule.id
        assert rule.source
        assert f"### {rule.id}\n" in page()
