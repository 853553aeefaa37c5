"""Settings come from what the Trainer is given, and only where they have one value."""

from __future__ import annotations

import pytest
from tests.doctor.cases import LOAD

from seedproof.doctor.examine import diagnose
from seedproof.doctor.sources.calls import facts_of_script
from seedproof.doctor.sources.command_line import read_command_line
from seedproof.errors import UserError


def read(folder, text, *given):
    path = folder / "train.py"
    path.write_text(text)
    return facts_of_script(path, read_command_line(given))


@pytest.mark.parametrize(
    ("argument", "setting"),
    [
        ("per_device_train_batch_size", "batch_size"),
        ("gradient_accumulation_steps", "batch_size"),
        ("warmup_steps", "warmup"),
        ("warmup_ratio", "warmup"),
        ("max_steps", "max_steps"),
        ("learning_rate", "learning_rate"),
        ("num_train_epochs", "epochs"),
        ("optim", "bias_correction"),
        ("metric_for_best_model", "metric"),
        ("max_grad_norm", "max_grad_norm"),
    ],
)
def test_a_setting_with_several_values_in_a_loop_is_not_read(tmp_path, argument, setting):
    text = f"for each in (1, 2):\n    TrainingArguments('out', {argument}=each)\n"
    why = read(tmp_path, text).unread[setting]
    assert f"train.py, line 2: {argument} has several values (1, 2)" in why
    assert diagnose(tmp_path / "train.py", task="miniature/entailment", model="miniature/bert").findings


@pytest.mark.parametrize("seeds", ["[]", "['a', 'b']", "[1, n]", "[0.5]"])
def test_a_loop_over_what_are_no_seeds_is_not_read(tmp_path, seeds):
    text = f"for seed in {seeds}:\n    TrainingArguments('out', seed=seed)\n"
    assert "seeds" in read(tmp_path, text).unread
    assert {each.rule for each in diagnose(tmp_path / "train.py").not_checked} >= {"shared-data-orders"}


@pytest.mark.parametrize(
    ("argument", "setting"),
    [
        ("per_device_train_batch_size=None", "batch_size"),
        ("per_device_train_batch_size=0", "batch_size"),
        ("num_train_epochs=0", "epochs"),
        ("learning_rate=None", "learning_rate"),
        ("warmup_ratio='much'", "warmup"),
        ("adam_beta1=1", "beta1"),
        ("seed=(1, 2)", "seeds"),
        ("max_steps=float('inf')", "max_steps"),
        (f"max_steps={10**400}", "max_steps"),
        ("learning_rate=float('nan')", "learning_rate"),
    ],
)
def test_a_value_that_cannot_be_trained_with_is_no_number_to_compute_with(tmp_path, argument, setting):
    assert setting in read(tmp_path, f"TrainingArguments('out', {argument})\n").unread
    diagnose(tmp_path / "train.py", task="miniature/entailment", model="miniature/bert")


def test_a_number_of_the_command_line_is_one_or_a_message():
    assert "has several values (16, 32)" in str(
        diagnose(arguments=["--per_device_train_batch_size", "16", "32"], task="miniature/entailment")
    )
    with pytest.raises(UserError, match="warmup_ratio = 'much' is no number"):
        diagnose(arguments=["--warmup_ratio", "much"])


TWO = "other = TrainingArguments('o', learning_rate=1e-3)\nargs = TrainingArguments('o', learning_rate=1e-5)\n"


@pytest.mark.parametrize(
    ("trainer", "rate"),
    [
        ("Trainer(model=model, args=args)", 1e-5),
        ("Trainer(model, other)", 1e-3),
        ("Trainer(model, dataclasses.replace(other, learning_rate=2e-5))", 2e-5),
        ("Trainer(model, copy.deepcopy(args))", 1e-5),
        ("Trainer(model, args)\nTrainer(model, other)", None),
        ("Trainer(model, made_elsewhere)", None),
        ("args.set_optimizer('adamw_torch', learning_rate=1)\nTrainer(model, args)", None),
    ],
)
def test_the_arguments_are_those_that_the_trainer_gets(tmp_path, trainer, rate):
    facts = read(tmp_path, TWO + trainer)
    assert facts.get("learning_rate") == rate
    assert ("learning_rate" in facts.unread) is (rate is None)


def test_a_training_that_never_ends_is_diagnosed(tmp_path):
    """No rule counts all of its steps or epochs one by one."""
    text = "for seed in range(3):\n    TrainingArguments('o', seed=seed, num_train_epochs=1000000000000, optim='x')\n"
    (tmp_path / "train.py").write_text(text + "BertAdam(p)\n")
    assert "shared-data-orders" in {
        each.rule for each in diagnose(tmp_path / "train.py", task="miniature/entailment").findings
    }


