"""Gradients that nothing clips."""

from __future__ import annotations

from collections.abc import Iterable

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts

LOOSE = 100.0


class NoClipping(Rule):
    """The norm of the gradients is not bounded."""

    id = "no-clipping"
    severity = "warning"
    what = f"Gradients are not clipped (max_grad_norm=0), or only above a norm of {LOOSE:g}."
    why = (
        "One batch with a large gradient fills Adam's moments for hundreds of steps. BERT's recipes clip at 1; RoBERTa's "
        "published one does not clip, so for RoBERTa this is a note."
    )
    source = "Pascanu et al. 2013, arXiv 1211.5063; Yang and Ma 2022, arXiv 2210.10325; Mosbach et al. 2021, arXiv 2006.04884"
    change = "Clip at 1: max_grad_norm=1.0, or --set clip=global."
    needs = ("max_grad_norm",)

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding without a bound, or with a loose one."""
        norm = float(facts.value("max_grad_norm"))
        if 0 < norm <= LOOSE:
            return
        is_roberta = facts.model is not None and facts.model.family == "roberta"
        yield self.found(
            "gradients are not clipped" if norm <= 0 else f"gradients are clipped only above a norm of {norm:g}",
            numbers={"max_grad_norm": norm},
            severity="note" if is_roberta else "warning",
            place=facts.place("max_grad_norm"),
        )
