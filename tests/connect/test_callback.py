"""The callback: what it writes opens like a study, and the training does not know of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.connect.made import ROWS, Rows, model, rows, trainer, watched
from tests.track.handmade import Remembering
from transformers import BertForSequenceClassification, TrainerCallback

import seedproof as sp
from seedproof.connect import Alarm, StabilityCallback
from seedproof.errors import UserError
from seedproof.store import Store


def test_a_run_is_recorded_as_a_study_records_its_own(tmp_path):
    made = watched(tmp_path, eval_strategy="steps", eval_steps=2, options={"recording": sp.Recording(weights=True)})
    [row] = rows(tmp_path)
    assert (row["task"], row["recipe"], row["seed"], row["state"]) == ("data", "trainer", "1", "finished")
    results = sp.open_results(tmp_path / "store")
    kinds = results.records(row["run"]).groupby("kind")["step"].agg(list).to_dict()
    assert kinds == {
        "observed": [0],
        "loss": [1, 2, 3, 4],
        "gradients": [0, 1],
        "drift": [0, 2, 4],
        "evaluation": [2, 4],
        "pooler": [2, 4],
    }
    made.model.eval()
    ids = torch.tensor([row["input_ids"] for row in ROWS[:10]])
    predicted = made.model(ids).logits.detach().numpy()
    np.testing.assert_allclose(results.logits(row["run"])["dev"], predicted, rtol=1e-5)
    spec = Store.open(tmp_path / "store").run(row["run"]).spec
    assert (spec.numerics.engine, spec.recipe["method"], spec.recipe["head"]) == ("trainer", "observed", "unknown")
    assert {
        "learning_rate": 1e-2,
        "batch_size": 8,
        "max_steps": 4,
        "bias_correction": True,
    }.items() <= spec.recipe.items()
    assert (Store.open(tmp_path / "store").run(row["run"]).weights / "model.safetensors").is_file()


def test_a_training_has_the_same_bits_with_the_callback_and_without(tmp_path):
    alone = trainer(tmp_path, eval_strategy="steps", eval_steps=3)
    alone.train()
    ends = [alone, watched(tmp_path, eval_strategy="steps", eval_steps=3)]
    for one, other in zip(*(end.model.parameters() for end in ends), strict=True):
        assert torch.equal(one, other)
    assert not ends[1].model._forward_hooks
    assert not any(value._post_accumulate_grad_hooks for value in ends[1].model.parameters())


def test_several_labels_an_example_are_those_of_a_table_with_several(tmp_path):
    labelled = [row | {"labels": [float(index % 2), float(index % 3 == 0)]} for index, row in enumerate(ROWS)]
    made = model()
    made.config.problem_type = "multi_label_classification"
    watched(tmp_path, made, train=Rows(labelled), dev=Rows(labelled), gradient_accumulation_steps=2)
    [row] = rows(tmp_path)
    assert (row["state"], row["metric"]) == ("finished", "micro_f1")
    assert 0.3 < row["training_loss"] < 0.75  # a mean over labels and examples, not twice of it


@pytest.mark.slow
def test_other_settings_have_another_name_and_a_finished_run_is_left_alone(tmp_path, caplog):
    watched(tmp_path)
    watched(tmp_path, learning_rate=1e-3)
    watched(tmp_path)
    assert [row["recipe"] for row in rows(tmp_path)] == ["trainer", "trainer(learning_rate=0.001)"]
    assert "is finished already" in caplog.text


class Stops(TrainerCallback):
    """Ends a training by an error at the beginning of a step."""

    def __init__(self, step):
        self.step = step

    def on_step_begin(self, args, state, control, **_):
        if state.global_step + 1 == self.step:
            raise RuntimeError(f"stopped before step {self.step}")


def begun_with(head):
    made = model()
    made.classifier.weight.data.fill_(head)
    return made


@pytest.mark.slow
def test_another_head_under_the_same_seed_is_another_run(tmp_path, caplog):
    for head in (0.1, 0.2, 0.3, 0.2):
        watched(tmp_path, begun_with(head))
    assert [(row["recipe"], row["seed"]) for row in rows(tmp_path)] == [
        ("trainer", "1"),
        ("trainer", "2/1/1"),
        ("trainer", "3/1/1"),
    ]
    assert caplog.text.count("is finished already") == 1
    assert "weights to begin with" in caplog.text


@pytest.mark.slow
def test_what_goes_on_from_a_checkpoint_is_no_new_run(tmp_path):
    settings = {"save_strategy": "steps", "save_steps": 2}
    watched(tmp_path, begun_with(0.1), **settings)
    with pytest.raises(RuntimeError, match="step 3"):
        watched(tmp_path, begun_with(0.2), callbacks=[Stops(3)], **settings)
    for checkpoint in (2, 4):  # the second one's, then that of a finished run
        again = trainer(tmp_path, begun_with(0.3), **settings)
        again.add_callback(StabilityCallback(tmp_path / "store"))
        again.train(resume_from_checkpoint=str(tmp_path / "trainer" / f"checkpoint-{checkpoint}"))
    assert [(row["seed"], row["state"]) for row in rows(tmp_path)] == [("1", "finished"), ("2/1/1", "finished")]


def test_a_model_of_which_some_stands_still_has_other_settings(tmp_path):
    frozen = model()
    frozen.bert.requires_grad_(False)
    watched(tmp_path)
    watched(tmp_path, frozen)
    assert [row["recipe"] for row in rows(tmp_path)] == ["trainer", "trainer(trained=34)"]


def test_a_tracker_is_told_live_and_sees_the_same_afterwards(tmp_path):
    live, afterwards = Remembering(), Remembering()
    watched(tmp_path, options={"listeners": [sp.Tracking(tmp_path / "store", live)]})
    sp.open_results(tmp_path / "store").track(afterwards)
    [(_, logged)], [(_, later)] = live.told.values(), afterwards.told.values()
    assert [step for step, values in logged if "train/loss" in values] == [1, 2, 3, 4]
    assert logged == later
    assert [end.verdict for end in live.ends.values()] == [end.verdict for end in afterwards.ends.values()]


def test_a_regression_is_recorded_as_one(tmp_path):
    scored = Rows([row | {"labels": index / 10} for index, row in enumerate(ROWS)])
    watched(tmp_path, model(labels=1), train=scored, dev=scored)
    assert rows(tmp_path)[0]["metric"] == "pearson"


def test_what_goes_wrong_in_watching_ends_the_watching_alone(tmp_path, caplog):
    class Faulty(Alarm):
        def see(self, signals):
            raise ZeroDivisionError("in a rule")

    made = watched(tmp_path, options={"alarm": Faulty})
    assert made.state.global_step == 4
    assert rows(tmp_path)[0]["state"] == "crashed"
    assert "not recorded any further: ZeroDivisionError: in a rule" in caplog.text


@pytest.mark.slow
def test_a_killed_run_goes_on_from_its_checkpoint_with_its_records(tmp_path):
    class Killed(Exception):
        pass

    settings = {"save_strategy": "steps", "save_steps": 2, "max_steps": 5}
    run = trainer(tmp_path, **settings)
    callback = StabilityCallback(tmp_path / "store")
    run.add_callback(callback)
    run.callback_handler.callbacks.append(_At(3, callback, Killed))
    with pytest.raises(Killed):
        run.train()
    again = trainer(tmp_path, **settings)
    again.add_callback(StabilityCallback(tmp_path / "store"))
    again.train(resume_from_checkpoint=True)
    [row] = rows(tmp_path)
    assert (row["state"], row["execution_attempts"]) == ("finished", 2)
    whole = trainer(tmp_path, **settings)
    whole.add_callback(StabilityCallback(tmp_path / "whole"))
    whole.train()
    found = [sp.open_results(tmp_path / name).losses(row["run"])["loss"].tolist() for name in ("store", "whole")]
    assert found[0] == found[1]


def test_a_training_that_broke_outside_of_a_step_does_not_hold_its_run_from_the_mended_one(tmp_path):
    """As in a notebook, which keeps the traceback of a cell, and so the Trainer and its callback."""

    def broken(_prediction):
        raise KeyError("f1")

    kept = trainer(tmp_path, callbacks=[StabilityCallback(tmp_path / "store")], eval_strategy="steps", eval_steps=2)
    kept.compute_metrics = broken
    with pytest.raises(KeyError):
        kept.train()
    watched(tmp_path, eval_strategy="steps", eval_steps=2)
    [row] = rows(tmp_path)
    assert (row["state"], row["execution_attempts"]) == ("finished", 2)


class _At:
    """Raises after a step, as if the process were killed: nothing is told to the callback."""

    def __init__(self, step, callback, error):
        self.step, self.callback, self.error = step, callback, error

    def __getattr__(self, name):
        def event(args, state, control, **_):
            if name == "on_step_end" and state.global_step == self.step:
                self.callback._watching._session._held._lock.close()  # what the system does for a process that ends
                raise self.error
            return control

        return event


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"dev": Rows([])}, r"eval_dataset \(dev\) is empty"),
        ({"dev": Rows(ROWS[:1])}, "development set: all 1 examples have"),
        ({"train": Rows([row | {"labels": [0, 2]} for row in ROWS])}, r"labels like \[0, 2\]; one class or one number"),
        ({"train": Rows([row | {"labels": 0.5} for row in ROWS])}, "the label 0.5 of example 0 is no class"),
        ({"train": Rows([{"input_ids": [1, 2]}] * 9)}, "train_dataset has no labels: none of labels, label, label_ids"),
        (
            {"train": Rows([row | {"labels": 2 * index} for index, row in enumerate(ROWS)])},
            "label 2 of example 1 is not one of 0 to 1",
        ),
    ],
    ids=["empty", "one class", "several labels", "no class", "no labels", "too many"],
)
def test_data_that_cannot_be_recorded_is_refused_before_the_first_step(tmp_path, changed, said):
    run = trainer(tmp_path, callbacks=[StabilityCallback(tmp_path / "store")], **changed)
    with pytest.raises(UserError, match=said):
        run.train()
    assert not (tmp_path / "store").exists()


def test_a_trainer_without_a_development_set_is_refused(tmp_path):
    run = trainer(tmp_path, callbacks=[StabilityCallback(tmp_path / "store")])
    run.eval_dataset = None
    with pytest.raises(UserError, match="has no eval_dataset"):
        run.train()


@pytest.mark.slow
def test_a_study_and_watched_runs_do_not_mix(tmp_path):
    watched(tmp_path)
    study = sp.Study("s", tasks=["miniature/entailment"], models=["miniature/bert-shallow"], seeds=1)
    with pytest.raises(UserError, match="those of a Trainer that was watched, so no study makes them"):
        study.run(tmp_path / "store")
    study.prepare(tmp_path / "study")
    run = trainer(tmp_path, callbacks=[StabilityCallback(tmp_path / "study")])
    with pytest.raises(UserError, match="is the study 's', whose runs seedproof makes"):
        run.train()


def test_the_batch_size_is_the_one_that_fits_where_the_trainer_looks_for_it(tmp_path):
    class Small(BertForSequenceClassification):
        def forward(self, input_ids=None, **kwargs):
            if self.training and len(input_ids) > 4:
                raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
            return super().forward(input_ids=input_ids, **kwargs)

    watched(tmp_path, model(Small), auto_find_batch_size=True)
    store = Store.open(tmp_path / "store")
    sizes = [(row["state"], store.run(row["run"]).spec.recipe["batch_size"]) for row in rows(tmp_path)]
    assert (sizes[0], sizes[-1]) == (("crashed", 8), ("finished", 4))
