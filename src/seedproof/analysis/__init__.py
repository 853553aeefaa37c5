"""Pure functions from records to small tables, which never train and never draw.

Names are listed in ``__init__.pyi`` and resolve when they are used: a summary does without what a correlation needs.
"""

from __future__ import annotations

from seedproof.lazy import lazy

__all__, __getattr__, __dir__ = lazy(__name__)
