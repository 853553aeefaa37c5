"""A claim of the paper: a sentence, the test that decides it, and everything about that test fixed beforehand.

Every claim is decided by two one-sided tests of one number, its effect. The first asks whether the claim is shown, the
second whether it is shown to be wrong; neither alone may conclude from a large p-value:

- *holds*: the first test's p-value, corrected, is below .05.
- *does not hold*: that of the second is, and the claim was not shown. For "A fails more than B" the second test shows that
  the difference is smaller than one that matters; for "B is as stable as A" the first shows that, the second that B fails
  more.
- *not decided*: neither, or fewer runs than the smallest number, or evidence is missing. Says how many would decide.

Both p-values are corrected by Holm's method over all claims of the ledger, also those without evidence, so that measuring
one more thing never takes back a verdict on another.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from seedproof.analysis.claims.evidence import Evidence, Missing

Verdict = Literal["holds", "does not hold", "not decided"]
LEVEL = 0.05
"""Probability of any false "holds" among all claims, and likewise of any false "does not hold"."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a claim's tests saw; no verdict yet."""

    effect_name: str
    effect: float
    low: float
    high: float
    """95 % interval of the effect, for this claim alone."""
    p: float
    """P-value against "the claim is wrong": small if the claim is shown."""
    p_against: float
    """P-value against "the claim is right": small if it is shown to be wrong."""
    n: int
    """Sample size in the unit that the claim counts: seeds, runs or pairs; of the smaller group where there are two."""
    unit: str
    test: str
    seen: str
    """What was seen, in numbers; a clause that can stand alone."""
    needed: Callable[[float], int | None]
    """The n that would decide at a one-sided level, whichever way the estimate points; None: no number would."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The verdict on a claim."""

    claim: str
    verdict: Verdict
    why: str
    finding: Finding | None = None
    """None where evidence is missing."""
    p_corrected: float = math.nan
    p_against_corrected: float = math.nan
    n_needed: int | None = None


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence of the paper with the test that decides it."""

    id: str
    sentence: str
    paper: str
    """Where in the paper (final version)."""
    statistic: str
    """What is computed, and which test."""
    threshold: str
    """The fixed numbers of the test, with the reason for them."""
    smallest_n: int
    """Sample size below which the claim is not decided."""
    smallest_n_reason: str
    examine: Callable[[Evidence], Finding]
    """Raises :class:`Missing`."""

    def __repr__(self) -> str:
        return f"Claim({self.id!r})"

    def decide(self, evidence: Evidence) -> Decision:
        """The verdict on this claim alone, nothing corrected; the ledger corrects for all."""
        try:
            finding = self.examine(evidence)
        except Missing as missing:
            return self.undecided(missing)
        p, p_against = self.tested(finding)
        return self.judge(finding, p, p_against, level=LEVEL)

    def undecided(self, missing: Missing) -> Decision:
        """The decision where evidence is missing."""
        why = f"Evidence is missing: {missing.args[0]}."
        return Decision(claim=self.id, verdict="not decided", why=why, n_needed=self.smallest_n)

    def tested(self, finding: Finding) -> tuple[float, float]:
        """Both p-values, or NaN where the claim was not tested: n is too small, or the effect is not defined."""
        if finding.n < self.smallest_n or math.isnan(finding.p) or math.isnan(finding.p_against):
            return math.nan, math.nan
        return finding.p, finding.p_against

    def judge(self, finding: Finding, p: float, p_against: float, *, level: float) -> Decision:
        """The verdict from p-values that are corrected already.

        Args:
            finding: of :attr:`examine`.
            p: corrected, or NaN where the claim was not tested.
            p_against: likewise.
            level: one-sided, without correction, at which ``n_needed`` is computed.
        """
        seen = f"{finding.seen[0].upper()}{finding.seen[1:]}."
        verdict: Verdict = "not decided"
        needed: int | None = None
        if p < LEVEL:
            verdict = "holds"
        elif p_against < LEVEL:
            verdict = "does not hold"
            seen += f" That shows the claim to be wrong (p {shown_p(p_against)})."
        else:
            needed = finding.needed(level)
            if needed is None and finding.n < self.smallest_n:
                needed = self.smallest_n  # so few suggest little: first there must be enough to test
            if needed is not None:
                needed = max(needed, self.smallest_n, finding.n + 1)
            seen += f" {self._why_undecided(finding, needed)}"
        return Decision(
            claim=self.id,
            verdict=verdict,
            why=seen,
            finding=finding,
            p_corrected=p,
            p_against_corrected=p_against,
            n_needed=needed,
        )

    def _why_undecided(self, finding: Finding, needed: int | None) -> str:
        if finding.n < self.smallest_n:
            least = f"{finding.n} {finding.unit} are too few to test: at least {self.smallest_n} are needed"
            return least + (
                "." if needed == self.smallest_n else f", and about {needed} if things are as so few suggest."
            )
        start = f"With {finding.n} {finding.unit} neither the claim nor its opposite is shown"
        if needed is None:
            return f"{start}, and the estimate is such that no number of {finding.unit} is known to decide."
        return f"{start}; about {needed} would decide if things are as estimated."


@dataclass(frozen=True, kw_only=True)
class Superseded:
    """A claim that others have taken the place of, with what came of it: its test did not test what its sentence says."""

    id: str
    sentence: str
    verdict: Verdict
    decided: str
    """The date of the runs that gave the verdict."""
    why: str
    """What was wrong with its test."""
    by: tuple[str, ...]
    """Ids of the claims in its place."""


def shown_p(p: float) -> str:
    """A p-value as text: ``.012``, ``< .001``."""
    return "< .001" if p < 0.001 else f"{p:.3f}".removeprefix("0")
