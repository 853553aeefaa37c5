"""A race of anyone's Trainer: the same bits as without a pause, which runs finish, resumed wherever it ended, refused."""

from __future__ import annotations

import itertools
import pkgutil
import shutil

import pytest
import torch
from tests.connect.made import Breaking, Rows, model, trainer
from transformers import TrainerCallback
from typer.testing import CliRunner

import seedproof as sp
from seedproof.alarms import Alarm
from seedproof.cli.app import app
from seedproof.connect import StabilityCallback
from seedproof.errors import UserError
from seedproof.execution.race import decisions
from seedproof.store import Store

EARLY = {0: 0.5, 1000: 0.75, 2000: 0.25}
"""Scores at the fraction, by the seed of the run: the second is the best."""


class Interrupting(TrainerCallback):
    """A person's Ctrl-C before the step after so many."""

    def __init__(self, after):
        self.after = after

    def on_step_begin(self, args, state, control, **_):
        if state.global_step == self.after:
            raise KeyboardInterrupt


def factory(folder, interrupts=(), **changed):
    """Draws the head from the generators; the run of number ``interrupts[0]`` ends after ``interrupts[1]`` steps."""

    def make(number):
        head = torch.randn(2, 16)
        run = trainer(folder, **changed)
        run.model.classifier.weight.data = head
        if interrupts and number == interrupts[0]:
            run.add_callback(Interrupting(interrupts[1]))
        return run

    return make


