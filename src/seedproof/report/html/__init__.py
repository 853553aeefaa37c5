"""The report: one HTML file that needs nothing else.

write_report("report.html", page)          # a Page, whoever made it
write_study_report(store, "report.html")   # any folder of a study
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedproof.lazy import lazy

if TYPE_CHECKING:
    from seedproof.report.html.page import FigureEntry as FigureEntry
    from seedproof.report.html.page import Page as Page
    from seedproof.report.html.page import RunFacts as RunFacts
    from seedproof.report.html.page import Section as Section
    from seedproof.report.html.study import study_page as study_page
    from seedproof.report.html.study import write_study_report as write_study_report
    from seedproof.report.html.study_drawings import study_figures as study_figures
    from seedproof.report.html.write import write_report as write_report

_HOMES = {
    "FigureEntry": "page",
    "Page": "page",
    "RunFacts": "page",
    "Section": "page",
    "study_figures": "study_drawings",
    "study_page": "study",
    "write_report": "write",
    "write_study_report": "study",
}

__all__ = sorted(_HOMES)


__getattr__, __dir__ = lazy(__name__, _HOMES)
