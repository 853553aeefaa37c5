"""Measure, explain and cure the instability of fine-tuning transformer encoders over random seeds.

    import seedproof as sp

    study = sp.Study("first", tasks=["miniature/entailment"], models=["miniature/bert"],
                     recipes=[sp.recipe("devlin"), sp.recipe("devlin", bias_correction=True)], seeds=8)
    results = study.run("out/first")
    print(results.summary())

Names are listed in ``__init__.pyi`` and resolve when they are used: importing this package loads neither torch nor
Transformers nor pandas.
"""

from __future__ import annotations

from seedproof.deprecation import Renamed
from seedproof.lazy import lazy

_RENAMED: dict[str, Renamed] = {}
"""Old names of one version; docs/stability.md says how long they work."""

__all__, __getattr__, __dir__ = lazy(__name__, _RENAMED)
