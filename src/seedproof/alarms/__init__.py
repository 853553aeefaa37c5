"""Rules that tell, while a run trains, that it will fail: one file each, and what they see.

A rule sees the same of a run that trains here, of a Trainer's that is watched, and of one whose records are stored.
"""

from __future__ import annotations

from seedproof.lazy import lazy

__all__, __getattr__, __dir__ = lazy(__name__)
