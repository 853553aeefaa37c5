"""A model's card, README.md: what one run of the recipe scores, what the shipped model does, what is to be known of the data."""

from __future__ import annotations

import math
import platform
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from seedproof.printable import counted, printable_line
from seedproof.tasks.confusion import confusion
from seedproof.tasks.metrics import title_of

if TYPE_CHECKING:
    from seedproof.fitting.judgement import Judgement
    from seedproof.models.source import ModelSource
    from seedproof.models.tokens import Cut
    from seedproof.tasks import Task

_HUB_METRICS = {
    "macro_f1": "f1",
    "micro_f1": "f1",
    "weighted_f1": "f1",
    "matthews": "matthews_correlation",
    "auroc": "roc_auc",
    "pearson": "pearsonr",
    "spearman": "spearmanr",
    "neg_mae": "mae",
}
"""The hub's names of metrics where they are not ours."""
_OF_EVALUATION = (
    "started",
    "stopped",
    "runs",
    "failed",
    "mean",
    "sd",
    "minimum",
    "maximum",
    "score",
    "optimism",
    "low",
    "high",
)
"""Numbers that stand in ``metric_args``: the hub has no field for a spread."""
MOST_CLASSES = 12
"""Classes up to which the confusion table is whole; of more, the commonest confusions are listed."""
CONFUSIONS = 12


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a card says beside the judgement."""

    task: Task
    problem_type: str
    """Transformers' word for what the outputs are."""
    source: ModelSource
    recipe: str
    command: str
    cut: Mapping[str, Cut]
    """Texts that were cut at the maximum length, by split."""
    max_length: int
    notes: Sequence[str]
    """What was decided about data and training."""
    differing: float
    """Largest difference between a stored prediction and one of the folder opened again."""

    @property
    def base(self) -> str:
        """The base model as others can know it: a name, or the last part of a path."""
        return Path(self.source.name).name if Path(self.source.name).is_dir() else self.source.name

    @property
    def title(self) -> str:
        """What people call the metric that judges."""
        return "MAE" if self.is_negated else title_of(self.task.metric, self.task.judge.positive)

    @property
    def is_negated(self) -> bool:
        """Whether the metric is an error with its sign turned, so that larger is better."""
        return self.task.metric == "neg_mae"

    def score(self, value: float) -> str:
        """A score in words; of an error without its sign."""
        return number(-value if self.is_negated else value)

    def interval(self, low: float, high: float) -> str:
        """An interval of scores in words."""
        ends = (self.score(high), self.score(low)) if self.is_negated else (self.score(low), self.score(high))
        return f"95 % interval {ends[0]} to {ends[1]}"


def card(judgement: Judgement, told: Told) -> str:
    """The text of the card, its front matter for the hub included."""
    from huggingface_hub import ModelCard

    return str(ModelCard(f"---\n{_front_matter(judgement, told)}\n---\n\n{_body(judgement, told)}"))


def findings(judgement: Judgement, told: Told) -> list[str]:
    """How stable the recipe is and what to expect of the shipped model, a sentence or two each, as the card has them."""
    lines = [*_stability(judgement), _one_run(judgement, told), *_ensemble(judgement, told), _shipped(judgement, told)]
    return [line.replace("**", "") for line in lines]


def in_a_line(judgement: Judgement, told: Told) -> str:
    """The spread behind the one number that an evaluation has: its notes."""
    numbers = judgement.numbers()
    how = "one seed" if numbers["runs"] == 1 else f"best of {numbers['runs']} seeds on dev"
    if judgement.stopped:
        how = f"best on dev of {numbers['runs']} seeds that finished of {numbers['started']} started"
    if judgement.shipped != "best":
        how = f"mean of the {judgement.shipped} of {len(judgement.members)} seeds"
    mean, sd = told.score(numbers["mean"]), number(numbers["sd"])
    one = "those that finished" if judgement.stopped else "one run"
    return f"{how}; {one} {mean}, SD {sd}, {numbers['failed']} of {numbers['runs']} failed"


