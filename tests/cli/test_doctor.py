"""``seedproof doctor``: exit statuses, forms, and what stands behind --."""

from __future__ import annotations

import json

import pytest
from tests.doctor.planted import CLEAN, with_faults
from typer.testing import CliRunner

from seedproof.cli import main
from seedproof.cli.app import app
from seedproof.errors import UserError


def call(*words, status=0):
    result = CliRunner().invoke(app, ["doctor", *map(str, words)])
    if isinstance(result.exception, UserError):
        raise result.exception
    assert result.exit_code == status, result.output
    return result.output


@pytest.fixture
def script(tmp_path):
    path = tmp_path / "train.py"
    path.write_text(CLEAN)
    return path


def test_the_status_is_1_where_something_is_serious(script):
    assert "nothing found" in call(script)
    script.write_text(with_faults("short-warmup"))
    assert "warning: short-warmup" in call(script)
    script.write_text(with_faults("head-before-seed"))
    assert "serious: head-before-seed" in call(script, status=1)


def test_both_forms_for_programs(script):
    script.write_text(with_faults("head-before-seed"))
    assert json.loads(call(script, "--json", status=1))["findings"][0]["rule"] == "head-before-seed"
    assert json.loads(call(script, "--sarif", status=1))["version"] == "2.1.0"
    with pytest.raises(UserError, match="give one of them"):
        call(script, "--json", "--sarif")


def test_arguments_of_a_script_stand_behind_two_dashes():
    output = call("--", "--learning_rate", "2e-5", "--adam_epsilon", "0.1")
    assert "warning: eps-out-of-range" in output
    assert "at:     --adam_epsilon" in output


def test_seeds_are_a_number_or_a_list(script):
    script.write_text(with_faults("short-warmup").replace("seed=seed", "seed=1"))
    assert "2 seeds of 20 epochs use 21 orders of the data, not 40" in call(script, "--seeds", "3,4")
    assert "3 seeds of 20 epochs use 22 orders" in call(script, "--seeds", "3")
    for written in ("0", "1,b"):
        with pytest.raises(UserError, match=f"--seeds {written} is not valid"):
            call(script, "--seeds", written)


def test_rules_are_listed():
    output = CliRunner().invoke(app, ["ls", "rules"]).output
    assert "head-before-seed" in output


@pytest.mark.parametrize("fault", [TypeError("a bug"), OSError("the disk"), MemoryError()])
@pytest.mark.parametrize("debug", [[], ["--debug"]])
def test_a_bug_is_nothing_serious_that_was_found(script, monkeypatch, capsys, fault, debug):
    """Status 1 is what a command in CI takes for a finding."""

    def broken(*_, **__):
        raise fault

    monkeypatch.setattr("seedproof.doctor.diagnose", broken)
    monkeypatch.setattr("sys.argv", ["seedproof", "doctor", str(script), *debug])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 70
    assert ("Traceback" in capsys.readouterr().err) is bool(debug)
