"""Every rule finds what it is for, finds nothing where there is nothing, and says what it would need where it cannot tell."""

from __future__ import annotations

import dataclasses
import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from tests.doctor.cases import CASES, LOAD, TRAINER, evaluated, known, run, script, task, with_model

from seedproof.doctor.base import SEVERITIES, Unknown
from seedproof.doctor.facts import NEEDS, Facts
from seedproof.doctor.rules import RULES, load_rules
from seedproof.doctor.rules.small_development_set import examples_for
from seedproof.doctor.sources.calls import facts_of_script
from seedproof.models.source import ModelSource, find_model
from seedproof.tasks import Split, Task

LOADED = load_rules()


def found(rule: str, facts: Facts):
    for need in LOADED[rule].needs:
        facts.require(need)
    return list(LOADED[rule].check(facts))


def read(folder, text: str) -> Facts:
    """Everything that a script says."""
    path = folder / "script.py"
    path.write_text(text)
    return facts_of_script(path, {})


def test_every_rule_has_its_cases():
    assert set(CASES) == set(RULES) == {rule.id for rule in LOADED.values()}


@pytest.mark.parametrize("rule", RULES)
def test_what_a_rule_is_for_is_found_with_a_number(rule, tmp_path):
    findings = found(rule, CASES[rule][0](tmp_path))
    assert [finding.rule for finding in findings] == [rule]
    [finding] = findings
    assert finding.severity in SEVERITIES
    assert finding.numbers
    assert all(math.isfinite(number) for number in finding.numbers.values())
    assert finding.evidence
    assert finding.why
    assert finding.source
    assert finding.change


@pytest.mark.parametrize("rule", RULES)
def test_nothing_is_found_where_there_is_nothing(rule, tmp_path):
    assert found(rule, CASES[rule][1](tmp_path)) == []


@pytest.mark.parametrize("rule", RULES)
def test_without_facts_a_rule_says_what_it_takes(rule):
    with pytest.raises(Unknown, match=r"takes|give|given"):
        found(rule, Facts())
    assert set(LOADED[rule].needs) <= set(NEEDS)


def test_without_correction_the_largest_step_is_that_of_the_formula():
    [finding] = found("no-bias-correction", Facts(settings=known(bias_correction=False)))
    steps = np.arange(1, 1001)
    factors = (1 - 0.9**steps) / np.sqrt(1 - 0.999**steps)
    assert finding.numbers["largest factor"] == pytest.approx(factors.max())
    assert "step 12" in finding.evidence


def test_with_the_beta2_of_roberta_missing_correction_is_a_warning():
    [finding] = found("no-bias-correction", Facts(settings=known(bias_correction=False, beta2=0.98)))
    assert finding.severity == "warning"
    assert finding.numbers["largest factor"] < 2


def test_twenty_five_seeds_of_twenty_epochs_share_44_orders():
    [finding] = found("shared-data-orders", CASES["shared-data-orders"][0](None))
    assert (finding.numbers["orders"], finding.numbers["orders if apart"]) == (44, 500)


def test_one_data_seed_gives_every_run_the_same_orders():
    settings = known(orders="trainer", seeds=(0, 100, 200), epochs=3.0, data_seed=(7,))
    [finding] = found("shared-data-orders", Facts(settings=settings))
    assert (finding.numbers["orders"], finding.numbers["orders if apart"]) == (3, 9)


def test_one_seed_alone_shares_nothing_that_could_be_seen():
    with pytest.raises(Unknown, match="one seed is known"):
        found("shared-data-orders", Facts(settings=known(orders="trainer", seeds=(42,), epochs=3.0)))


def deep(folder, family: str, layers: int = 24, **settings) -> Facts:
    (folder / "config.json").write_text(json.dumps({"model_type": family, "num_hidden_layers": layers}))
    return Facts(model=ModelSource(family, folder), settings=known(**settings))


@pytest.mark.parametrize(
    ("family", "settings", "severity"),
    [
        ("bert", {"bias_correction": False}, "serious"),
        ("bert", {"bias_correction": True}, "warning"),
        ("bert", {}, "warning"),
        ("roberta", {"bias_correction": False}, "warning"),
    ],
)
def test_a_large_rate_at_depth_is_serious_only_where_many_runs_were_seen_to_fail(tmp_path, family, settings, severity):
    [finding] = found("rate-high-for-depth", deep(tmp_path, family, learning_rate=5e-5, **settings))
    assert finding.severity == severity
    assert f"the limit for 24 layers of {family} 2e-05" in finding.evidence


