"""From records to small tables: pure functions, which never train and never draw."""

from __future__ import annotations

from seedproof.analysis.curves import label_entropy, loss_table, score_table, smoothed
from seedproof.analysis.generalization import generalization_table, loss_score_correlation
from seedproof.analysis.gradients import gradient_table, vanishing_steps
from seedproof.analysis.runs import export_frame, runs_table
from seedproof.analysis.spread import spread_tests
from seedproof.analysis.statistics import bca_interval, standard_deviation, wilson_interval
from seedproof.analysis.step_sizes import matched_divisors, step_size_table
from seedproof.analysis.summary import summarize

__all__ = [
    "bca_interval",
    "export_frame",
    "generalization_table",
    "gradient_table",
    "label_entropy",
    "loss_score_correlation",
    "loss_table",
    "matched_divisors",
    "runs_table",
    "score_table",
    "smoothed",
    "spread_tests",
    "standard_deviation",
    "step_size_table",
    "summarize",
    "vanishing_steps",
    "wilson_interval",
]
