"""No message names a command that does not do what it says: all that the source prints are found, and each is given."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
import typer
from tests.cli.test_cli import command as give
from tests.conftest import REPOSITORY

from seedproof.cli.app import app
from seedproof.errors import UserError
from seedproof.report.html import study_figures
from seedproof.store import Store
from seedproof.study.results import open_results

SOURCE = REPOSITORY / "src" / "seedproof"
_COMMAND = re.compile(r"(?<![\w/.-])seedproof ((?:bench|demo|ls|measure|miniature|report|reproduce|study) [^”'\n`]*)")
_NO_MESSAGES = ("miniature/pretrain.py", "miniature/corpus.py", "cli/bench.py")
"""Files whose texts only look like commands: names of random streams, what the user gave."""


def printed() -> dict[str, str]:
    """Every command in a text or a call of ``command``, a hole for what is filled in, with the file it stands in."""
    found = {}
    for path in sorted(SOURCE.rglob("*.py")):
        name = str(path.relative_to(SOURCE))
        if name in _NO_MESSAGES:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        skipped = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
        skipped |= {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "command":
                found[" ".join(map(_word, node.args))] = name
            elif isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in skipped:
                for match in _COMMAND.finditer(_text(node)):
                    found[match[1].strip()] = name
    for path in SOURCE.rglob("*.html"):
        found |= {match[1].strip(): path.name for match in _COMMAND.finditer(path.read_text(encoding="utf-8"))}
    return found


def _word(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) else "{}"


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


GIVEN = {
    "study summary {}": ["study", "summary", "STUDY"],
    "study summary {} --format md": ["study", "summary", "STUDY", "--format", "md"],
    "study summary {} --metric matthews": ["study", "summary", "STUDY", "--metric", "matthews"],
    "study summary {} --metric {}": ["study", "summary", "STUDY", "--metric", "accuracy"],
    "study status {}": ["study", "status", "STUDY"],
    "study runs {}": ["study", "runs", "STUDY"],
    "study run --help": ["study", "run", "--help"],
    "study run {} --out {} {} {}": ["study", "run", "STUDY/study.toml", "--out", "STUDY", "--record", "gradients=1"],
    "study run {} --out {} {} --weights": ["study", "run", "STUDY/study.toml", "--out", "STUDY", "--weights"],
    "study export DIR --parquet FILE": ["study", "export", "STUDY", "--parquet", "NEW.parquet"],
    "study export DIR --parquet runs.parquet": ["study", "export", "STUDY", "--parquet", "NEW.parquet"],
    "study export DIR --scores scores.parquet": [
        "study",
        "export",
        "STUDY",
        "--parquet",
        "NEW.parquet",
        "--scores",
        "S",
    ],
    "study export DIR --parquet runs.parquet --early early.parquet": [
        "study",
        "export",
        "--help",
    ],  # needs the recording
    "study track {} {}": ["study", "track", "STUDY", "tensorboard:NEW"],
    "predict {} rows.csv --out predictions.csv": ["predict", "--help"],  # needs a fitted folder: tests/fitting
    "doctor --help": ["doctor", "--help"],
    "report {}": ["report", "STUDY"],
    "report DIR --3d": ["report", "STUDY", "--3d"],
    "report DIR --format pdf-figures": ["report", "STUDY", "--format", "pdf-figures"],
    "report DIR {} {}=N": ["report", "STUDY", "--limit", "rows=5"],
    "reproduce {} --scale {} --out {} {} {}": ["reproduce", "fig6", "--scale", "mini", "--out", "NEW"],
    "reproduce all --out DIR": ["reproduce", "all", "--out", "NEW", "--dry-run"],  # its figures have a test each
    "ls {}": ["ls", "tasks"],
    "ls fields": ["ls", "fields"],
    "ls recordings": ["ls", "recordings"],
    "ls rules": ["ls", "rules"],
    "ls trackers": ["ls", "trackers"],
    "miniature pretrain {name} --out FOLDER": [
        "miniature",
        "pretrain",
        "--help",
    ],  # half an hour; the files are compared
}
"""What is given for each; ``STUDY`` is a study, ``NEW`` something that is not there yet."""


@pytest.mark.slow
def test_every_command_that_is_printed_is_given_below():
    assert set(printed()) == set(GIVEN), printed()


@pytest.mark.parametrize("words", GIVEN.values(), ids=GIVEN)
def test_its_options_exist(words):
    group = typer.main.get_command(app)
    while getattr(group, "commands", None):
        group, words = group.commands[words[0]], words[1:]
    known = {option for parameter in group.params for option in parameter.opts + parameter.secondary_opts} | {"--help"}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.fixture(scope="module")
def study(tmp_path_factory, tiny_model) -> Path:
    """A study that every command is given; some of them add to it."""
    return make_study(tmp_path_factory.mktemp("commands"), tiny_model)


def make_study(place: Path, model: Path, *more: object) -> Path:
    """Run a study of one run into a folder whose name needs quoting."""
    (place / "mine.csv").write_text("t,l\n" + "".join(f"the dog {n},{'yn'[n % 2]}\n" for n in range(20)))
    words = [
        "study",
        "run",
        "--task",
        place / "mine.csv",
        "--text",
        "t",
        "--label",
        "l",
        "--model",
        model,
        "--seeds",
        1,
        "--set",
        "max_steps=2",
        "--jobs",
        1,
        "--out",
        place / "my study",
        *more,
    ]
    assert give(*words).code == 0
    return place / "my study"


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("words", GIVEN.values(), ids=GIVEN)
def test_it_does_what_it_says(words, study, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = give(*(word.replace("STUDY", str(study)) for word in words))
    assert outcome.code == 0, outcome.err


@pytest.mark.slow
def test_the_way_out_of_a_message_is_a_way_out(tiny_model, tmp_path):
    """Word by word: measure asks for weights, the command that it names keeps them, and measure then measures."""
    study = make_study(tmp_path, tiny_model)
    text = tmp_path / "text.txt"
    text.write_text("the dog sees the cat .\n" * 40)
    measure = ["measure", "forgetting", study, "--run", "devlin/0", "--text", text]
    told = give(*measure)
    assert (told.code, "kept no weights" in told.err) == (2, True)
    named = told.err[told.err.index("seedproof study run") :].strip()
    assert give(*shlex.split(named)[1:], "--jobs", 1).code == 0
    measured = give(*measure)
    assert measured.code == 0, measured.err


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["plain", "fleet"])
def test_the_commands_that_add_recordings_add_them(tiny_model, tmp_path, engine):
    """Word by word: from the message of a table that lacks a recording, and from every figure of a report that lacks one."""
    study = make_study(tmp_path, tiny_model, "--record", "none", "--evaluations", 1, "--engine", engine)
    results = open_results(study)
    scores = results.runs()["score"].tolist()
    with pytest.raises(UserError, match=r"no recording 'drift'; .*compare them, and add it: ") as told:
        results.drift("devlin/0")
    message = str(told.value)
    assert give_all(message[message.index("seedproof study run") :])
    assert len(results.drift("devlin/0"))
    (figures := tmp_path / "figures").mkdir()
    entries = study_figures(Store.open(study), results.runs(), figures)
    lacking = {entry.name: entry.command for entry in entries if entry.command}
    assert lacking.keys() == {"progress", "gradients"}
    for line in lacking.values():
        assert give_all(line)
    entries = study_figures(Store.open(study), results.runs(), figures)
    assert not [entry for entry in entries if entry.command]
    assert len(results.drift("devlin/0"))
    assert results.runs()["score"].tolist() == scores


def give_all(line: str) -> bool:
    """Give the commands of a line as a shell does; whether all ended well."""
    ends = [give(*shlex.split(part)[1:], "--jobs", 1) for part in line.split(" && ")]
    return not [end.err for end in ends if end.code]