@pytest.mark.parametrize(
    ("family", "layers", "rate"), [("electra", 24, 5e-5), ("electra", 12, 1e-4), ("bert", 24, 2e-5)]
)
def test_a_rate_with_which_a_family_is_published_is_no_finding(tmp_path, family, layers, rate):
    facts = deep(tmp_path, family, layers, learning_rate=rate, bias_correction=True)
    assert found("rate-high-for-depth", facts) == []


def test_the_published_rates_are_no_limits_for_adapters():
    with pytest.raises(Unknown, match="adapters"):
        found("rate-high-for-depth", with_model(learning_rate=1e-3, methods=("lora",)))


def test_the_unmoved_weights_are_those_that_a_step_does_not_change(tmp_path):
    """At 2e-5 in bfloat16 a weight of 1 stays, one of 0.001 moves."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert", "dtype": "bfloat16"}))
    weights = torch.tensor([1.0, 1.0, 1.0, 0.001])
    save_file({"a": weights.to(torch.bfloat16)}, tmp_path / "model.safetensors")
    facts = Facts(model=ModelSource("m", tmp_path), settings=known(weights_dtype="auto", learning_rate=2e-5))
    [finding] = found("sixteen-bit-weights", facts)
    assert finding.numbers["unmoved"] == 0.75
    assert finding.severity == "serious"


def test_a_log_shows_what_the_filter_hid():
    hidden = run(losses=((10, 0.7, 1.0), (20, 0.7, math.nan), (30, 0.7, math.inf)))
    [finding] = found("nan-filter", Facts(settings=known(nan_filter=False), runs=(hidden,)))
    assert finding.severity == "serious"
    assert (finding.numbers["steps"], finding.numbers["first"]) == (2, 20)


@pytest.mark.parametrize(
    ("norms", "severity"),
    [
        ((math.inf, math.inf, 1.0, 2.0), "note"),  # fp16's scaler tries its first scales
        ((1.0, math.inf, 2.0), "note"),
        ((1.0, math.nan, math.inf, 2.0), "serious"),
        ((1.0, 2.0, math.nan), "serious"),
        ((math.inf, math.inf), "serious"),
    ],
)
def test_a_norm_that_is_finite_again_is_as_of_a_step_that_a_scaler_left_out(norms, severity):
    logged = run(losses=tuple((step, 0.7, norm) for step, norm in enumerate(norms, 1)))
    [finding] = found("nan-filter", Facts(runs=(logged,)))
    assert finding.severity == severity


def test_the_callback_records_what_the_filter_hides(tmp_path):
    facts = script(tmp_path, "Trainer(callbacks=[StabilityCallback('out')])").joined(
        Facts(settings=known(nan_filter=True))
    )
    assert found("nan-filter", facts) == []


def test_a_head_that_is_made_in_an_unseen_call_is_not_judged(tmp_path):
    made = script(tmp_path, f"def make():\n    {LOAD}    return {TRAINER}\nsearch(make)\n")
    with pytest.raises(Unknown, match="whose call cannot be seen"):
        found("head-before-seed", made)
    assert (
        found("head-before-seed", script(tmp_path, f"def make():\n    {LOAD}    return {TRAINER}\nrun_seeds(make)\n"))
        == []
    )


def test_what_the_callback_saw_of_the_head_is_taken():
    for head, count in (("unknown", 1), ("seeded", 0)):
        assert len(found("head-before-seed", Facts(settings=known(head=head)))) == count


def test_the_stock_script_seeds_before_it_loads(tmp_path):
    """The order of run_glue.py, with the entrance for TPUs that it has beside its own."""
    body = f"    set_seed(training_args.seed)\n    {LOAD}    {TRAINER}"
    text = f"def main():\n{body}def _mp_fn(index):\n    main()\nif __name__ == '__main__':\n    main()\n"
    assert found("head-before-seed", script(tmp_path, text)) == []


def test_a_head_inside_of_a_wrapped_model_is_found(tmp_path):
    wrapped = LOAD + "model = get_peft_model(model, config).to(device)\n" + TRAINER
    [finding] = found("head-before-seed", script(tmp_path, wrapped))
    assert finding.place.line == 1


def test_a_saved_adapter_without_a_head_is_found(tmp_path):
    (tmp_path / "adapter_config.json").write_text('{"modules_to_save": null}')
    facts = Facts(settings=known(adapter=str(tmp_path)))
    save_file({"layer.lora_A.weight": torch.zeros(2)}, tmp_path / "adapter_model.safetensors")
    [finding] = found("lora-head", facts)
    assert finding.numbers == {"tensors": 1, "tensors of a head": 0}
    save_file(
        {"layer.lora_A.weight": torch.zeros(2), "classifier.weight": torch.zeros(2)},
        tmp_path / "adapter_model.safetensors",
    )
    assert found("lora-head", facts) == []


LORA = "get_peft_model(model, LoraConfig(task_type=TaskType.%s))\n"


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        (LOAD + LORA % "QUESTION_ANS", 0),
        (LORA % "FEATURE_EXTRACTION", 0),
        (LORA % "CAUSAL_LM", 0),
        (LOAD + LORA % "CAUSAL_LM", 1),
        (LOAD.replace("SequenceClassification", "CausalLM") + "get_peft_model(model, LoraConfig(r=8))", 0),
    ],
)
def test_a_head_that_peft_saves_or_that_there_is_none_of_is_not_missed(tmp_path, text, findings):
    assert len(found("lora-head", script(tmp_path, text))) == findings


@pytest.mark.parametrize("config", [{"task_type": "CAUSAL_LM"}, {"auto_mapping": {"base_model_class": "BertModel"}}])
def test_a_saved_adapter_of_a_model_without_a_head_needs_none(tmp_path, config):
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    save_file({"layer.lora_A.weight": torch.zeros(2)}, tmp_path / "adapter_model.safetensors")
    assert found("lora-head", Facts(settings=known(adapter=str(tmp_path)))) == []


@pytest.mark.parametrize(("engine", "findings"), [("trainer", 0), ("seedproof", 1)])
def test_the_steps_of_a_fraction_are_those_of_what_trains(engine, findings):
    """A tenth of 92 steps: the Trainer rounds up to 10."""
    settings = known(warmup=0.1, epochs=1.0, batch_size=1, train_examples=92)
    assert len(found("short-warmup", Facts(engine=engine, settings=settings))) == findings


def test_a_score_whose_interval_covers_the_majority_is_a_warning():
    [finding] = found("majority-score", evaluated(accuracy=0.52))
    assert finding.severity == "warning"


def test_an_f1_whose_classes_a_log_does_not_say_is_no_serious_finding():
    """It may be macro or weighted; a better known metric beside it is taken first."""
    [finding] = found("majority-score", evaluated(f1=0.6))
    assert finding.severity == "warning"
    assert "if the logged f1 is F1 of" in finding.evidence
    assert found("majority-score", evaluated(f1=0.6, accuracy=0.75)) == []
    [finding] = found("majority-score", evaluated(f1=math.nan))
    assert finding.severity == "serious"


def test_scores_that_are_0_by_definition_need_no_data():
    logged = Facts(runs=(run(evaluations=((1, {"matthews": 0.0}),)),))
    [finding] = found("majority-score", logged)
    assert finding.severity == "serious"


def test_a_diverged_score_is_no_better_than_the_majority():
    [finding] = found("majority-score", evaluated(accuracy=math.nan))
    assert finding.severity == "serious"


def test_an_accuracy_of_other_examples_is_not_judged():
    for rule in ("majority-score", "constant-predictions"):
        with pytest.raises(Unknown, match="is none of 400 examples"):
            found(rule, evaluated(accuracy=0.5271))


def test_a_log_that_fits_constant_predictions_is_said_to_fit_and_no_more():
    [finding] = found("constant-predictions", evaluated(accuracy=0.5))
    assert finding.severity == "warning"
    assert "as of a constant prediction" in finding.evidence
    assert found("constant-predictions", evaluated(accuracy=0.5, matthews=0.1)) == []


def test_the_sample_size_is_connors():
    """Connor 1987: n = (1.96 sqrt(d) + 0.8416 sqrt(d - delta^2))^2 / delta^2 with d = 0.1."""
    expected = (1.95996 * math.sqrt(0.1) + 0.84162 * math.sqrt(0.1 - 0.01**2)) ** 2 / 0.01**2
    assert examples_for(0.01) == math.ceil(expected)


def test_a_difference_of_fewer_than_six_examples_is_hopeless():
    [finding] = found("small-development-set", CASES["small-development-set"][0](None))
    assert finding.severity == "serious"
    [finding] = found("small-development-set", Facts(data=task(dev=277)))
    assert finding.severity == "warning"


def test_cut_texts_are_counted_by_class():
    texts = ["a b c d e f g h i j"] * 30 + ["a"] * 30
    facts = Facts(
        data=task(texts=texts, labels=[1] * 30 + [0] * 30),
        model=find_model("miniature/bert"),
        settings=known(max_length=8),
    )
    [finding] = found("texts-cut", facts)
    assert finding.numbers["cut"] == 0.5
    assert "yes 100%, no 0%" in finding.evidence


def test_the_best_accuracy_of_contradicting_texts_is_told():
    [finding] = found("contradicting-labels", CASES["contradicting-labels"][0](None))
    assert finding.numbers["highest accuracy"] == 0.75


def test_an_overlap_is_serious_where_it_is_as_large_as_the_difference_looked_for():
    facts = CASES["train-dev-overlap"][0](None)
    for difference, severity in ((0.05, "warning"), (1 / 400, "serious")):
        [finding] = found("train-dev-overlap", dataclasses.replace(facts, difference=difference))
        assert finding.severity == severity


def test_several_labels_an_example_are_looked_at_too():
    """Every rule on data gives what it finds, or says that it cannot."""
    labels = np.array([[1, 0], [0, 1], [1, 1], [0, 0]] * 30)
    texts = [f"text {index // 2}" for index in range(120)]
    several = Task(
        name="several",
        train=Split(texts, None, labels),
        dev=Split([f"dev {index}" for index in range(400)], None, np.tile(labels[:4], (100, 1))),
        classes=("a", "b"),
        metrics=("micro_f1",),
    )
    facts = Facts(data=several, model=find_model("miniature/bert"), settings=known(max_length=3, metric="micro_f1"))
    rules = ("texts-cut", "duplicates", "contradicting-labels", "train-dev-overlap", "small-development-set")
    assert {each.rule for rule in rules for each in found(rule, facts)} == {
        "texts-cut",
        "duplicates",
        "contradicting-labels",
    }
    found("metric-hides-imbalance", facts)


def test_names_that_contradict_each_other_are_found():
    names = ({"0": "no", "1": "yes"}, {"yes": 0, "no": 1})
    [finding] = found("label-order", Facts(data=task(), settings=known(id2label=names)))
    assert "disagree" in finding.evidence


NAMES = "AutoModelForSequenceClassification.from_pretrained('m', id2label={0: 'yes', 1: 'no'}%s)\n"


@pytest.mark.parametrize(
    ("text", "findings"),
    [
        ("data = data.class_encode_column('label')\n" + NAMES % "", 1),
        ("data.cast_column('label', ClassLabel(names=['no', 'yes']))\n" + NAMES % "", 1),
        ("data.cast_column('label', ClassLabel(names=['yes', 'no']))\n" + NAMES % "", 0),
        (NAMES % ", label2id={'yes': 0, 'no': 1}", 0),
        ("data = data.class_encode_column('label')\n" + NAMES % ", label2id={'yes': 0, 'no': 1}", 1),
    ],
)
def test_names_are_held_against_the_order_in_which_the_script_numbers(tmp_path, text, findings):
    """A script may number its labels as it likes, as AG News has Sports before Business."""
    facts = dataclasses.replace(read(tmp_path, text), data=task())
    assert len(found("label-order", facts)) == findings


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (NAMES % "", "nothing given says how the labels are numbered"),
        ("ClassLabel(names=read_names())\n" + NAMES % "", "line 1: the names of this ClassLabel cannot be read"),
    ],
)
def test_where_the_numbering_cannot_be_seen_names_are_not_judged(tmp_path, text, why):
    with pytest.raises(Unknown, match=why):
        found("label-order", dataclasses.replace(read(tmp_path, text), data=task()))


def test_labels_that_are_numbers_and_runs_of_seedproof_are_numbered_as_the_data_is():
    numbers = Facts(data=task(classes=("0", "1")), settings=known(id2label=({"0": "1", "1": "0"}, None)))
    own = Facts(engine="seedproof", data=task(), settings=known(id2label=({"0": "yes", "1": "no"}, None)))
    assert [len(found("label-order", facts)) for facts in (numbers, own)] == [1, 1]