def _front_matter(judgement: Judgement, told: Told) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    task, numbers, base = told.task, judgement.numbers(), told.base
    is_on_hub = re.fullmatch(r"[\w.-]+/[\w.-]+", base) is not None and not base.startswith("miniature/")
    metric = task.metric.partition(":")[0]
    expected = -judgement.expected if told.is_negated else judgement.expected
    result = EvalResult(
        task_type="text-classification",
        dataset_type=_slug(task.name),
        dataset_name=task.name,
        dataset_split="dev",
        dataset_revision=task.fingerprint[:16],
        metric_type=_HUB_METRICS.get(metric, metric),
        metric_name=f"{told.title}, expected on new rows ({in_a_line(judgement, told)})",
        metric_value=_plain(expected),
        metric_args={key: _plain(numbers[key]) for key in _OF_EVALUATION if key in numbers},
    )
    return ModelCardData(
        library_name="transformers",
        pipeline_tag="text-classification",
        base_model=base if is_on_hub else None,
        tags=["seedproof"],
        model_name=_slug(task.name),
        eval_results=[result],
    ).to_yaml()


def _plain(value: Any) -> Any:
    """A number as YAML has it; none where there is none."""
    return value if not isinstance(value, float) else round(value, 6) if math.isfinite(value) else None


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-") or "table"


def _body(judgement: Judgement, told: Told) -> str:
    runs = [[run.seed, told.score(run.score), run.outcome, run.kind] for run in judgement.runs]
    runs += [
        [run.seed, "–", "stopped", f"by the {run.by} after step {run.at}, then {told.score(run.score)}"]
        for run in judgement.stopped
    ]
    parts = [
        f"# {printable_line(told.task.name)}",
        *_what(judgement, told),
        "## What to expect",
        _shipped(judgement, told),
        _one_run(judgement, told),
        *_ensemble(judgement, told),
        "## Every seed",
        _table(["seed", told.title, "outcome", "how it ended"], runs),
        *_stability(judgement),
        "## On the development set",
        *_answers(judgement, told),
        "## Data and training",
        _data(told),
        "## How it was made",
        f"```\n{printable_line(told.command)}\n```",
        _versions(told),
    ]
    return "\n\n".join(parts) + "\n"


def _what(judgement: Judgement, told: Told) -> list[str]:
    task, family = told.task, told.source.family
    answers = "a number" if told.problem_type == "regression" else f"{len(task.classes)} classes"
    every = ""
    if told.problem_type == "multi_label_classification":
        answers, every = f"any of {len(task.classes)} labels", "top_k=None, "
    text, given = ("a text", "text")
    if task.train.pairs is not None:
        text, given = "a pair of texts", '{"text": first, "text_pair": second}'
    code = [
        "```python",
        "from transformers import pipeline",
        "",
        'classify = pipeline("text-classification", "the name of this folder")',
        f"classify({given}, {every}truncation=True)",
        "```",
    ]
    lines = [
        f"`{printable_line(told.base)}` ({family}), fine-tuned to give {answers} for {text}. It was trained with texts "
        f"of at most {told.max_length} tokens, and `truncation=True` cuts there:",
        "\n".join(code),
    ]
    if judgement.shipped == "predictions":
        lines.append(
            f"`seedproof predict` averages the probabilities of {len(judgement.members)} models, which is what the numbers "
            f"below are about; the pipeline opens the best of them alone (seed {judgement.best.seed})."
        )
    return lines


