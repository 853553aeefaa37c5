"""Scripts are read in the order in which they run, as far as they can be read without running them."""

from __future__ import annotations

import pytest
from tests.doctor.cases import LOAD

from seedproof.doctor.sources.calls import facts_of_script
from seedproof.doctor.sources.command_line import read_command_line
from seedproof.doctor.sources.literals import Each, Unread
from seedproof.doctor.sources.script import read_script
from seedproof.errors import UserError


def read(folder, text, *given):
    path = folder / "train.py"
    path.write_text(text)
    return facts_of_script(path, read_command_line(given))


def calls(folder, text):
    path = folder / "train.py"
    path.write_text(text)
    return read_script(path).calls


def test_calls_stand_in_the_order_in_which_they_happen(tmp_path):
    text = (
        "def main():\n    second()\ndef unused():\n    fourth()\nif __name__ == '__main__':\n    first()\n    main()\n"
    )
    found = calls(tmp_path, text)
    assert [call.name for call in found] == ["first", "main", "second", "fourth"]
    assert [call.reached for call in found] == [True, True, True, False]


def test_what_is_called_in_its_order_is_not_read_again_for_an_unused_caller(tmp_path):
    text = "def main():\n    first()\ndef _mp_fn(index):\n    main()\nmain()\n"
    assert [(call.name, call.reached) for call in calls(tmp_path, text)] == [
        ("main", True),
        ("first", True),
        ("main", False),
    ]


def test_names_stand_for_their_literals(tmp_path):
    text = "RATE = 2e-5\nbatch = 4 * 4\nTrainingArguments('out', learning_rate=RATE, per_device_train_batch_size=batch)"
    facts = read(tmp_path, text)
    assert facts.value("learning_rate") == 2e-5
    assert facts.value("batch_size") == 16
    assert str(facts.place("learning_rate")).endswith("train.py, line 3")


def test_what_only_running_it_would_tell_is_said(tmp_path):
    facts = read(tmp_path, "TrainingArguments('out', learning_rate=config.rate, seed=3)")
    assert "learning_rate" not in facts.settings
    assert "learning_rate=config.rate cannot be read" in facts.unread["learning_rate"]
    assert facts.value("seeds") == (3,)


def test_a_name_that_two_branches_leave_otherwise_has_no_value(tmp_path):
    facts = read(
        tmp_path, "if fast:\n    rate = 1e-4\nelse:\n    rate = 2e-5\nTrainingArguments('out', learning_rate=rate)"
    )
    assert "which a condition decides" in facts.unread["learning_rate"]


def test_arguments_behind_two_stars_are_not_taken_for_defaults(tmp_path):
    facts = read(tmp_path, "TrainingArguments('out', seed=1, **config)")
    assert "come from * or **" in facts.unread["learning_rate"]
    facts = read(tmp_path, "more = {'learning_rate': 1e-5}\nTrainingArguments('out', **more)")
    assert facts.value("learning_rate") == 1e-5


def test_a_setting_that_is_changed_afterwards_has_the_later_value(tmp_path):
    facts = read(tmp_path, "args = TrainingArguments('out')\nargs.learning_rate = 1e-5")
    assert facts.value("learning_rate") == 1e-5


def test_loops_over_seeds_are_followed_through_functions(tmp_path):
    text = "def main(seed):\n    TrainingArguments('out', seed=seed)\nfor seed in range(3):\n    main(seed)\n"
    assert read(tmp_path, text).value("seeds") == (0, 1, 2)
    text = "SEEDS = [1, 5]\nfor seed in SEEDS:\n    TrainingArguments('out', seed=seed)\n"
    assert read(tmp_path, text).value("seeds") == (1, 5)


def test_calls_with_several_seeds_are_put_together(tmp_path):
    text = "def main(seed):\n    TrainingArguments('out', seed=seed)\nmain(1)\nmain(2)\n"
    assert read(tmp_path, text).value("seeds") == (1, 2)


