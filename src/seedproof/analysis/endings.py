"""How a run ended, in a word beside its outcome: a run that needs more steps is told from one that broke down.

A word is only given where the records tell it; the thresholds are those below. ``failed`` means no better than a prediction
that never changes, and stays the outcome whatever the word is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from seedproof.store.checked import STOPPED

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "fitted": "ended with a training loss at least 10 % under the label entropy",
        "collapsed": "failed with the loss at the label entropy, and the gradients of the lower layers vanished for good",
        "slow": "were still falling, with the loss near the label entropy",
        "unlearned": "ended with the loss at the label entropy and no longer falling, without having collapsed",
        "overfitted": "failed, though the training loss ended at least 10 % under the label entropy",
        "unknown": "left records that do not tell how they ended",
    }
)
"""Every kind of ending and what it means. The label entropy of a regression is the variance of its targets."""

REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "collapsed": "bias correction where it is off, a longer warm-up or a smaller learning rate",
        "slow": "more epochs or a larger learning rate",
        "unlearned": "more epochs, another learning rate, or labels that the texts tell",
        "overfitted": "more training data, or fewer epochs; look whether both parts are labelled alike",
        "unknown": "to tell, a failed run needs 3 recorded gradients and 2 evaluations in the second half of training; record "
        "both more often (--record gradients=EVERY, --evaluations N) or train longer",
    }
)
"""What to change where runs ended so; of unknown ones, what would tell."""

FITTED = 0.1
"""Fraction of the label entropy by which the training loss must be under it."""


def kind_of(result: Mapping[str, Any], is_noisy: Callable[[], bool]) -> str | None:
    """The kind of a finished run; None for one that diverged or was stopped, whose outcome says it all.

    Args:
        result: of the run; its ``ending`` has the numbers of :mod:`seedproof.execution.ending`, as far as they are known.
        is_noisy: whether dropout or Mixout were on, so that the loss without them may have been lower. Asked where needed.
    """
    if result.get("reason") == "diverged" or result["outcome"] == STOPPED:
        return None
    ending, failed = result.get("ending") or {}, result["outcome"] == "failed"
    fitted = _is_fitted(ending, result, is_noisy)
    if fitted is None:
        return "unknown"
    if fitted:
        return "overfitted" if failed else "fitted"
    if failed and (vanished := ending.get("vanished_for_good", ending.get("vanished"))) is not False:
        return "collapsed" if vanished else "unknown"
    if _is_falling(ending):
        return "slow"
    return "unlearned" if not failed or math.isfinite(ending.get("loss_noise", math.nan)) else "unknown"


def _is_fitted(ending: Mapping[str, float], result: Mapping[str, Any], is_noisy: Callable[[], bool]) -> bool | None:
    """Whether the training loss without dropout ended well under the label entropy; None where the records do not tell.

    The recording ``fit`` is that loss. Without it there are the losses of steps, which only bound it from above: with dropout
    the loss is higher, and so is that of an earlier step of a loss that falls.
    """
    reference, last = ending.get("reference_loss", math.nan), ending.get("last_loss", math.nan)
    limit = (1 - FITTED) * reference
    if "fit_loss" in result:
        return bool(result["fit_loss"] < limit)
    if result.get("training_loss", math.nan) < limit or last + ending.get("loss_noise", math.nan) < limit:
        return True
    if ending.get("information", math.nan) < FITTED * reference or (last >= limit and not is_noisy()):
        return False
    return None


def _is_falling(ending: Mapping[str, float]) -> bool:
    """Whether the loss still fell at the end by more than its standard error; NaN never does."""
    tenth = ending.get("earlier_loss", math.nan) - ending.get("last_loss", math.nan)
    return tenth > ending.get("loss_noise", math.nan) or ending.get("dev_fall", math.nan) > ending.get(
        "dev_fall_noise", math.nan
    )


def remedies(kinds: Mapping[str, Any], finished: int) -> list[str]:
    """A sentence for each kind of ending of a recipe's runs that asks for a change.

    >>> remedies({"overfitted": 4}, 9)[0].split(": ")[:2]
    ['overfitted', '4 of 9 runs failed, though the training loss ended at least 10 % under the label entropy']
    """
    return [
        f"{kind}: {kinds[kind]} of {finished} runs {KINDS[kind]}: {remedy}"
        for kind, remedy in REMEDIES.items()
        if kinds.get(kind)
    ]