def _shipped(judgement: Judgement, told: Told) -> str:
    interval = told.interval(judgement.low, judgement.high)
    score, expected = told.score(judgement.score), told.score(judgement.expected)
    examples = f"{len(told.task.dev):,} development examples"
    if judgement.shipped != "best":
        chosen = f"No seed was chosen for it, so its score on the {examples} is what to expect of new rows"
        if judgement.stopped:
            chosen = (
                f"A race chose them among {len(judgement.runs) + len(judgement.stopped)} on the {examples}, where its score is "
                "therefore the most to expect of new rows"
            )
        return (
            f"What is shipped is the mean of the {judgement.shipped} of the {len(judgement.members)} seeds that succeeded. "
            f"{chosen}: **{score}** ({told.title}; {interval})."
        )
    if judgement.stopped:
        return _shipped_of_race(judgement, told)
    if len(judgement.runs) == 1:
        return f"One seed was trained, and none chosen. It scores **{score}** on {examples} ({told.title}; {interval})."
    chosen = (
        f"What is shipped is seed {judgement.best.seed}, **chosen** as the best of {len(judgement.runs)} on the {examples}. "
        f"There it scores {score} ({told.title})"
    )
    if not math.isfinite(judgement.expected):
        return f"{chosen}; the examples are too few to say by how much that flatters it."
    return (
        f"{chosen}, which flatters it by {number(judgement.optimism)}: of new rows **{expected}** is to be expected "
        f"({interval})."
    )


def _shipped_of_race(judgement: Judgement, told: Told) -> str:
    """The winner of a race: chosen twice on the same examples, of which the first choice cannot be judged."""
    finished, started = len(judgement.runs), len(judgement.runs) + len(judgement.stopped)
    chosen = (
        f"What is shipped is seed {judgement.best.seed}, **chosen** as the best of the {finished} of {started} that a race let "
        f"finish, both on the {len(told.task.dev):,} development examples. There it scores {told.score(judgement.score)} "
        f"({told.title})"
    )
    unknown = "by how much the race, which chose on the same examples, adds to that is not known"
    if not math.isfinite(judgement.expected):
        return f"{chosen}; the examples are too few to say by how much that flatters it."
    return (
        f"{chosen}, which flatters it by {number(judgement.optimism)} for the last choice alone: of new rows "
        f"**{told.score(judgement.expected)}** is to be expected at most ({told.interval(judgement.low, judgement.high)}); "
        f"{unknown}."
    )


def _one_run(judgement: Judgement, told: Told) -> str:
    numbers = judgement.numbers()
    if judgement.stopped:
        low, high = sorted(told.score(numbers[key]) for key in ("minimum", "maximum"))
        return (
            f"The {numbers['runs']} that finished score {told.score(numbers['mean'])} on average, SD {number(numbers['sd'])}, "
            f"from {low} to {high}. They were selected by their scores early in training: a run of this recipe that nobody "
            "selects is to be expected to score less, and such runs to spread more."
        )
    if numbers["runs"] == 1:
        return "How much another seed would score is not known: that takes more --seeds."
    if not math.isfinite(numbers["mean"]):
        diverged = sum(not run.has_answered for run in judgement.runs)
        return (
            f"One run of this recipe: {diverged} of {numbers['runs']} diverged and have no score; those that succeeded score "
            f"{told.score(numbers['succeeded_mean'])} on average, SD {number(numbers['succeeded_sd'])}."
        )
    low, high = sorted(told.score(numbers[key]) for key in ("minimum", "maximum"))
    return (
        f"One run of this recipe, whatever its seed, scores {told.score(numbers['mean'])} on average, "
        f"SD {number(numbers['sd'])}, from {low} to {high}."
    )


def _ensemble(judgement: Judgement, told: Told) -> list[str]:
    compared = judgement.ensemble
    if not compared:
        return []
    kept = "so the mean is shipped" if judgement.shipped != "best" else "so the best seed is shipped"
    return [
        f"The mean of the {compared['averaged']} of {compared['runs']} seeds scores {told.score(compared['score'])} there. On "
        f"examples that did not choose, it gains {compared['gain']:+.3f} over the mean seed, and choosing the best seed "
        f"{compared['gain_of_choosing']:+.3f}, {kept}."
    ]