def test_functions_that_call_others_twice_are_not_followed_for_ever(tmp_path):
    lines = [f"def f{depth}():\n" + f"    f{depth + 1}()\n" * 12 for depth in range(12)]
    assert len(calls(tmp_path, "".join(lines) + "f0()\n")) < 30_000


def test_the_arguments_of_hf_argument_parser_stand_on_the_command_line(tmp_path):
    text = "args, = HfArgumentParser(TrainingArguments).parse_args_into_dataclasses()"
    assert "give that behind --" in read(tmp_path, text).unread["learning_rate"]
    assert read(tmp_path, text, "--learning_rate", "1e-4").value("learning_rate") == 1e-4


@pytest.mark.parametrize(
    ("text", "dtype"),
    [
        (LOAD, "auto"),
        (LOAD.replace("'m'", "'m', dtype=torch.bfloat16"), "bfloat16"),
        (LOAD.replace("'m'", "'m', torch_dtype='float16'"), "float16"),
        (LOAD.replace("'m'", "'m', dtype=torch.float32"), "float32"),
        (LOAD + "model.half()", "float16"),
        (LOAD + "model = model.to(torch.bfloat16)", "bfloat16"),
        (LOAD + "model = model.to('cuda')", "auto"),
    ],
)
def test_the_precision_of_the_weights_is_read(tmp_path, text, dtype):
    assert read(tmp_path, text).value("weights_dtype") == dtype


@pytest.mark.parametrize(
    ("text", "corrects"),
    [
        ("TrainingArguments('out')", True),
        ("BertAdam(parameters, lr=2e-5)", False),
        ("AdamW(parameters, correct_bias=False)", False),
        ("FusedAdam(parameters, bias_correction=False)", False),
        ("torch.optim.AdamW(parameters)", True),
    ],
)
def test_optimizers_are_known_by_what_they_correct(tmp_path, text, corrects):
    assert read(tmp_path, text).value("bias_correction") is corrects


def test_an_optimizer_that_is_no_adam_is_not_judged(tmp_path):
    facts = read(tmp_path, "TrainingArguments('out', optim='sgd')")
    assert "no Adam whose correction is known" in facts.unread["bias_correction"]


def test_the_baseline_of_stable_arguments_is_known(tmp_path):
    text = "for number in range(3):\n    stable_arguments(600, 'out', seed=number, learning_rate=1e-5)\n"
    facts = read(tmp_path, text)
    assert (facts.value("learning_rate"), facts.value("warmup"), facts.value("eps")) == (1e-5, 0.1, 1e-6)
    assert (facts.value("seeds"), facts.value("epochs")) == ((0, 1000, 2000), 20)
    assert "epochs follow from the examples" in read(tmp_path, "stable_arguments(len(data), 'out')").unread["epochs"]


def test_tokenizing_tells_where_texts_are_cut(tmp_path):
    call = "tokenizer(batch['a'], batch['b'], truncation=True, max_length=64)"
    text = f"def prepare(batch):\n    return {call}\ndata.map(prepare)\n"
    facts = read(tmp_path, text)
    assert (facts.value("max_length"), facts.value("segments")) == (64, True)


def test_a_recursive_script_ends(tmp_path):
    found = calls(tmp_path, "def f(n):\n    return f(n)\ndef g():\n    h()\ndef h():\n    g()\nf(3)\ng()\n")
    assert {call.name for call in found} == {"f", "g", "h"}


def test_values_that_are_no_literals_keep_their_words(tmp_path):
    [call] = [call for call in calls(tmp_path, "for x in [1, 2]:\n    f(x, y + 1)\n") if call.name == "f"]
    assert call.positional == [Each((1, 2)), Unread("y + 1", 2)]


def test_a_huge_range_is_no_memory(tmp_path):
    [call] = calls(tmp_path, "for seed in range(10**12):\n    f(seed)\n")[-1:]
    assert isinstance(call.positional[0], Unread)


def test_what_is_no_python_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"train\.py, line 1: no Python"):
        calls(tmp_path, "def f(:\n")
    (tmp_path / "train.py").write_bytes(b"\x00\xff")
    with pytest.raises(UserError, match=r"train\.py"):
        read_script(tmp_path / "train.py")