def test_arguments_of_two_trainers_may_be_lists(tmp_path):
    text = "Trainer(m, TrainingArguments('o', report_to=['a']))\nTrainer(m, TrainingArguments('o', report_to=['b'], seed=1))\n"
    assert read(tmp_path, text).value("seeds") == (42, 1)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "for name in ('a', 'b'):\n    Model.from_pretrained(name)",
            "line 2: the model's name, 'a', 'b', cannot be read",
        ),
        ("Model.from_pretrained(args.model)", "line 1: the model's name, args.model, cannot be read"),
        ("Model.from_pretrained('a')\nModel.from_pretrained('b')", "several models are loaded ('a', 'b')"),
    ],
)
def test_a_model_whose_name_cannot_be_read_is_said(tmp_path, text, why):
    (tmp_path / "train.py").write_text(
        text.replace("Model", "AutoModelForSequenceClassification") + "\nTrainingArguments('o')\n"
    )
    reasons = {each.rule: each.why for each in diagnose(tmp_path / "train.py").not_checked}
    assert why in reasons["rate-high-for-depth"]


def test_what_the_arguments_of_two_trainers_say_alike_is_known(tmp_path):
    facts = read(tmp_path, TWO.replace("'o'", "'o', adam_epsilon=1e-6") + "Trainer(model, args)\nTrainer(model, other)")
    assert facts.value("eps") == 1e-6
    assert "learning_rate has several values (1e-05, 0.001)" in facts.unread["learning_rate"]


OWN = "args = TrainingArguments('o')\n%s\nTrainer(model=model, args=args, optimizers=%s)\n"
ADAM = "opt = AdamW(model.parameters(), lr=1e-2, eps=1e-2, betas=(0.8, 0.9))"
SCHEDULE = "get_linear_schedule_with_warmup(opt, 100, 1000)"


def test_an_optimizer_of_ones_own_has_its_own_settings(tmp_path):
    facts = read(tmp_path, OWN % (ADAM, f"(opt, {SCHEDULE})"))
    names = ("learning_rate", "eps", "beta1", "beta2", "warmup", "bias_correction")
    assert [facts.value(name) for name in names] == [1e-2, 1e-2, 0.8, 0.9, 100, True]
    facts = read(tmp_path, OWN % (ADAM, "(opt, None)"))
    assert facts.value("warmup") == 0


@pytest.mark.parametrize(
    ("made", "pair", "unread"),
    [
        ("", "make(model)", {"learning_rate", "eps", "beta1", "beta2", "bias_correction", "warmup"}),
        ("opt = build()", "(opt, None)", {"learning_rate", "eps", "beta1", "beta2", "bias_correction"}),
        (
            "opt = Lion(model.parameters())",
            "(opt, None)",
            {"learning_rate", "eps", "beta1", "beta2", "bias_correction"},
        ),
        (ADAM.replace("lr=1e-2", "lr=rate"), "(opt, None)", {"learning_rate"}),
        (ADAM.replace("model.parameters()", "groups(model)"), "(opt, None)", {"learning_rate"}),
        (ADAM.replace("model.parameters()", "[{'params': p, 'lr': 1}]"), "(opt, None)", {"learning_rate"}),
        (ADAM, "(opt, LambdaLR(opt, f))", {"warmup"}),
        (ADAM, "(opt, get_scheduler('linear', opt, int(0.1 * steps), steps))", {"warmup"}),
    ],
)
def test_what_an_optimizer_does_not_show_is_not_taken_from_the_arguments(tmp_path, made, pair, unread):
    assert {*read(tmp_path, OWN % (made, pair)).unread} - {"weights_dtype"} == unread


def test_an_optimizer_that_the_trainer_is_not_given_says_nothing(tmp_path):
    facts = read(tmp_path, "opt = AdamW(p, lr=1, correct_bias=False)\nTrainer(model, TrainingArguments('o'))\n")
    assert (facts.value("learning_rate"), facts.value("bias_correction")) == (5e-5, True)


RUN = LOAD.replace("'m'", "'m', dtype=torch.float32") + "trainer = Trainer(model=model, args=args)\n"


@pytest.mark.parametrize(
    ("text", "dtype"),
    [
        (RUN + "trainer.train()\nmodel.half().save_pretrained('fp16')\n", "float32"),
        (RUN + "model.half()\ntrainer.train()\n", "float16"),
        (RUN + "model.half()\nmodel.float()\ntrainer.train()\n", "float32"),
        (RUN + "for _ in range(2):\n    trainer.train()\n    model.half()\n", "float16"),
        ("teacher = AutoModelForSequenceClassification.from_pretrained('t', dtype='float16')\n" + RUN, "float32"),
        (RUN + "trainer.train()\ndef export():\n    model.half()\n", None),
        (RUN + RUN.replace("float32", "bfloat16"), None),
    ],
)
def test_only_what_is_trained_and_before_it_is_trained_counts(tmp_path, text, dtype):
    assert read(tmp_path, text).get("weights_dtype") == dtype
