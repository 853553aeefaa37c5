"""Measure, explain and cure the instability of fine-tuning transformer encoders over random seeds.

    import seedproof as sp

    study = sp.Study("first", tasks=["miniature/entailment"], models=["miniature/bert"],
                     recipes=[sp.recipe("devlin"), sp.recipe("devlin", bias_correction=True)], seeds=8)
    results = study.run("out/first")
    print(results.summary())

Names resolve when they are used: importing this package loads neither torch nor Transformers nor pandas.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedproof.deprecation import Renamed
from seedproof.lazy import lazy

if TYPE_CHECKING:
    from seedproof.analysis import answers as answers
    from seedproof.analysis import difference_table as difference_table
    from seedproof.analysis import generalization_table as generalization_table
    from seedproof.analysis import gradient_table as gradient_table
    from seedproof.analysis import loss_table as loss_table
    from seedproof.analysis import matched_divisors as matched_divisors
    from seedproof.analysis import score_table as score_table
    from seedproof.analysis import spread_tests as spread_tests
    from seedproof.analysis import step_size_table as step_size_table
    from seedproof.analysis import summarize as summarize
    from seedproof.analysis import vanishing_steps as vanishing_steps
    from seedproof.analysis.claims import Evidence as Evidence
    from seedproof.analysis.claims import ledger as ledger
    from seedproof.errors import UserError as UserError
    from seedproof.execution.recording import Recording as Recording
    from seedproof.launch import StudyInterrupted as StudyInterrupted
    from seedproof.launch.base import Launcher as Launcher
    from seedproof.measure.forgetting import forgetting as forgetting
    from seedproof.measure.surface import surface as surface
    from seedproof.methods import Method as Method
    from seedproof.methods import Treatment as Treatment
    from seedproof.methods import method as method
    from seedproof.methods.mixing import apply_mixout as apply_mixout
    from seedproof.methods.mixing import mixout as mixout
    from seedproof.paper.reproduce import reproduce as reproduce
    from seedproof.probes.base import Observation as Observation
    from seedproof.probes.base import Probe as Probe
    from seedproof.recipes import Recipe as Recipe
    from seedproof.recipes import recipe as recipe
    from seedproof.spec import Seeds as Seeds
    from seedproof.study.results import Results as Results
    from seedproof.study.results import open_results as open_results
    from seedproof.study.study import Study as Study
    from seedproof.tasks import Split as Split
    from seedproof.tasks import Task as Task
    from seedproof.tasks import load_task as load_task
    from seedproof.tasks.subsample import subsample as subsample
    from seedproof.training.optimizer import AdamW as AdamW
    from seedproof.training.plan import correction_factor as correction_factor

_HOMES = {
    "AdamW": "training.optimizer",
    "Evidence": "analysis.claims",
    "Launcher": "launch.base",
    "Method": "methods",
    "Observation": "probes.base",
    "Probe": "probes.base",
    "Recipe": "recipes",
    "Recording": "execution.recording",
    "Results": "study.results",
    "Seeds": "spec",
    "Split": "tasks",
    "Study": "study.study",
    "StudyInterrupted": "launch",
    "Task": "tasks",
    "Treatment": "methods",
    "UserError": "errors",
    "apply_mixout": "methods.mixing",
    "correction_factor": "training.plan",
    "forgetting": "measure.forgetting",
    "answers": "analysis",
    "difference_table": "analysis",
    "generalization_table": "analysis",
    "gradient_table": "analysis",
    "ledger": "analysis.claims",
    "load_task": "tasks",
    "loss_table": "analysis",
    "matched_divisors": "analysis",
    "method": "methods",
    "mixout": "methods.mixing",
    "open_results": "study.results",
    "recipe": "recipes",
    "reproduce": "paper.reproduce",
    "score_table": "analysis",
    "spread_tests": "analysis",
    "step_size_table": "analysis",
    "subsample": "tasks.subsample",
    "summarize": "analysis",
    "surface": "measure.surface",
    "vanishing_steps": "analysis",
}

_RENAMED: dict[str, Renamed] = {}
"""Old names of one version; docs/stability.md says how long they work."""

__all__ = sorted(_HOMES)


__getattr__, __dir__ = lazy(__name__, _HOMES, _RENAMED)
