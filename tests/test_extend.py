"""docs/extend.md, run as it stands: its files in a folder of a user's, found by scripts, commands and worker processes."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys

import pytest
import torch
from tests.conftest import REPOSITORY
from tests.fleets import make_run
from tests.models.stacked.test_encoder import run as stacked

import seedproof as sp
from seedproof.models.stacked import families

PAGE = (REPOSITORY / "docs" / "extend.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, re.DOTALL))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The working folder of a user who copied the page's files."""
    for name, code in FILES.items():
        (tmp_path / name).write_text(code, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in FILES:
        sys.modules.pop(name.removesuffix(".py"), None)


def test_the_methods_and_probes_of_the_page_are_short():
    assert set(FILES) >= {
        "my_methods.py",
        "my_probes.py",
        "my_study.py",
        "my_listener.py",
        "my_launchers.py",
        "ernie.py",
    }
    assert all(len(code.splitlines()) <= 45 for code in FILES.values())


def test_slow_weights_follow_the_fast_ones(folder):
    """One look ahead of k steps is a fraction alpha of the way that the same steps go without it."""
    run = make_run("bert", "devlin + my_methods:Lookahead(k=2, alpha=0.25)", seed=3, max_steps=2)
    start = {name: value.clone() for name, value in run.model.named_parameters()}
    ahead = make_run("bert", "devlin", seed=3, max_steps=2).plain()
    slow = run.plain()
    list(ahead.run()), list(slow.run())
    for name, value in slow.model.named_parameters():
        expected = start[name] + 0.25 * (ahead.model.get_parameter(name) - start[name])
        torch.testing.assert_close(value, expected, rtol=1e-5, atol=1e-7)


def test_a_method_of_ones_own_goes_on_to_the_same_bits(folder):
    run = make_run("bert", "mosbach + my_methods:Lookahead(k=3)", seed=5, dropout=0.2, max_steps=7)
    whole, first, second = run.plain(), run.plain(), run.plain()
    list(whole.run())
    steps = first.run()
    for _ in range(5):
        next(steps)
    second.load_state(first.step, *first.state())
    list(second.run())
    for name, value in whole.model.named_parameters():
        assert torch.equal(value, second.model.get_parameter(name)), name


@pytest.mark.slow
def test_the_study_runs_from_elsewhere_in_worker_processes(folder, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    done = subprocess.run([sys.executable, folder / "my_study.py"], cwd=elsewhere, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = sp.open_results(elsewhere / "out" / "lookahead")
    assert list(results.runs()["recipe"]) == [
        "mosbach(max_steps=6)",
        "mosbach(max_steps=6) + my_methods:Lookahead(k=3)",
    ]
    for run in results.runs()["run"]:
        seen = results.records(run).query("kind == 'my_probes:Confidence'")
        assert len(seen) >= 1
        assert seen["entropy"].between(0, 0.7).all()
        assert seen["commonest"].between(0.5, 1).all()
    assert "my_methods:Lookahead" in done.stdout


def test_the_launcher_and_the_listener_serve_a_study(folder, tiny_model, small_task, capsys):
    launchers, listener = (importlib.import_module(name) for name in ("my_launchers", "my_listener"))
    study = sp.Study("own", tasks=[small_task], models=[tiny_model], settings={"max_steps": 2}, seeds=2)
    results = study.run(folder / "out", launcher=launchers.OneByOne(), listeners=[listener.tell], progress=False)
    assert list(results.runs()["state"]) == ["finished"] * 2
    assert re.fullmatch(r"(\w{16}: (succeeded|failed), 0\.\d{3}\n){2}", capsys.readouterr().out)


def test_the_family_computes_what_transformers_does(folder, monkeypatch):
    ernie = importlib.import_module("ernie")
    monkeypatch.setattr(families, "FAMILIES", {**families.FAMILIES, "ernie": ernie.architecture})
    models, batches, _, encoder = stacked("ernie", {}, 3, True)
    logits, _ = encoder.logits()
    for member, (model, batch) in enumerate(zip(models, batches, strict=True)):
        expected = model(**{name: value for name, value in batch.items() if name != "labels"}).logits
        torch.testing.assert_close(logits[member, : len(expected)], expected)
    assert ernie.architecture(type(models[0].config)(use_task_id=True)) is None
