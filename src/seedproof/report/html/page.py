"""What a report shows, as values: whoever has tables and figures can make one (:func:`seedproof.report.html.write_report`)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedproof.report.limits import Limits

if TYPE_CHECKING:
    import pandas as pd

    from seedproof.analysis.answer import Answer
    from seedproof.tasks import Task

Records = Iterable[Mapping[str, Any]]
"""The records of a run's journal, in order."""


@dataclass(frozen=True, kw_only=True, eq=False)
class FigureEntry:
    """A figure with the tables it was drawn from."""

    name: str
    """Short and without spaces, ``fig4``: the figure's address in the page and the names of its CSV files."""
    title: str
    finding: str = ""
    """What to see in it, in a sentence; for a figure of the paper, what the paper found."""
    images: Sequence[Path] = ()
    """SVG files, read when the report is written. None: the note says why there is nothing to see."""
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    """What was drawn, by name. A table with the columns ``alpha``, ``beta`` and ``loss`` of a full grid can also be turned;
    one with ``point``, ``alpha``, ``beta`` and ``loss`` beside it marks the checkpoints. ``task`` tells several apart."""
    note: str = ""
    """What is missing and why, how many runs there were, which of them are drawn."""
    command: str = ""
    """What to give a shell to get what is missing; it is shown with a button that copies it."""


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """What there is to say about a run beside its row in the table of runs."""

    records: Callable[[], Records]
    """Reads the records; called once, while the report is written, and gone through once."""
    task: str = ""
    """Key of its task in :attr:`Page.tasks`; "" leaves the predictions out."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A titled block of facts at the end of the page: commands, recipes, versions and the like."""

    title: str
    text: str = ""
    code: str = ""
    """Set as it is, in a monospaced font, with a button that copies it."""
    table: pd.DataFrame | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Page:
    """A report. Everything in it may hold any text; it is escaped when it is written."""

    title: str
    subtitle: str = ""
    answers: Sequence[Answer] = ()
    """Answers of :func:`seedproof.analysis.answers`; first, with the figure ``scores`` and the table of differences."""
    claims_lead: bool = False
    """Whether the claims stand before the answers, as in a reproduction, or behind the figures."""
    ledger: pd.DataFrame | None = None
    """Ledger of claims: columns ``claim, sentence, paper, verdict, effect_name, effect, effect_low, effect_high, p,
    p_corrected, p_against, p_against_corrected, n, n_needed, test, threshold, why``."""
    claims_note: str = ""
    """What is not told by the claims, or why there are none; with the claims."""
    summary: pd.DataFrame | None = None
    """Table of :func:`seedproof.analysis.summarize`."""
    figures: Sequence[FigureEntry] = ()
    runs: pd.DataFrame | None = None
    """Table of :func:`seedproof.analysis.runs_table`."""
    facts: Mapping[str, RunFacts] = field(default_factory=dict)
    """Facts by run id; a run without facts has a row and no drill-down."""
    tasks: Mapping[str, Task] = field(default_factory=dict)
    """The data that predictions are shown for, by any key."""
    notes: Sequence[str] = ()
    """What a reader of the numbers should know of runs and data; behind the answers."""
    sections: Sequence[Section] = ()
    show_texts: bool = True
    """Whether the texts of the development set are put into the page beside their predictions."""
    turnable: bool = False
    """Whether surfaces can be turned in the page; the library that does it (plotly) makes the file 4.8 MB larger."""
    limits: Limits = field(default_factory=Limits)
    """How much is drawn and kept."""
