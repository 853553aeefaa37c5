"""Heads that no seed determines, and orders that seeds share: what a script shows of them, and what it does not."""

from __future__ import annotations

import pytest
from tests.doctor.cases import LOAD, TRAINER

from seedproof.doctor.base import Unknown
from seedproof.doctor.examine import diagnose
from seedproof.doctor.rules import load_rules
from seedproof.doctor.sources.calls import facts_of_script
from seedproof.doctor.sources.command_line import read_command_line

RULES = load_rules()
MADE = LOAD + TRAINER
IN_LOOP = f"for seed in (0, 1000):\n    %s{LOAD}    args = TrainingArguments('out', seed=seed)\n    {TRAINER}"


def found(rule, folder, text, *given):
    path = folder / "train.py"
    path.write_text(text)
    facts = facts_of_script(path, read_command_line(given))
    for need in RULES[rule].needs:
        facts.require(need)
    return list(RULES[rule].check(facts))


@pytest.mark.parametrize(
    "seeding",
    [
        "torch.Generator().manual_seed(42)",
        "g = torch.Generator()\ng.manual_seed(42)",
        "torch.cuda.manual_seed(42)",
        "np.random.seed(42)",
    ],
)
def test_what_seeds_another_generator_does_not_seed_the_head(tmp_path, seeding):
    [finding] = found("head-before-seed", tmp_path, f"{seeding}\n{MADE}")
    assert finding.severity == "serious"


@pytest.mark.parametrize("seeding", ["torch.manual_seed(42)", "transformers.set_seed(42)", "pl.seed_everything(1)"])
def test_what_seeds_torch_seeds_the_head(tmp_path, seeding):
    assert found("head-before-seed", tmp_path, f"{seeding}\n{MADE}") == []


def test_a_seed_that_is_set_once_before_a_loop_leaves_later_heads_to_earlier_runs(tmp_path):
    [finding] = found("head-before-seed", tmp_path, "set_seed(42)\n" + IN_LOOP % "")
    assert "in each turn of a loop" in finding.evidence
    assert finding.severity == "warning"
    assert found("head-before-seed", tmp_path, IN_LOOP % "set_seed(seed)\n    ") == []
    assert found("head-before-seed", tmp_path, "set_seed(42)\n" + IN_LOOP.replace("(0, 1000)", "(7,)") % "") == []


def test_a_second_run_needs_a_seed_of_its_own(tmp_path):
    """The same without a loop."""
    text = f"def main(seed):\n    {LOAD}    {TRAINER}set_seed(42)\nmain(1)\nmain(2)\n"
    [finding] = found("head-before-seed", tmp_path, text)
    assert "after an earlier run" in finding.evidence


def test_a_function_from_elsewhere_that_may_seed_is_named(tmp_path):
    text = f"from utils import seed_all\nseed_all(42)\n{MADE}"
    with pytest.raises(Unknown, match="line 2: whether seed_all, which the script does not define, seeds torch"):
        found("head-before-seed", tmp_path, text)


def test_a_function_of_the_script_seeds_what_it_is_seen_to_seed(tmp_path):
    text = "def set_seed(seed):\n    %s.seed(seed)\nset_seed(1)\n" + MADE
    assert len(found("head-before-seed", tmp_path, text % "np.random")) == 1
    assert found("head-before-seed", tmp_path, text.replace("%s.seed", "torch.manual_seed")) == []


def test_a_model_without_a_new_head_needs_no_seed(tmp_path):
    text = MADE.replace("ModelForSequenceClassification", "ModelForTextEncoding")
    assert found("head-before-seed", tmp_path, text) == []


def test_arguments_behind_two_dashes_leave_the_orders_as_the_script_has_them(tmp_path):
    """run_seeds orders apart, and no argument that says nothing of orders changes that."""
    path = tmp_path / "train.py"
    path.write_text("def make(n):\n    return Trainer(args=TrainingArguments('o', seed=n))\nrun_seeds(make, seeds=5)\n")
    found_all = diagnose(path, arguments=["--output_dir", "x"], seeds=5)
    assert "shared-data-orders" not in {each.rule for each in found_all.findings}


def test_another_sampler_stays_with_arguments_behind_two_dashes(tmp_path):
    text = "for n in range(5):\n    TrainingArguments('o', seed=n, group_by_length=True)\n"
    with pytest.raises(Unknown, match="the order of this sampler was not tried"):
        found("shared-data-orders", tmp_path, text, "--output_dir", "x")


ORDERS = "for seed in range(3):\n    TrainingArguments('o', seed=seed, data_seed=%s)\n"


def test_a_data_seed_for_each_run_is_used(tmp_path):
    assert found("shared-data-orders", tmp_path, ORDERS % "1000 * seed") == []
    [finding] = found("shared-data-orders", tmp_path, ORDERS % "seed + 1")
    assert finding.numbers["orders"] == 5
    [finding] = found("shared-data-orders", tmp_path, ORDERS % "7")
    assert "with one data_seed for all" in finding.evidence


def test_a_data_seed_that_cannot_be_read_is_not_replaced_by_the_seed(tmp_path):
    with pytest.raises(Unknown, match=r"data_seed=seed \+ offset cannot be read"):
        found("shared-data-orders", tmp_path, ORDERS % "seed + offset")
