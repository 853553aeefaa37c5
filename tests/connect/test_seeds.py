"""Anyone's Trainer over seeds."""

from __future__ import annotations

import errno
import functools
from pathlib import Path

import pytest
import torch
from tests.connect.made import model, trainer
from transformers import Trainer, TrainerCallback

import seedproof as sp
from seedproof.connect.seeds import _numbers_for
from seedproof.errors import UserError
from seedproof.probes.base import Probe
from seedproof.store import Store


def factory(folder, heads=None, fails=(), **changed):
    """Draws the head from the generators as they are, as ``from_pretrained`` does, and names one seed for all runs."""

    def make(number):
        head = torch.randn(2, 16)
        run = trainer(folder, seed=7, **changed)
        run.model.classifier.weight.data = head
        if heads is not None:
            heads.append(head.clone())
        if number in fails:
            run.model.forward = None
        return run

    return make


@pytest.mark.slow
def test_every_seed_is_a_run_with_its_own_head_and_orders(tmp_path):
    heads = []
    results = sp.run_seeds(factory(tmp_path, heads), seeds=2, out=tmp_path / "store")
    runs = results.runs()
    assert runs["seed"].tolist() == ["0", "1000"]
    assert (runs["state"] == "finished").all()
    assert not torch.equal(*heads)
    again = []
    sp.run_seeds(factory(tmp_path, again), seeds=[1], out=tmp_path / "other")
    assert torch.equal(again[0], heads[1])
    losses = [sp.open_results(tmp_path / name).losses("trainer/1000")["loss"].tolist() for name in ("store", "other")]
    assert losses[0] == losses[1]


@pytest.mark.slow
def test_finished_seeds_are_not_run_again_and_more_can_be_added(tmp_path, caplog):
    sp.run_seeds(factory(tmp_path), seeds=[0], out=tmp_path / "store")
    before = sp.open_results(tmp_path / "store").runs()["execution_finished"].tolist()
    runs = sp.run_seeds(factory(tmp_path), seeds=2, out=tmp_path / "store").runs()
    assert runs["execution_finished"].tolist()[:1] == before
    assert len(runs) == 2
    assert "seed 0 is finished already" in caplog.text


@pytest.mark.slow
def test_a_seed_that_was_stopped_goes_on_from_its_checkpoint(tmp_path, caplog, monkeypatch):
    settings = {"save_strategy": "steps", "save_steps": 2}
    step, calls = Trainer.training_step, []

    def stopped(self, *args, **kwargs):
        calls.append(1)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return step(self, *args, **kwargs)

    monkeypatch.setattr(Trainer, "training_step", stopped)
    with pytest.raises(KeyboardInterrupt):
        sp.run_seeds(factory(tmp_path, **settings), seeds=[3], out=tmp_path / "store")
    assert sp.open_results(tmp_path / "store").runs()["state"].tolist() == ["interrupted"]
    results = sp.run_seeds(factory(tmp_path, **settings), seeds=[3], out=tmp_path / "store")
    assert results.runs()["state"].tolist() == ["finished"]
    assert "seed 3 went on from" in caplog.text
    assert len(calls) == 4 + 2


@pytest.mark.slow
def test_a_checkpoint_that_cannot_be_read_is_said_and_the_seed_starts_again(tmp_path, caplog):
    settings = {"save_strategy": "steps", "save_steps": 2}
    sp.run_seeds(factory(tmp_path, **settings), seeds=[0], out=tmp_path / "store")
    (tmp_path / "trainer" / "seed-0" / "checkpoint-4" / "trainer_state.json").write_text("{")
    results = sp.run_seeds(factory(tmp_path, **settings), seeds=[0], out=tmp_path / "other")
    assert "seed 0 starts again: its checkpoint" in caplog.text
    assert results.runs()["state"].tolist() == ["finished"]


@pytest.mark.slow
def test_checkpoints_of_other_settings_are_not_gone_on_from(tmp_path, caplog):
    settings = {"save_strategy": "steps", "save_steps": 2}
    sp.run_seeds(factory(tmp_path, **settings), seeds=[0], out=tmp_path / "store")
    results = sp.run_seeds(factory(tmp_path, max_grad_norm=0.5, **settings), seeds=[0], out=tmp_path / "store")
    assert "seed 0 starts again: goes on from step 4, to which its records do not reach" in caplog.text
    assert results.runs()["recipe"].tolist() == ["trainer", "trainer(max_grad_norm=0.5)"]


@pytest.mark.slow
def test_a_seed_that_crashes_is_noted_and_the_others_go_on(tmp_path, caplog):
    runs = sp.run_seeds(factory(tmp_path, fails=[1]), seeds=3, out=tmp_path / "store").runs()
    assert runs["state"].tolist() == ["finished", "crashed", "finished"]
    with pytest.raises(TypeError):
        sp.run_seeds(factory(tmp_path, fails=[0]), seeds=1, out=tmp_path / "other")


