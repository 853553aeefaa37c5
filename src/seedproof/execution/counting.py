"""Time and disk that a run takes, counted from its steps, evaluations and tensors; loads no torch."""

from __future__ import annotations

import math

START_SECONDS = 2.0
"""Seconds to load a model and begin."""
_FLOAT_BYTES = 4 * 4 / 3  # float32 as base64


def run_seconds(step_seconds: float, steps: int, evaluations: int, examples: int, batch_size: int) -> float:
    """Seconds of one run by one worker; a batch of an evaluation is a forward pass, about a third of a step.

    Args:
        step_seconds: of one training step.
        steps: of the run.
        evaluations: in the run.
        examples: of an evaluation, all splits together.
        batch_size: examples of a step.
    """
    return START_SECONDS + step_seconds * (steps + evaluations * math.ceil(examples / batch_size) / 3)


def wall_seconds(seconds: float, runs: int, workers: int) -> float:
    """Seconds that runs take with several at a time: one of them is never divided, so they come in rounds.

    Args:
        seconds: of all of them, one after another.
        runs: how many they are.
        workers: at a time.
    """
    return seconds / runs * math.ceil(runs / workers) if runs else 0.0


def run_bytes(
    steps: int, evaluations: int, *, norms: float, tensors: int, logits: int, parameters: int, keeps_weights: bool
) -> float:
    """Bytes of one run on the disk: its journal, and its weights where they are kept.

    Args:
        steps: of the run.
        evaluations: in the run; each records the logits, and how far every tensor has moved.
        norms: steps that record the gradient norm of every tensor; half of one for two bytes a norm.
        tensors: of the model.
        logits: elements that an evaluation records.
        parameters: of the model.
        keeps_weights: whether the final weights are kept.
    """
    values = (norms + evaluations) * tensors + evaluations * logits
    return 80 * steps + values * _FLOAT_BYTES + 8_000 + (4 * parameters if keeps_weights else 0)
