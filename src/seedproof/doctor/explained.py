"""Every rule in words, from its class: docs/doctor.md.

python -m seedproof.doctor.explained > docs/doctor.md
"""

from __future__ import annotations

from seedproof.doctor.base import Rule
from seedproof.doctor.facts import NEEDS
from seedproof.doctor.rules import load_rules

_HEAD = """\
# The doctor

Written by `python -m seedproof.doctor.explained > docs/doctor.md` from the rules' own source; a test holds the two together.

`seedproof doctor` reads what there is before or after a training, and lists what threatens its stability or the truth of its
score. It trains nothing and runs no script. Each finding says what is seen, with its number, apart from what is known to follow
from it, with the source, and the change to make. It says what it checked, and what it could not, and why; it never says of a
cause what it cannot see.

    seedproof doctor train.py --task train.csv --text review --label stars
    seedproof doctor args.json out/checkpoint-468 --task train.csv --dev dev.csv --text review --label stars
    seedproof doctor --task glue/rte --data-dir glue_data --model bert-large-uncased -- --learning_rate 5e-5 --seed 1
    seedproof doctor --recipe devlin --task miniature/entailment --model miniature/bert
    seedproof doctor study.toml
    seedproof doctor out/rte --json

A source is a study's folder or file, a JSON of `TrainingArguments` (`args.to_json_string()`), a `trainer_state.json` or a
folder where the Trainer has left one, a folder with an adapter of LoRA, or a Python script. What they say of one training
is put together; the last one wins. Arguments of a stock script stand behind `--`; `run_glue.py`'s `--train_file`,
`--validation_file` and `--model_name_or_path` are followed. A script is read, not run: literals, names that stand for one,
dictionaries, loops over seeds, functions where they are called, defaults of `argparse`; what only running it would tell is
said, and so is a setting other than the seed that has several values. Settings are those of the arguments and the optimizer
that its Trainer is given; arguments behind `--` change only what the script takes from them. What nobody says of the Trainer has
Transformers' default. [A script](trainer.md#what-the-doctor-says-of-a-script) in which it finds nothing, and what it prints of
that one with three faults, stand on the Trainer's page.

The exit status is 1 where a finding is *serious* (it can make runs fail, or a score say nothing), 0 where there are only
*warnings* and *notes* or nothing, 2 where something given cannot be read, 70 after a bug of the doctor's or a fault of the
machine. `--ignore RULE` leaves a rule out. `--json` and `--sarif` write the same for programs: SARIF 2.1.0 is what code hosts
and editors show beside the lines of a script. In Python:

```python
import seedproof as sp

diagnosis = sp.diagnose("train.py", task="train.csv", text="review", label="stars")
print(diagnosis)  # a notebook shows it as tables
print([finding.rule for finding in diagnosis.findings if finding.severity == "serious"])
```
"""


def page() -> str:
    """The text of docs/doctor.md."""
    rules = load_rules()
    table = [
        f"| [`{name}`](#{name}) | {rule.severity} | {', '.join(rule.needs) or 'see below'} |"
        for name, rule in rules.items()
    ]
    facts = [f"| {name} | {given} |" for name, given in NEEDS.items()]
    head = ["## Rules", "", "| rule | severity | what it needs |", "| --- | --- | --- |", *table]
    need = ["## What gives what the rules need", "", "| fact | given by |", "| --- | --- |", *facts]
    return (
        "\n".join([_HEAD, *head, "", *need, "", *(line for rule in rules.values() for line in _section(rule))]).rstrip()
        + "\n"
    )


def _section(rule: Rule) -> list[str]:
    return [
        f"### {rule.id}",
        "",
        f"**What.** {rule.what}",
        "",
        f"**Why.** {rule.why} ({rule.source})",
        "",
        f"**Change.** {rule.change}",
        "",
    ]


if __name__ == "__main__":
    print(page(), end="")