@pytest.mark.parametrize(
    "error", [KeyError("f1"), KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")]
)
def test_a_run_that_ends_outside_of_a_step_is_noted_and_the_corrected_call_trains_it(tmp_path, error):
    """A Trainer tells its callbacks nothing of it, and the traceback that a person keeps would hold the run."""

    def broken(number):
        def compute_metrics(_prediction):
            raise error

        made = factory(tmp_path, eval_strategy="steps", eval_steps=2)(number)
        made.compute_metrics = compute_metrics
        return made

    with pytest.raises(type(error)) as kept:
        sp.run_seeds(broken, seeds=1, out=tmp_path / "store")
    state = "crashed" if isinstance(error, KeyError) else "interrupted"
    assert sp.open_results(tmp_path / "store").runs()["state"].tolist() == [state]
    again = sp.run_seeds(factory(tmp_path, eval_strategy="steps", eval_steps=2), seeds=1, out=tmp_path / "store")
    assert again.runs()["state"].tolist() == ["finished"]
    assert kept.value is error


def test_a_model_that_is_trained_by_now_is_refused(tmp_path):
    """The second run would go on where the first ended, as if it had begun there."""
    made = model()
    with pytest.raises(UserError, match=r"gave run 1 the model of an earlier Trainer.*inside of make_trainer"):
        sp.run_seeds(lambda: trainer(tmp_path, made), seeds=2, out=tmp_path / "store")


class Starting(Probe):
    """Keeps at its start what it needs at every step."""

    name = "starting"
    looks_at = "steps"
    needs = ("gradient_norms",)

    def start(self, observation):
        self.trained = len(observation.trained)

    def observe(self, observation):
        return {"trained": self.trained}


@pytest.mark.slow
def test_a_probe_starts_again_where_a_run_goes_on(tmp_path):
    class Stop(TrainerCallback):
        def on_step_begin(self, args, state, control, **_):
            if state.global_step == 3:
                raise KeyboardInterrupt

    settings = {"save_strategy": "steps", "save_steps": 2, "max_steps": 5}
    recording = sp.Recording(probes={f"{__name__}:Starting": 1})
    stopped = factory(tmp_path, callbacks=[Stop()], **settings)
    with pytest.raises(KeyboardInterrupt):
        sp.run_seeds(stopped, seeds=1, out=tmp_path / "store", recording=recording)
    results = sp.run_seeds(factory(tmp_path, **settings), seeds=1, out=tmp_path / "store", recording=recording)
    assert results.runs()["state"].tolist() == ["finished"]
    records = results.records(results.runs()["run"][0])
    assert records.loc[records["trained"].notna(), "step"].tolist() == [1, 2, 3, 4, 5]


def test_a_head_that_the_factory_draws_is_stored_as_seeded(tmp_path):
    """It follows from the seed, so the doctor has nothing to say of it."""
    sp.run_seeds(factory(tmp_path), seeds=1, out=tmp_path / "store")
    store = Store.open(tmp_path / "store")
    assert [store.run(cell.id).spec.recipe["head"] for cell in store.cells()] == ["seeded"]


def test_trainers_that_share_their_arguments_have_a_seed_and_a_folder_each(tmp_path):
    shared, made = trainer(tmp_path).args, []

    def make():
        made.append(trainer(tmp_path))
        made[-1].args = shared
        return made[-1]

    sp.run_seeds(make, seeds=2, out=tmp_path / "store")
    assert [Path(each.args.output_dir).relative_to(tmp_path) for each in made] == [
        Path("trainer/seed-0"),
        Path("trainer/seed-1000"),
    ]
    assert (shared.seed, Path(shared.output_dir)) == (1, tmp_path / "trainer")


def nothing():
    return None


def default(learning_rate=2e-5, **more):
    return None


def first(which, learning_rate=2e-5):
    return None


def named(learning_rate=2e-5, seed=0):
    return None


def keyword(*, number):
    return None


@pytest.mark.parametrize(
    ("make", "given"),
    [
        (nothing, ((), {})),
        (default, ((), {})),
        (first, ((3,), {})),
        (named, ((), {"seed": 3})),
        (keyword, ((), {"number": 3})),
        (lambda *numbers: None, ((3,), {})),
        (functools.partial(first, learning_rate=1e-4), ((3,), {})),
    ],
)
def test_a_default_of_a_factory_stays_what_it_is(make, given):
    """``make(learning_rate=2e-5)`` would train run 3 at a rate of 3."""
    assert _numbers_for(make, 3) == given


def test_what_is_no_trainer_or_seed_is_named(tmp_path):
    with pytest.raises(UserError, match="make_trainer gave NoneType; it must return a Trainer"):
        sp.run_seeds(lambda: None, seeds=1, out=tmp_path / "store")
    with pytest.raises(UserError, match="the seed 4294967 is not valid"):
        sp.run_seeds(lambda: None, seeds=[4294967], out=tmp_path / "store")
