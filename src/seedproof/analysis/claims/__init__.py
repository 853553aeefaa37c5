"""The ledger of claims: sentences of the paper, each with a test fixed before the runs that decide it."""

from __future__ import annotations

from seedproof.analysis.claims.base import Claim, Decision, Finding, Verdict
from seedproof.analysis.claims.evidence import CellKey, Evidence, Missing, Role, cells, merge
from seedproof.analysis.claims.kept import read_evidence, write_evidence
from seedproof.analysis.claims.ledger import COLUMNS, decisions, ledger
from seedproof.analysis.claims.paper import CLAIMS

__all__ = [
    "CLAIMS",
    "COLUMNS",
    "CellKey",
    "Claim",
    "Decision",
    "Evidence",
    "Finding",
    "Missing",
    "Role",
    "Verdict",
    "cells",
    "decisions",
    "ledger",
    "merge",
    "read_evidence",
    "write_evidence",
]
