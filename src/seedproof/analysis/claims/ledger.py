"""The ledger: every claim with its verdict, corrected for the number of claims."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from seedproof.analysis.claims.base import LEVEL, Claim, Decision, Finding
from seedproof.analysis.claims.evidence import Evidence, Missing
from seedproof.analysis.claims.paper import CLAIMS
from seedproof.analysis.comparisons import holm

COLUMNS = (
    *("claim", "sentence", "paper", "verdict", "effect_name", "effect", "effect_low", "effect_high"),
    *("p", "p_corrected", "p_against", "p_against_corrected", "n", "n_needed", "test", "threshold", "why"),
)


def decisions(evidence: Evidence, claims: Sequence[Claim] | None = None) -> list[Decision]:
    """The verdict on each claim (the paper's), its p-values corrected by Holm's method over all of them.

    Raises:
        UserError: the evidence contradicts itself, e.g. roles that are compared have different numbers of cells.
    """
    claims = CLAIMS if claims is None else claims
    findings: list[Finding | Missing] = [_examined(claim, evidence) for claim in claims]
    tested = [
        claim.tested(found) if isinstance(found, Finding) else (math.nan, math.nan)
        for claim, found in zip(claims, findings, strict=True)
    ]
    shown, shown_wrong = (holm([pair[side] for pair in tested]) for side in (0, 1))
    level = LEVEL / len(claims) if claims else LEVEL  # whatever comes of the other claims
    return [
        claim.judge(found, p, against, level=level) if isinstance(found, Finding) else claim.undecided(found)
        for claim, found, p, against in zip(claims, findings, shown, shown_wrong, strict=True)
    ]


def ledger(evidence: Evidence, claims: Sequence[Claim] | None = None) -> pd.DataFrame:
    """One row per claim.

    Args:
        evidence: whatever there is; a claim whose evidence is missing is not decided, and says what is missing.
        claims: to decide, None is all of the paper's; the correction is for their number.

    Returns:
        Columns ``COLUMNS``. ``verdict`` is holds, does not hold or not decided. ``effect_low`` and ``effect_high`` are a
        95 % interval, not corrected; ``p`` is that of the claim (small if it is shown), ``p_corrected`` Holm's, missing
        where the claim was not tested; ``p_against`` and ``p_against_corrected`` are those against it (small if it is shown
        to be wrong), which decide "does not hold". ``n`` counts seeds, runs or planes, as ``why`` says; ``n_needed`` is how
        many would decide, missing where the claim is decided or no number would. ``why`` says in numbers what was seen.

    Raises:
        UserError: as :func:`decisions`.
    """
    claims = CLAIMS if claims is None else claims
    rows = [_row(claim, decision) for claim, decision in zip(claims, decisions(evidence, claims), strict=True)]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"n": "Int64", "n_needed": "Int64"})


def _examined(claim: Claim, evidence: Evidence) -> Finding | Missing:
    try:
        return claim.examine(evidence)
    except Missing as missing:
        return missing


def _row(claim: Claim, decision: Decision) -> dict[str, object]:
    found = decision.finding
    row: dict[str, object] = {"claim": claim.id, "sentence": claim.sentence, "paper": claim.paper}
    row |= {"verdict": decision.verdict, "why": decision.why, "threshold": claim.threshold}
    row |= {"n_needed": decision.n_needed, "p_corrected": decision.p_corrected}
    row |= {"p_against_corrected": decision.p_against_corrected}
    if found is None:
        nothing = dict.fromkeys(("effect", "effect_low", "effect_high", "p", "p_against"), math.nan)
        return row | nothing | {"effect_name": None, "n": 0, "test": claim.statistic}
    return row | {
        "effect_name": found.effect_name,
        "effect": found.effect,
        "effect_low": found.low,
        "effect_high": found.high,
        "p": found.p,
        "p_against": found.p_against,
        "n": found.n,
        "test": found.test,
    }
