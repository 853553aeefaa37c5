"""A probe of the user's own works from a file next to the study file, in worker processes and inline, in both engines."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from seedproof.errors import UserError
from seedproof.probes import find_probe
from seedproof.probes.base import Observation
from seedproof.recipes import recipe
from seedproof.store import Store
from seedproof.study.study import Study
from seedproof.training.observing import _ask

FILE = '''
import seedproof as sp


class Confidence(sp.Probe):
    """Mean largest logit on the development set."""

    needs = ("logits",)

    def observe(self, observation):
        return {"largest": float(observation.logits["dev"].max(axis=1).mean())}


class Modules(sp.Probe):
    needs = ("model",)

    def start(self, observation):
        return {"modules": sum(1 for _ in observation.model.modules())}


class Late(sp.Probe):
    looks_at = "steps"
    needs = ("logits",)


class Unknown(sp.Probe):
    needs = ("gradient_norm",)


class Broken(sp.Probe):
    needs = ("logits",)

    def observe(self, observation):
        return {"largest": observation.logits["test"]}


class NoProbe:
    pass
'''


@pytest.fixture
def study(tmp_path, small_task, tiny_model, monkeypatch):
    """Makes a study that is run next to the file; every test has a module of its own, as a process imports one only once."""
    module = f"own_{abs(hash(str(tmp_path)))}"
    (tmp_path / f"{module}.py").write_text(FILE)
    monkeypatch.chdir(tmp_path)

    def make(*words, engine="plain"):
        probes = [word.replace("own:", f"{module}:") for word in words]
        chosen = [recipe("devlin", learning_rate=1e-3, max_steps=3)]
        made = Study("own", tasks=[small_task], models=[tiny_model], recipes=chosen, seeds=1, engine=engine)
        return Study(**{**vars(made), "recording": made.recordings().switched(probes)}), module

    return make


@pytest.mark.parametrize("engine", ["plain", "fleet"])
def test_it_records_in_both_engines(study, engine, tmp_path):
    made, module = study("none", "own:Confidence", engine=engine)
    results = made.run(tmp_path / "study", launcher="inline", progress=False)
    store = Store.open(tmp_path / "study")
    [run] = store.run_ids()
    [record] = [record for record in store.run(run).records() if record["kind"] == f"{module}:Confidence"]
    logits = results.logits(run)["dev"]
    assert record["largest"] == pytest.approx(float(logits.max(axis=1).mean()))
    assert store.run(run).result()["recordings"] == {f"{module}:Confidence": 1, "evaluations": None, "weights": False}


@pytest.mark.slow
def test_it_is_found_by_worker_processes_and_from_another_folder(study, tmp_path, monkeypatch):
    made, module = study("none", "own:Modules")
    (elsewhere := tmp_path / "elsewhere").mkdir()
    made.prepare(tmp_path / "study")
    monkeypatch.chdir(elsewhere)
    made.run(tmp_path / "study", jobs=1, progress=False)
    store = Store.open(tmp_path / "study")
    [record] = [r for r in store.run(store.run_ids()[0]).records() if r["kind"] == f"{module}:Modules"]
    assert record["modules"] > 10


def test_what_a_fleet_cannot_make_is_refused_before_anything_is_run(study, tmp_path):
    made, module = study("own:Modules", engine="fleet")
    with pytest.raises(
        UserError, match=rf"fleet engine cannot make the recording '{module}:Modules'.*model.*=off.*plain"
    ):
        made.prepare(tmp_path / "study")
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Late", "needs 'logits', which is there at evaluations, and looks at steps; give it looks_at = 'evaluations'"),
        ("Unknown", "unknown need 'gradient_norm' in the recording .*; did you mean 'gradient_norms'"),
        ("Confidenc", "unknown recording 'Confidenc' in .*; did you mean 'Confidence'"),
        ("NoProbe", "is not a subclass of seedproof.probes.base.Probe"),
    ],
)
def test_what_is_no_probe_is_said(study, name, message):
    _, module = study()
    with pytest.raises(UserError, match=message):
        find_probe(f"{module}:{name}")


def test_a_faulty_probe_is_found_before_anything_is_run(study, tmp_path):
    made, module = study("own:Broken")
    with pytest.raises(UserError, match=rf"{module}:Broken' ends at step 1 with KeyError: 'test'; mend it, or .*=off"):
        made.prepare(tmp_path / "study")


@pytest.mark.parametrize("name", ["step", "kind"])
def test_a_value_must_not_take_the_place_of_what_every_record_has(name):
    """The journal could not be read again, and with it the run."""
    probe = SimpleNamespace(name="mine", observe=lambda _seen: {name: 1.0})
    with pytest.raises(UserError, match=f"'mine' ends at step 3 with .* cannot be called '{name}'.*another name"):
        _ask(probe, "steps", Observation(3, [], [], {}))


def test_a_module_that_is_not_there_is_named():
    with pytest.raises(UserError, match="no module 'nowhere_at_all' for the recording"):
        find_probe("nowhere_at_all:Probe")