@pytest.fixture(scope="module", autouse=True)
def _early():
    """Scores that differ, however little four steps teach."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("seedproof.study.racing.best_so_far", lambda folder, *_: EARLY[folder.spec.seeds.head])
        yield


@pytest.fixture(scope="module")
def raced(tmp_path_factory):
    folder = tmp_path_factory.mktemp("raced")
    return sp.run_seeds(factory(folder), out=folder / "store", race="3:1@0.5")


def told(results):
    """What is told of every run, without times."""
    columns = ["seed", "state", "outcome", "reason", "stopped_at", "stopped_score", "stopped_because", "score"]
    return results.runs()[columns].astype(str).to_dict("records")


EPOCHS = {"max_steps": -1, "num_train_epochs": 2, "eval_strategy": "epoch", "save_strategy": "epoch"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("race", "changed"),
    [
        ("2:1@0.5", {}),  # in the middle of an epoch
        ("2:1@0.5", EPOCHS | {"load_best_model_at_end": True, "save_total_limit": 1}),  # at the end of one
        ("2:1@0.33", EPOCHS),
        ("2:1@0.25", {"gradient_accumulation_steps": 2, "per_device_train_batch_size": 5, "dataloader_num_workers": 1}),
    ],
)
def test_a_run_that_goes_on_has_the_bits_of_one_that_never_paused(tmp_path, race, changed):
    kept = sp.Recording(weights=True)
    raced = sp.run_seeds(factory(tmp_path / "r", **changed), out=tmp_path / "raced", race=race, recording=kept)
    whole = sp.run_seeds(factory(tmp_path / "w", **changed), [1], out=tmp_path / "whole", recording=kept)
    [run] = whole.runs()["run"]
    assert raced.losses(run)["loss"].tolist() == whole.losses(run)["loss"].tolist()
    assert raced.predictions(run).equals(whole.predictions(run))
    weights = [each.path / "runs" / run / "weights" / "model.safetensors" for each in (raced, whole)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


@pytest.mark.slow
def test_the_best_goes_on_and_the_others_are_stored_as_a_study_stores_them(raced):
    rows = told(raced)
    assert [row["outcome"] == "stopped" for row in rows] == [True, False, True]
    assert {(row["reason"], row["stopped_at"]) for row in rows if row["outcome"] == "stopped"} == {("race", "2.0")}
    assert rows[0]["stopped_because"].startswith(
        "its best score up to there, 0.500, has place 2 of 3 in the race 3:1@0.5"
    )
    row = raced.summary().iloc[0]
    assert (row["runs"], row["finished"], row["stopped"]) == (3, 1, 2)
    assert row[["failure_rate", "failure_low", "mean_low"]].isna().all()
    assert not list(raced.path.parent.glob("trainer/*/race"))


@pytest.mark.slow
def test_the_same_call_again_changes_nothing_and_another_one_is_refused(raced, tmp_path):
    store, before = Store.open(raced.path), raced.runs()
    call = {"make_trainer": factory(raced.path.parent), "out": raced.path}
    assert sp.run_seeds(**call, race="3:1@0.5").runs().equals(before)
    assert len(decisions(store)) == 1
    for race, said in [
        ("3:2@0.5", 'is the race 3:1@0.5, and now it is 3:2@0.5; go on with race="3:1@0.5"'),
        (None, r"is the race 3:1@0\.5, and there is none now"),
    ]:
        with pytest.raises(UserError, match=said):
            sp.run_seeds(**call, seeds=3, race=race)
    with pytest.raises(UserError, match=r"with the seeds 0, 1000, 2000 \(1000 times the numbers of its runs\)"):
        sp.run_seeds(**call, seeds=[1, 2, 3], race="3:1@0.5")
    alone = trainer(tmp_path, callbacks=[StabilityCallback(raced.path)])
    with pytest.raises(UserError, match=r"is the race 3:1@0\.5, and there is none now"):
        alone.train()


@pytest.mark.slow
def test_a_store_without_a_race_does_not_become_one(tmp_path):
    sp.run_seeds(factory(tmp_path), 1, out=tmp_path / "store")
    with pytest.raises(UserError, match="is no race: its runs go to their end, and 1 of 1 have"):
        sp.run_seeds(factory(tmp_path), out=tmp_path / "store", race="3:1")


def killed(make, out, name=None, call=0):
    """A race that a Ctrl-C ends at this call of a function, or in ``make``."""
    with pytest.MonkeyPatch.context() as patch:
        if name is not None:
            real, calls = pkgutil.resolve_name(name), itertools.count(1)

            def interrupted(*given):
                if next(calls) == call:
                    raise KeyboardInterrupt
                return real(*given)

            patch.setattr(name, interrupted)
        with pytest.raises(KeyboardInterrupt):
            sp.run_seeds(make, out=out, race="3:1@0.5")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "interrupts"),
    [
        ((), (1, 1)),  # before the fraction
        (("seedproof.connect.racing.move_folder", 2), ()),  # while a checkpoint is written
        (("seedproof.execution.holding.HeldRun.pause", 2), ()),  # when it is, and that is not noted
        (("seedproof.connect.racing.settle", 1), ()),  # when all wait
        (("seedproof.study.racing.stop_paused", 2), ()),  # when it is decided
        ((), (1, 3)),  # when the best goes on
    ],
)
def test_a_race_goes_on_wherever_it_ended(tmp_path, raced, where, interrupts):
    killed(factory(tmp_path, interrupts), tmp_path / "store", *where)
    again = sp.run_seeds(factory(tmp_path), out=tmp_path / "store", race="3:1@0.5")
    assert told(again) == told(raced)
    best = raced.runs()["run"][1]
    assert again.losses(best)["loss"].tolist() == raced.losses(best)["loss"].tolist()
    assert not list(tmp_path.glob("trainer/*/race"))


@pytest.mark.slow
def test_a_winner_whose_checkpoint_is_gone_starts_again_which_is_said(tmp_path, raced, caplog):
    killed(factory(tmp_path), tmp_path / "store", "seedproof.connect.racing.settle", 1)
    assert set(sp.open_results(tmp_path / "store").runs()["state"]) == {"paused"}
    shutil.rmtree(tmp_path / "trainer")
    assert told(sp.run_seeds(factory(tmp_path), out=tmp_path / "store", race="3:1@0.5")) == told(raced)
    assert "the checkpoint with which it waited for its race is gone" in caplog.text


@pytest.mark.slow
def test_a_crash_before_the_fraction_leaves_the_race_undecided(tmp_path, caplog):
    def broken(number):
        run = factory(tmp_path)(number)
        if number == 2:
            run.model.forward = None
        return run

    runs = sp.run_seeds(broken, out=tmp_path / "store", race="3:1@0.5").runs()
    assert runs["state"].tolist() == ["paused", "paused", "crashed"]
    assert "is not decided: 1 of 3 runs have not come to 50 % of training (crashed)" in caplog.text
    whole = sp.run_seeds(factory(tmp_path), out=tmp_path / "store", race="3:1@0.5").runs()
    assert (whole["outcome"] == "stopped").tolist() == [True, False, True]


@pytest.mark.slow
def test_a_run_that_has_diverged_takes_no_place(tmp_path):
    def make(number):
        made = model(Breaking)
        made.breaks_at = 1 if number == 1 else 99
        return trainer(tmp_path, made)

    runs = sp.run_seeds(make, out=tmp_path / "store", race="3:1@0.5").runs()
    assert runs["reason"].tolist()[1:] == ["diverged", "race"]
    assert runs["stopped_at"].tolist()[2] == 2


class Second(Alarm):
    """Holds every run for doomed at its second step."""

    def see(self, signals):
        return "this is its second step" if signals.step == 2 else None


@pytest.mark.slow
@pytest.mark.parametrize("stop", [False, True])
def test_an_alarm_stops_a_run_of_the_race_only_where_it_may(tmp_path, monkeypatch, stop):
    monkeypatch.setattr("seedproof.connect.alarm.Doomed", Second)
    recording = sp.Recording(probes={"gradients": 1})
    options = {"race": "3:1@0.75", "stop": stop, "recording": recording}
    runs = sp.run_seeds(factory(tmp_path), out=tmp_path / "store", **options).runs()
    assert runs["alarm_at"].tolist() == [2, 2, 2]
    assert (runs["reason"] == "alarm").tolist() == [stop] * 3
    said = CliRunner().invoke(app, ["study", "status", str(tmp_path / "store")], catch_exceptions=False).output
    assert f"race: 3:1@0.75{' with stop=True' if stop else ''}\n" in said


class Augmented(Rows):
    """Another first token at every reading."""

    def __getitem__(self, index):
        return {**self.rows[index], "input_ids": [int(torch.randint(1, 12, ())), 2, 4, 3]}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"train": Augmented()}, "gave other examples at step 2 than it gives when it is asked for them again"),
        ({"ignore_data_skip": True}, "leave ignore_data_skip or the race out"),
        ({"max_steps": 1}, "trainer on data has 1 step, with no step to evaluate after there"),
    ],
)
def test_a_trainer_that_could_not_go_on_is_refused(tmp_path, changed, said):
    with pytest.raises(UserError, match=said):
        sp.run_seeds(factory(tmp_path, **changed), out=tmp_path / "store", race="3:1@0.5")


def test_a_folder_in_which_no_race_has_begun_takes_another(tmp_path):
    """A race that was refused is not kept, and would make a run wait that is in none."""
    with pytest.raises(UserError, match="with no step to evaluate after there"):
        sp.run_seeds(factory(tmp_path), out=tmp_path / "store", race="3:1@0.9")
    assert sp.run_seeds(factory(tmp_path), 1, out=tmp_path / "store").runs()["state"].tolist() == ["finished"]


@pytest.mark.slow
def test_runs_of_different_settings_are_no_race(tmp_path):
    def make(number):
        return factory(tmp_path, learning_rate=1e-2 if number else 1e-3)(number)

    with pytest.raises(
        UserError, match=r"differ in their seeds alone, and make_trainer made some of trainer on .*learning_rate"
    ):
        sp.run_seeds(make, out=tmp_path / "store", race="3:1@0.5")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"race": "ten:5"}, "the race 'ten:5' is not valid; give how many runs start and how many finish"),
        ({"race": "3:3"}, "starts 3 runs and finishes all of them"),
        ({"race": "3:1", "seeds": 5}, "starts 3 seeds, and 5 are given; leave out the seeds, or give as many"),
        ({"race": "3:1", "stop": "maybe"}, "stop = 'maybe' is not valid"),
    ],
)
def test_what_is_no_race_is_refused_before_anything_is_made(tmp_path, given, said):
    with pytest.raises(UserError, match=said):
        sp.run_seeds(lambda: None, out=tmp_path / "store", **given)
    assert not (tmp_path / "store").exists()
