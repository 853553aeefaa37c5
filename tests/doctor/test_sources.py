"""Arguments, logs, studies and recipes as facts."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from seedproof.doctor.facts import Facts
from seedproof.doctor.sources.arguments import DEFAULTS, read_arguments
from seedproof.doctor.sources.command_line import read_command_line
from seedproof.doctor.sources.finished import read_state, state_in
from seedproof.doctor.sources.study import facts_of_recipes, facts_of_store, facts_of_study_file, watched
from seedproof.errors import UserError
from seedproof.miniature.card import SETTINGS
from seedproof.models.source import find_model

STORE = Path(__file__).parent.parent / "assets" / "first" / "plain"


def written(folder, content, name="args.json"):
    path = folder / name
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


@pytest.mark.newest
def test_the_defaults_are_those_of_the_installed_transformers():
    from transformers import TrainingArguments

    fields = {field.name: field for field in dataclasses.fields(TrainingArguments)}
    for name, value in DEFAULTS.items():
        field = fields[name]
        default = field.default if field.default is not dataclasses.MISSING else field.default_factory()
        assert str(getattr(default, "value", default)) == str(value), name


def test_arguments_become_settings(tmp_path):
    content = {
        "learning_rate": 2e-5,
        "per_device_train_batch_size": 8,
        "gradient_accumulation_steps": 4,
        "warmup_steps": 0.1,
    }
    facts = read_arguments(written(tmp_path, {**content, "seed": 7}))
    assert facts.value("batch_size") == 32
    assert facts.value("warmup") == 0.1
    assert facts.value("seeds") == (7,)
    assert facts.value("eps") == 1e-8
    assert str(facts.place("eps")) == "the default of TrainingArguments"


@pytest.mark.parametrize(
    ("given", "warmup"),
    [
        ({"warmup_ratio": 0.06, "warmup_steps": 0}, 0.06),
        ({"warmup_ratio": 0.06, "warmup_steps": 100}, 100),
        ({"warmup_steps": 100, "lr_scheduler_type": "constant"}, 0),
        ({"warmup_steps": 100, "lr_scheduler_type": "constant_with_warmup"}, 100),
    ],
)
def test_the_warm_up_is_that_of_the_schedule(tmp_path, given, warmup):
    assert read_arguments(written(tmp_path, {"learning_rate": 1e-5, **given})).value("warmup") == warmup


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"args\.json is no JSON"),
        ("[]", "holds no JSON object"),
        ('{"colour": 3}', "no argument of TrainingArguments"),
        ('{"seed": 1%s}' % ("0" * 400), "is no number"),
        ('{"learning_rate": "fast"}', r"learning_rate = 'fast' is no number"),
    ],
)
def test_a_file_of_arguments_that_is_none_is_refused(tmp_path, content, message):
    with pytest.raises(UserError, match=message):
        read_arguments(written(tmp_path, content))


def test_a_command_line_is_read_as_argparse_does():
    found = read_command_line(["--lr=1e-4", "--do_train", "--names", "a", "b", "--seed", "1", "--seed", "-2"])
    values = {name: known.value for name, known in found.items()}
    assert values == {"lr": 1e-4, "do_train": True, "names": ("a", "b"), "seed": -2}
    with pytest.raises(UserError, match="'stray' belongs to none"):
        read_command_line(["stray", "--seed", "1"])


def test_a_log_gives_losses_and_scores_by_our_names(tmp_path):
    history = [
        {"step": 10, "loss": 0.7, "grad_norm": "nan"},
        {"step": 10, "eval_matthews_correlation": 0.5, "eval_loss": 0.6, "eval_runtime": 1.0},
    ]
    state = {"log_history": history, "max_steps": 10, "num_train_epochs": 3}
    facts = read_state(written(tmp_path, state, "trainer_state.json"))
    [run] = facts.runs
    assert run.evaluations == ((10, {"matthews": 0.5}),)
    assert run.losses[0][:2] == (10, 0.7)
    assert run.losses[0][2] != run.losses[0][2]
    assert (facts.steps, facts.passes) == (10, 3)


def test_the_state_of_the_last_checkpoint_counts(tmp_path):
    for step in (90, 100):
        (tmp_path / f"checkpoint-{step}").mkdir()
        written(tmp_path / f"checkpoint-{step}", {"log_history": []}, "trainer_state.json")
    assert state_in(tmp_path) == tmp_path / "checkpoint-100" / "trainer_state.json"


def test_seeds_of_several_sources_are_put_together(tmp_path):
    one = read_arguments(written(tmp_path, {"seed": 1}, "a.json"))
    two = read_arguments(written(tmp_path, {"seed": 2, "learning_rate": 1e-5}, "b.json"))
    both = one.joined(two)
    assert both.value("seeds") == (1, 2)
    assert both.value("learning_rate") == 1e-5


def test_a_later_source_that_cannot_be_read_hides_the_earlier_one():
    known = read_line("--learning_rate", "1e-5")
    hidden = known.joined(Facts(unread={"learning_rate": "it is computed"}))
    assert "learning_rate" not in hidden.settings
    assert hidden.joined(known).value("learning_rate") == 1e-5


def read_line(*words):
    from seedproof.doctor.sources.arguments import settings_of

    return settings_of(read_command_line(words), {}, is_whole=False)


def test_a_recipe_without_a_model_leaves_some_to_it():
    [facts] = facts_of_recipes(["devlin"], None, None)
    assert facts.value("bias_correction") is False
    assert "give --model" in facts.unread["learning_rate"]
    [facts] = facts_of_recipes(["devlin"], find_model("miniature/bert"), None)
    assert facts.value("learning_rate") == SETTINGS["bert"]["learning_rate"]


def test_a_study_file_gives_facts_of_every_cell(tmp_path):
    text = 'name = "a"\ntasks = ["miniature/entailment"]\nmodels = ["miniature/bert"]\n'
    text += 'recipes = ["devlin", "mosbach"]\nseeds = 3\n'
    cells = facts_of_study_file(written(tmp_path, text, "study.toml"))
    assert [facts.name for facts in cells] == ["devlin", "mosbach"]
    assert cells[1].value("epochs") == 20
    assert cells[0].value("seeds") == (0, 1, 2)


@pytest.mark.parametrize(("optimizer", "is_known"), [("AdamW", True), ("SGD", False)])
def test_of_a_watched_trainer_only_what_was_seen_is_known(optimizer, is_known):
    [facts] = facts_of_recipes(["mosbach"], None, None)
    seen = watched(facts.settings, {"optimizer": optimizer, "head": "seeded"}, facts.place("epochs"))
    assert ("bias_correction" in seen, "eps" in seen) == (is_known, is_known)
    assert "weights_dtype" not in seen
    assert (seen["orders"].value, seen["nan_filter"].value, seen["head"].value) == ("trainer", False, "seeded")


def test_a_store_gives_runs_and_what_they_predicted(tmp_path):
    shutil.copytree(STORE, tmp_path / "store")
    cells = {facts.name: facts for facts in facts_of_store(tmp_path / "store")}
    runs = cells["pairs, devlin"].runs
    assert [run.predicted for run in runs] == ["yes", "yes"]
    assert runs[0].score == ("accuracy", 0.5, 0.5)
    assert [run.predicted for run in cells["ratings, devlin"].runs] == [None, None]
    assert "no longer where this study" in cells["pairs, devlin"].unread["model"]
