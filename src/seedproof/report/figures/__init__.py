"""Figures from tables: one module per kind, each written as SVG, PNG or PDF with its numbers as CSV beside it.

The functions are listed in ``__init__.pyi`` and found when they are used, so that nothing here costs the start of a
drawing library.
"""

from __future__ import annotations

from seedproof.lazy import lazy

__all__, __getattr__, __dir__ = lazy(__name__)
