"""From records to small tables: pure functions, which never train and never draw."""

from __future__ import annotations

from seedproof.analysis.runs import export_frame, runs_table
from seedproof.analysis.statistics import bca_interval, standard_deviation, wilson_interval
from seedproof.analysis.summary import summarize

__all__ = ["bca_interval", "export_frame", "runs_table", "standard_deviation", "summarize", "wilson_interval"]
