"""The front matter of a card: what the hub reads of a model, its one evaluation with the spread behind it."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from seedproof.fitting.card.markdown import number
from seedproof.fitting.card.told import Told

if TYPE_CHECKING:
    from huggingface_hub import EvalResult

    from seedproof.fitting.judgement import Judgement


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


def front_matter(judgement: Judgement, told: Told) -> str:
    """What the hub reads: YAML, to stand between two lines of dashes."""
    from huggingface_hub import ModelCardData

    base = told.base
    is_on_hub = re.fullmatch(r"[\w.-]+/[\w.-]+", base) is not None and not base.startswith("miniature/")
    # An evaluation without its number is refused by the hub's client, and would be told by nothing.
    results = [_evaluation(judgement, told)] if math.isfinite(judgement.expected) else None
    return ModelCardData(
        library_name="transformers",
        pipeline_tag="text-classification",
        base_model=base if is_on_hub else None,
        tags=["seedproof"],
        model_name=_slug(told.task.name),
        eval_results=results,
    ).to_yaml()


def _evaluation(judgement: Judgement, told: Told) -> EvalResult:
    """The one number of the model, what to expect of it, with the spread behind it."""
    from huggingface_hub import EvalResult

    task, numbers = told.task, _signed(judgement.numbers(), told)
    metric = task.metric.partition(":")[0]
    return EvalResult(
        task_type="text-classification",
        dataset_type=_slug(task.name),
        dataset_name=task.name,
        dataset_split="dev",
        dataset_revision=task.fingerprint[:16],
        metric_type=_HUB_METRICS.get(metric, metric),
        metric_name=f"{told.title}, expected on new rows ({in_a_line(judgement, told)})",
        metric_value=_plain(numbers["expected"]),
        metric_args={key: _plain(numbers[key]) for key in _OF_EVALUATION if key in numbers},
    )


def _signed(numbers: dict[str, Any], told: Told) -> dict[str, Any]:
    """The numbers as the hub has the metric: of an error without the sign, so that the smallest score is the largest error."""
    if not told.is_negated:
        return numbers
    ends = {"minimum": "maximum", "maximum": "minimum", "low": "high", "high": "low"}
    scores = {key: -numbers[ends.get(key, key)] for key in ("expected", "score", "mean", *ends)}
    return numbers | scores


def in_a_line(judgement: Judgement, told: Told) -> str:
    """The spread behind the one number that an evaluation has, for the metric's name (``metric_name``) and a commit's message."""
    numbers = judgement.numbers()
    how = "one seed" if numbers["runs"] == 1 else f"best of {numbers['runs']} seeds on dev"
    if judgement.stopped:
        how = f"best on dev of {numbers['runs']} seeds that finished of {numbers['started']} started"
    if judgement.shipped != "best":
        how = f"mean of the {judgement.shipped} of {len(judgement.members)} seeds"
    mean, sd = told.score(numbers["mean"]), number(numbers["sd"])
    one = "those that finished" if judgement.stopped else "one run"
    return f"{how}; {one} {mean}, SD {sd}, {numbers['failed']} of {numbers['runs']} failed"


def _plain(value: Any) -> Any:
    """A number as YAML has it; none where there is none."""
    return value if not isinstance(value, float) else round(value, 6) if math.isfinite(value) else None


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-") or "table"
