"""Studies that come with seedproof: one file each, and its name here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

FIGURES: Mapping[str, str] = MappingProxyType(
    {
        "table1": "spread, mean, median and maximum over seeds: devlin, mixout and mosbach on RTE, MRPC and CoLA",
        "fig1": "every run of table1 in boxes",
        "fig2": "forgetting: perplexity with the top k layers put back, failed and successful runs; their training loss",
        "fig3": "size of the data: all examples, few for as many epochs, few for as many steps; CoLA, MRPC and QNLI",
        "fig4": "vanishing gradients: norms per layer against step, a failed and a successful run on RTE",
        "fig5": "learning rate x bias correction on RTE for BERT, RoBERTa and ALBERT",
        "fig6": "the factor of bias correction and the real step size against step",
        "fig7": "training loss on the plane through a pre-trained, a failed and a successful model; barriers",
        "fig8": "generalization: score against step, and final score against final training loss of a grid of runs",
        "fig9": "learning rate x epochs x bias correction on RTE in boxes",
        "fig10": "gradient norms of every kind of weight, BERT",
        "fig11": "gradient norms of every kind of weight, RoBERTa",
        "fig12": "gradient norms of every kind of weight, ALBERT",
        "fig13": "gradient norm on the planes of fig7",
        "fig14": "training curves of failed and successful runs",
    }
)
"""The paper's tables and figures, each a module of its name; ``seedproof reproduce`` takes them, and ``all``."""

STUDIES: Mapping[str, str] = MappingProxyType(
    {
        "demo": "miniature/bert on miniature/acceptability, devlin without and with bias correction, 8 seeds each",
        **FIGURES,
        "all": "every figure and table of the paper, each run trained once, and the ledger of its claims",
    }
)
"""Names with a line on what each shows."""
