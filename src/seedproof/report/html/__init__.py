"""The report: one HTML file that needs nothing else.

write_report("report.html", page)          # a Page, whoever made it
write_study_report(store, "report.html")   # any folder of a study
"""

from __future__ import annotations

from seedproof.lazy import lazy

__all__, __getattr__, __dir__ = lazy(__name__)
