"""Pure functions from records to small tables, which never train and never draw.

Names resolve when they are used: a summary does without what a correlation needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedproof.lazy import lazy

if TYPE_CHECKING:
    from seedproof.analysis.answer import Answer as Answer
    from seedproof.analysis.answer import answers as answers
    from seedproof.analysis.answer import difference_table as difference_table
    from seedproof.analysis.bootstrap import bca_interval as bca_interval
    from seedproof.analysis.curves import label_entropy as label_entropy
    from seedproof.analysis.curves import loss_table as loss_table
    from seedproof.analysis.curves import score_table as score_table
    from seedproof.analysis.curves import smoothed as smoothed
    from seedproof.analysis.export import export_frame as export_frame
    from seedproof.analysis.export import scores_frame as scores_frame
    from seedproof.analysis.generalization import generalization_table as generalization_table
    from seedproof.analysis.generalization import loss_score_correlation as loss_score_correlation
    from seedproof.analysis.gradients import gradient_table as gradient_table
    from seedproof.analysis.gradients import vanishing_steps as vanishing_steps
    from seedproof.analysis.runs import runs_table as runs_table
    from seedproof.analysis.spread import spread_tests as spread_tests
    from seedproof.analysis.statistics import chi_square_interval as chi_square_interval
    from seedproof.analysis.statistics import standard_deviation as standard_deviation
    from seedproof.analysis.statistics import t_interval as t_interval
    from seedproof.analysis.statistics import wilson_interval as wilson_interval
    from seedproof.analysis.step_sizes import matched_divisors as matched_divisors
    from seedproof.analysis.step_sizes import step_size_table as step_size_table
    from seedproof.analysis.summary import summarize as summarize

_HOMES = {
    "Answer": "answer",
    "answers": "answer",
    "bca_interval": "bootstrap",
    "chi_square_interval": "statistics",
    "difference_table": "answer",
    "export_frame": "export",
    "generalization_table": "generalization",
    "gradient_table": "gradients",
    "label_entropy": "curves",
    "loss_score_correlation": "generalization",
    "loss_table": "curves",
    "matched_divisors": "step_sizes",
    "runs_table": "runs",
    "score_table": "curves",
    "scores_frame": "export",
    "smoothed": "curves",
    "spread_tests": "spread",
    "standard_deviation": "statistics",
    "step_size_table": "step_sizes",
    "summarize": "summary",
    "t_interval": "statistics",
    "vanishing_steps": "gradients",
    "wilson_interval": "statistics",
}

__all__ = sorted(_HOMES)


__getattr__, __dir__ = lazy(__name__, _HOMES)
