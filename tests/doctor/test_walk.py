"""The walk through a script says nothing that only running it would tell."""

from __future__ import annotations

import pytest

from seedproof.doctor.sources.calls import facts_of_script
from seedproof.doctor.sources.command_line import read_command_line

ARGS = "TrainingArguments('out', learning_rate=rate)\n"


def read(folder, text, *given):
    path = folder / "train.py"
    path.write_text(text)
    return facts_of_script(path, read_command_line(given))


@pytest.mark.parametrize(
    "text",
    [
        "def pick():\n    if big:\n        return 1e-5\n    return 1e-4\nrate = pick()\n",
        "def pick():\n    if big:\n        return 1e-5\nrate = pick()\n",
        "rate = 1e-5 if big else 1e-4\n",
        "rate = 1e-5\nwhile big:\n    rate = 1e-4\n",
        "rate = 1e-5\nfor _ in range(3):\n    rate = rate * 2\n",
        "rate = 1e-5\nfor each in unknown:\n    rate = 1e-4\n",
        "rate = 1e-5\ntry:\n    check()\nexcept OSError:\n    rate = 1e-4\n",
        "rate = 1e-5\nmatch size:\n    case 'large':\n        rate = 1e-4\n",
        "rate = 1e-5\ndef change():\n    global rate\n    rate = 1e-4\nchange()\n",
        "def main(rate=1e-5):\n    TrainingArguments('out', learning_rate=rate)\nmain(**config)\n",
        "rates = [rate for rate in unknown]\n",
    ],
)
def test_what_branches_loops_and_functions_may_leave_otherwise_has_no_value(tmp_path, text):
    facts = read(tmp_path, text if "TrainingArguments" in text else text + ARGS)
    assert "learning_rate" not in facts.settings
    assert "cannot be read" in facts.unread["learning_rate"]


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("def pick():\n    if big:\n        return 1e-5\n    return 1e-5\nrate = pick()\n", 1e-5),
        ("rate = 1e-5\nif wrong:\n    raise ValueError\nelse:\n    pass\n", 1e-5),
        ("if big:\n    rate = 1e-5\nelse:\n    sys.exit(1)\n", 1e-5),
        ("DEBUG = False\nrate = 1e-5\nif DEBUG:\n    rate = 1\n", 1e-5),
        ("def inner():\n    rate = 3\nrate = 1e-5\ninner()\n", 1e-5),
        ("for rate in [1e-5]:\n    pass\nrate = 1e-5\n", 1e-5),
        ("for rate, size in unknown:\n    pass\nrate = 1e-5\n", 1e-5),
        ("rates = {'a': [1e-4, 1e-5]}\nrate = rates['a'][1]\n", 1e-5),
        ("rates = dict(a=1e-4)\nrates.update(a=1e-5)\nrate = rates.get('a', 2)\n", 1e-5),
        ("rates = []\nrates.append(1e-5)\nrate = rates[0]\n", 1e-5),
    ],
)
def test_what_they_leave_alike_is_known(tmp_path, text, rate):
    assert read(tmp_path, text + ARGS).value("learning_rate") == rate


def test_an_attribute_that_is_set_under_a_condition_has_no_value(tmp_path):
    text = "args = TrainingArguments('out', warmup_steps=0.1)\nif quick:\n    args.warmup_steps = 0\n"
    assert "which a condition decides" in read(tmp_path, text).unread["warmup"]
    text += "else:\n    args.warmup_steps = 0\n"
    assert read(tmp_path, text).value("warmup") == 0


def test_an_attribute_of_arguments_that_branches_make_is_set_in_each(tmp_path):
    text = "if big:\n    args = TrainingArguments('out', seed=1)\nelse:\n    args = TrainingArguments('out', seed=2)\n"
    facts = read(tmp_path, text + "args.learning_rate = 1e-3\nTrainer(model=model, args=args)\n")
    assert (facts.value("learning_rate"), facts.value("seeds")) == (1e-3, (1, 2))


CONFIG = "cfg = {'warmup_steps': 0.5, 'seed': 3}\n%sTrainingArguments('out', **cfg)\n"


@pytest.mark.parametrize(
    ("change", "warmup"),
    [
        ("cfg['warmup_steps'] = 0.1\n", 0.1),
        ("cfg.update({'warmup_steps': 0.1})\n", 0.1),
        ("cfg |= {'warmup_steps': 0.1}\n", 0.1),
        ("cfg = {**cfg, 'warmup_steps': 0.1}\n", 0.1),
        ("def change(given):\n    given['warmup_steps'] = 0.1\nchange(cfg)\n", 0.1),
        ("del cfg['warmup_steps']\n", 0),
        ("cfg[name] = 0.1\n", None),
        ("cfg.update(more)\n", None),
        ("cfg = {**cfg, **more}\n", None),
        ("if big:\n    cfg['warmup_steps'] = 0.1\n", None),
        ("for key in keys:\n    setattr(cfg, key, 1)\n    cfg[key] = 1\n", None),
    ],
)
def test_a_dictionary_is_followed_through_its_changes(tmp_path, change, warmup):
    facts = read(tmp_path, CONFIG % change)
    assert facts.get("warmup") == warmup
    assert ("warmup" in facts.unread) is (warmup is None)


@pytest.mark.parametrize(
    "change", ["SEEDS.append(n)", "SEEDS += more", "SEEDS[k] = 4", "for n in (3, 4):\n    SEEDS.append(n)"]
)
def test_a_list_that_is_changed_in_a_way_that_is_not_read_has_no_value(tmp_path, change):
    text = f"SEEDS = [1, 2]\n{change}\nfor seed in SEEDS:\n    TrainingArguments('out', seed=seed)\n"
    assert "cannot be read" in read(tmp_path, text).unread["seeds"]


@pytest.mark.parametrize("stars", ["**BASE, **config", "**config, **BASE"])
def test_one_readable_dictionary_does_not_close_the_arguments(tmp_path, stars):
    facts = read(tmp_path, f"BASE = {{'seed': 1}}\nTrainingArguments('out', {stars})\n")
    assert "come from * or **" in facts.unread["learning_rate"]
    assert facts.value("seeds") == (1,)


def test_attributes_that_a_loop_sets_by_name_are_not_taken_for_defaults(tmp_path):
    text = "args = TrainingArguments('out', learning_rate=1e-5)\nfor key, each in config.items():\n    setattr(args, key, each)\n"
    facts = read(tmp_path, text)
    assert {"learning_rate", "warmup", "seeds"} <= {*facts.unread}


@pytest.mark.parametrize("parsed", ["args, rest = parser.parse_known_args()", "args = parser.parse_args()"])
def test_an_argument_of_the_command_line_has_its_default_and_goes_by_all_of_its_names(tmp_path, parsed):
    text = (
        f"parser.add_argument('--learning-rate', '--lr', type=float, default=2e-5)\n{parsed}\n"
        "TrainingArguments('out', learning_rate=args.learning_rate)\n"
    )
    assert read(tmp_path, text).value("learning_rate") == 2e-5
    assert read(tmp_path, text, "--lr", "1e-2").value("learning_rate") == 1e-2
    assert read(tmp_path, text, "--learning-rate", "1e-2").value("learning_rate") == 1e-2


def test_the_command_line_does_not_change_what_the_script_writes(tmp_path):
    text = "args = parser.parse_args()\nargs.rate = 1e-5\nTrainingArguments('out', learning_rate=args.rate)\n"
    assert read(tmp_path, text, "--rate", "1e-2", "--learning_rate", "1").value("learning_rate") == 1e-5
