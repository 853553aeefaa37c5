"""The whole: faults planted into a stock script are found and nothing else; what was not checked is said with the reason."""

from __future__ import annotations

import json

import pytest
from tests.doctor.planted import CLEAN, FAULTS, prepare, with_faults

import seedproof
from seedproof.doctor.rules import RULES
from seedproof.doctor.sarif import to_sarif
from seedproof.errors import UserError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("planted")
    prepare(folder, train=600, share=0.9)
    return folder


@pytest.fixture(autouse=True)
def _in_the_folder(folder, monkeypatch):
    """Scripts name their model from where they are run."""
    monkeypatch.chdir(folder)


def diagnose(folder, text, **changes):
    path = folder / "train.py"
    path.write_text(text)
    data = {"task": folder / "train.csv", "dev": folder / "dev.csv", "text": "text", "label": "label"}
    return seedproof.diagnose(path, **{**data, **changes})


def test_nothing_is_found_in_a_clean_script(folder):
    found = diagnose(folder, CLEAN)
    assert found.findings == ()
    assert not found.is_serious
    assert {each.rule for each in found.not_checked} == {
        "majority-score",
        "constant-predictions",
        "segment-ids-missing",
    }


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found_and_nothing_else(folder, fault):
    assert {each.rule for each in diagnose(folder, with_faults(fault)).findings} == {fault}


@pytest.mark.parametrize("faults", list(zip(*[iter(FAULTS)] * 3, strict=False)))
def test_three_planted_faults_are_found_and_nothing_else(folder, faults):
    found = diagnose(folder, with_faults(*faults))
    assert {each.rule for each in found.findings} == {*faults}
    assert all(each.place is not None for each in found.findings)


def test_every_rule_is_found_clean_or_not_checked(folder):
    found = diagnose(folder, with_faults("head-before-seed"), ignore=["duplicates"])
    told = {each.rule for each in found.findings} | {*found.checked} | {each.rule for each in found.not_checked}
    assert told == set(RULES)
    assert ("duplicates", "left out with --ignore") in {(each.rule, each.why) for each in found.not_checked}


def test_what_a_study_of_seedproof_cannot_have_is_checked():
    found = seedproof.diagnose(recipes=["mosbach"], task="miniature/entailment", model="miniature/bert", seeds=25)
    assert found.findings == ()
    assert {"head-before-seed", "shared-data-orders", "nan-filter", "lora-head"} <= {*found.checked}


def test_findings_of_several_recipes_say_in_which():
    found = seedproof.diagnose(recipes=["devlin", "mosbach"], task="miniature/entailment", model="miniature/bert")
    assert {(each.rule, each.about) for each in found.findings} == {
        ("no-bias-correction", ("devlin",)),
        ("too-few-steps", ("devlin",)),
    }


def test_the_worst_stands_first_and_evidence_apart_from_what_follows(folder):
    found = diagnose(folder, with_faults("short-warmup", "head-before-seed", "nan-filter"))
    assert [each.severity for each in found.findings] == ["serious", "warning", "note"]
    text = str(found)
    assert (
        text.index("serious: head-before-seed") < text.index("warning: short-warmup") < text.index("note: nan-filter")
    )
    for finding in found.findings:
        assert f"  seen:   {finding.evidence}" in text
        assert f"  why:    {finding.why} ({finding.source})" in text


def test_a_diagnosis_shows_itself(folder):
    found = diagnose(folder, with_faults("head-before-seed"))
    assert repr(found) == "Diagnosis(1 serious; 18 rules checked without a finding, 3 not checked)"
    assert "serious: head-before-seed" in found._repr_html_()
    content = json.loads(json.dumps(found.to_json()))
    assert content["serious"]
    assert content["findings"][0]["place"]["line"] == CLEAN[: CLEAN.index("return AutoModel")].count("\n") + 1


def test_a_diverged_run_is_strict_json(tmp_path):
    state = {"log_history": [{"step": 1, "eval_matthews_correlation": float("nan")}], "max_steps": 1}
    (tmp_path / "trainer_state.json").write_text(json.dumps(state))
    found = seedproof.diagnose(tmp_path)
    assert found.is_serious
    for content in (found.to_json(), to_sarif(found)):
        json.dumps(content, allow_nan=False)


def test_arguments_of_a_stock_script_are_followed_to_their_data_and_model(folder):
    words = ["--model_name_or_path", "miniature/bert-shallow", "--train_file", str(folder / "train.csv")]
    words += ["--validation_file", str(folder / "dev.csv"), "--learning_rate", "1e-3", "--seed", "1"]
    found = seedproof.diagnose(arguments=words)
    assert {each.rule for each in found.findings} == {
        "rate-high-for-depth",
        "too-few-steps",
        "short-warmup",
        "nan-filter",
    }


def test_a_model_that_a_script_names_is_not_fetched():
    found = seedproof.diagnose(arguments=["--model_name_or_path", "no-such/model", "--learning_rate", "1e-3"])
    reasons = {each.rule: each.why for each in found.not_checked}
    assert "no-such/model is not on this machine" in reasons["rate-high-for-depth"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "nothing to look at"),
        ({"sources": ["missing.py"]}, "there is no file or folder missing.py"),
        ({"model": "miniature/bert", "ignore": ["duplicate"]}, "did you mean 'duplicates'"),
        ({"model": "miniature/bert", "difference": 2}, "the difference 2 is not valid"),
        ({"model": "miniature/bert", "text": "a"}, "text is about a task"),
        ({"model": "miniature/bert", "seeds": []}, r"seeds=\[\] holds no seed"),
        ({"model": "miniature/bert", "seeds": 0}, "seeds=0 holds no seed"),
        ({"recipes": ["mosbak"]}, "did you mean 'mosbach'"),
    ],
)
def test_mistakes_are_one_message(arguments, message):
    sources = arguments.pop("sources", [])
    with pytest.raises(UserError, match=message):
        seedproof.diagnose(*sources, **arguments)


def test_a_pickle_is_not_opened(tmp_path):
    (tmp_path / "training_args.bin").write_bytes(b"x")
    with pytest.raises(UserError, match="is a pickle"):
        seedproof.diagnose(tmp_path / "training_args.bin")
    with pytest.raises(UserError, match="neither the folder of a study"):
        seedproof.diagnose(tmp_path)
