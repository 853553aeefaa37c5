"""Inside the Transformers Trainer: what seedproof records of runs that it does not start.

    from seedproof.connect import StabilityCallback
    trainer.add_callback(StabilityCallback("out/mine"))

Nothing here trains: a Trainer does, and is watched. What is recorded goes into a store like a study's.
"""

from __future__ import annotations

from seedproof.lazy import lazy

__all__, __getattr__, __dir__ = lazy(__name__)