def _stability(judgement: Judgement) -> list[str]:
    numbers, spread = judgement.numbers(), judgement.spread
    if judgement.stopped:
        return [
            f"{numbers['started']} runs were started, {numbers['stopped']} stopped early, and {numbers['runs']} finished; "
            f"{numbers['failed']} of these failed (not better than a prediction that never changes, or diverged). How those that "
            "were stopped would have ended is not known, so this says nothing of the recipe's failure rate."
        ]
    lines = [
        f"{numbers['failed']} of {counted(numbers['runs'], 'run')} failed (not better than a prediction that never changes, or "
        f"diverged); the 95 % interval of the failure rate is {numbers['failure_low']:.0%} to {numbers['failure_high']:.0%}."
    ]
    if math.isfinite(spread.share):
        lines.append(
            f"The SD over the seeds that succeeded is {number(spread.sd)}. Seeds that are equally good would spread by "
            f"{number(spread.sampling)} on a development set of this size: {spread.share:.0%} of the variance over seeds is no "
            f"more than that, and an SD of {number(spread.seeds)} is left for the seeds. One run's score has a standard error of "
            f"{number(spread.standard_error)} over development sets of this size."
        )
    return lines


def _answers(judgement: Judgement, told: Told) -> list[str]:
    """The other metrics, and what was taken for what."""
    task, outputs, labels = told.task, judgement.outputs, told.task.dev.labels
    others = {name: value for name, value in task.score({"dev": outputs}).items() if name != task.metric}
    lines = (
        [f"Also: {', '.join(f'{title_of(name)} {number(value)}' for name, value in others.items())}."] if others else []
    )
    if told.problem_type == "regression":
        errors = np.abs(outputs[:, 0] - labels)
        found = (number(value) for value in (errors.mean(), np.median(errors), errors.max()))
        return [*lines, "Absolute error: mean {}, median {}, largest {}.".format(*found)]
    if told.problem_type == "multi_label_classification":
        return [*lines, _of_labels(outputs > 0, labels.astype(bool), task.classes)]
    counts = confusion(task.predictions(outputs), labels, len(task.classes))
    return [*lines, *_of_classes(counts, task.classes)]


def _of_classes(counts: NDArray[np.float64], classes: Sequence[str]) -> list[str]:
    """The confusion matrix, or the commonest confusions of one that is too large to look at."""
    if len(classes) <= MOST_CLASSES:
        rows = [[name, *(f"{value:.0f}" for value in row)] for name, row in zip(classes, counts, strict=True)]
        return [_table(["true \\ predicted", *classes], rows)]
    wrong = counts - np.diag(np.diag(counts))
    commonest = np.argsort(-wrong, axis=None, kind="stable")[:CONFUSIONS]
    pairs = [np.unravel_index(index, wrong.shape) for index in commonest if wrong.flat[index]]
    rows = [
        [classes[true], classes[other], f"{wrong[true, other]:.0f}", f"{counts[true].sum():.0f}"]
        for true, other in pairs
    ]
    return ["The commonest confusions:", _table(["true", "predicted", "examples", "of"], rows)]


def _of_labels(predicted: NDArray[np.bool_], true: NDArray[np.bool_], classes: Sequence[str]) -> str:
    sides = (predicted & true, predicted & ~true, ~predicted & true, ~predicted & ~true)
    totals = np.stack([side.sum(axis=0) for side in sides], axis=1)
    rows = [[name, *map(str, total)] for name, total in zip(classes, totals.tolist(), strict=True)]
    return _table(["label", "found", "false alarm", "missed", "rightly absent"], rows)


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
    ]
    return "\n".join(f"- {printable_line(line)}" for line in lines)


def _versions(told: Told) -> str:
    packages = (f"{name} {version(name)}" for name in ("seedproof", "torch", "transformers", "tokenizers", "numpy"))
    return (
        f"{', '.join(packages)}; Python {platform.python_version()} on {platform.machine()}. The folder was opened again with "
        f"stock Transformers, and each of {len(told.task.dev):,} predictions compared with that of training: they differ by "
        f"{told.differing:.1e} at most."
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [list(map(_cell, header)), ["---"] * len(header), *([*map(_cell, row)] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return printable_line(text).replace("|", "\\|")


def number(value: Any) -> str:
    """A number in three decimals; a dash where there is none."""
    return f"{float(value):.3f}" if math.isfinite(float(value)) else "–"
