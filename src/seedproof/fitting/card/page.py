"""The page of a card: its sections in their order, and those that only tell what is known."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

from seedproof.fitting.card import expectations
from seedproof.fitting.card.development_set import answers
from seedproof.fitting.card.front_matter import front_matter
from seedproof.fitting.card.markdown import table
from seedproof.fitting.card.told import Told
from seedproof.printable import printable_line

if TYPE_CHECKING:
    from seedproof.fitting.judgement import Judgement


def card(judgement: Judgement, told: Told) -> str:
    """The text of the card, its front matter for the hub included."""
    from huggingface_hub import ModelCard

    return str(ModelCard(f"---\n{front_matter(judgement, told)}\n---\n\n{_body(judgement, told)}"))


def _body(judgement: Judgement, told: Told) -> str:
    parts = [
        f"# {printable_line(told.task.name)}",
        *_what(judgement, told),
        "## What to expect",
        expectations.shipped(judgement, told),
        *expectations.doubt(judgement, told),
        expectations.one_run(judgement, told),
        *expectations.ensemble(judgement, told),
        "## Every seed",
        _runs(judgement, told),
        *expectations.stability(judgement),
        "## On the development set",
        *answers(judgement, told),
        "## Data and training",
        _data(told),
        "## How it was made",
        f"```\n{printable_line(told.command)}\n```",
        _versions(told),
    ]
    return "\n\n".join(parts) + "\n"


def _what(judgement: Judgement, told: Told) -> list[str]:
    """What the model is, and how to open it."""
    task, family = told.task, told.source.family
    answers = "a number" if told.problem_type == "regression" else f"{len(task.classes)} classes"
    every = ""
    if told.problem_type == "multi_label_classification":
        answers, every = f"any of {len(task.classes)} labels", "top_k=None, "
    text, given = ("a text", "text")
    if task.train.pairs is not None:
        text, given = "a pair of texts", '{"text": first, "text_pair": second}'
    lines = [
        f"`{printable_line(told.base)}` ({family}), fine-tuned to give {answers} for {text}. It was trained with texts "
        f"of at most {told.max_length} tokens, and `truncation=True` cuts there:",
        _code(f"{given}, {every}truncation=True"),
    ]
    if judgement.shipped == "predictions":
        lines.append(
            f"`seedproof predict` averages the probabilities of {len(judgement.members)} models, which is what the numbers "
            f"below are about; the pipeline opens the best of them alone (seed {judgement.best.seed})."
        )
    return lines


def _code(arguments: str) -> str:
    lines = [
        "```python",
        "from transformers import pipeline",
        "",
        'classify = pipeline("text-classification", "the name of this folder")',
        f"classify({arguments})",
        "```",
    ]
    return "\n".join(lines)


def _runs(judgement: Judgement, told: Told) -> str:
    """A row for every seed, those that a race has stopped last."""
    rows = [[run.seed, told.score(run.score), run.outcome, run.kind] for run in judgement.runs]
    rows += [
        [run.seed, "–", "stopped", f"by the {run.by} after step {run.at}, then {told.score(run.score)}"]
        for run in judgement.stopped
    ]
    return table(["seed", told.title, "outcome", "how it ended"], rows)


def _data(told: Told) -> str:
    cut = ", ".join(
        f"{'about ' if cut.estimated else ''}{cut.examples:,} of the {split} examples"
        for split, cut in told.cut.items()
        if cut.examples
    )
    lines = [
        f"data: {told.task.name}, fingerprint `{told.task.fingerprint}`",
        f"base model: `{told.base}`, fingerprint `{told.source.fingerprint}`",
        f"recipe: `{told.recipe}`",
        f"cut at {told.max_length} tokens: {cut or 'nothing'}",
        *told.notes,
        *filter(None, [told.beside]),
    ]
    return "\n".join(f"- {printable_line(line)}" for line in lines)


def _versions(told: Told) -> str:
    packages = (f"{name} {version(name)}" for name in ("seedproof", "torch", "transformers", "tokenizers", "numpy"))
    return (
        f"{', '.join(packages)}; Python {platform.python_version()} on {platform.machine()}. The folder was opened again with "
        f"stock Transformers, and each of {len(told.task.dev):,} predictions compared with that of training: they differ by "
        f"{told.differing:.1e} at most."
    )
