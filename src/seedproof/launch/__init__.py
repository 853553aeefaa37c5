"""Launchers: they only decide where a run executes; what it computes does not depend on them."""

from seedproof.launch.tally import StudyInterrupted, Summary

__all__ = ["StudyInterrupted", "Summary"]
