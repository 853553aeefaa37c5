"""The ledger over all claims: corrected, complete, and stable when evidence is added."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from seedproof.analysis.claims import CLAIMS, COLUMNS, Evidence, decisions, ledger, merge
from seedproof.analysis.comparisons import holm

from .conftest import cell, first, of_roles
from .test_fitted import forgotten
from .test_scores import spread


def correction(failures, family="bert", seeds=25):
    plain, corrected = (f"{family}_{kind}" for kind in ("uncorrected", "corrected"))
    return of_roles(
        **{plain: cell(first(failures, seeds), recipe=plain), corrected: cell(first(0, seeds), recipe=corrected)}
    )


def test_every_claim_of_the_issue_is_there():
    """With everything fixed: a place in the paper, numbers and the reason for them."""
    assert [claim.id for claim in CLAIMS] == [
        "shallow-control",
        "shallow-control-corrected",
        "forgetting-upper-layers",
        "forgetting-outcome",
        "forgetting-correction",
        "loss-at-entropy-failed",
        "few-examples-optimized",
        "steps-not-examples-optimized",
        "gradients-vanish-bert",
        "gradients-vanish-roberta",
        "gradients-vanish-albert",
        "correction-bert",
        "correction-roberta",
        "correction-roberta-smaller",
        "correction-albert",
        "quarter-rate",
        "ridge-gradient-norm",
        "barrier-loss",
        "very-low-loss-harmless",
        "spread-devlin-at-no-price",
        "spread-mixout-at-no-price",
    ]
    for claim in CLAIMS:
        assert all((claim.sentence, claim.paper, claim.statistic, claim.threshold, claim.smallest_n_reason))
        assert claim.smallest_n >= 5


def test_without_evidence_nothing_is_decided():
    """Each row names what is missing and the smallest number that is tested."""
    table = ledger(Evidence(runs=cell([], recipe="a")))
    assert list(table) == list(COLUMNS)
    assert set(table["verdict"]) == {"not decided"}
    assert table["why"].str.startswith("Evidence is missing: ").all()
    assert table["n_needed"].tolist() == [claim.smallest_n for claim in CLAIMS]
    assert (table["n"] == 0).all()


def test_p_values_are_corrected_for_all_claims():
    """7 of 25 against 0: .0078 alone, as often that as there are claims in the ledger, although the others have no evidence."""
    row = ledger(correction(7)).set_index("claim").loc["correction-bert"]
    assert row["p"] == pytest.approx(2**-7)
    assert row["p_corrected"] == pytest.approx(len(CLAIMS) * 2**-7)
    assert row["verdict"] == "not decided"
    assert next(claim for claim in CLAIMS if claim.id == "correction-bert").decide(correction(7)).verdict == "holds"
    assert row["n_needed"] > 25


def test_holm_over_what_was_tested():
    """Three claims with evidence, one of them too small to be tested: it has a p and no corrected one."""
    evidence = merge(
        correction(12), correction(9, "roberta"), correction(19, "albert", seeds=19), spread(0.01, 0.05, seeds=60)
    )
    table = ledger(evidence).set_index("claim")
    raw = table["p"].where(table["n"].to_numpy() >= [claim.smallest_n for claim in CLAIMS])
    assert table["p_corrected"].tolist() == pytest.approx(holm(raw.tolist()), nan_ok=True)
    assert table.loc["correction-albert", "p"] < 1e-4
    assert math.isnan(table.loc["correction-albert", "p_corrected"])
    decided = table[table["verdict"] == "holds"]
    assert set(decided.index) == {"correction-bert", "correction-roberta", "spread-devlin-at-no-price"}
    assert decided["n_needed"].isna().all()


@pytest.mark.slow
def test_more_evidence_never_takes_a_verdict_back():
    """Measuring one more thing only adds verdicts."""
    generator = np.random.default_rng(0)
    parts = [correction(10), forgotten([5, 6, 7, 8, 9, 10], [0.1] * 6), spread(0.01, 0.05), correction(2, "roberta")]
    for _ in range(2):
        order = generator.permutation(len(parts))
        before: set[str] = set()
        for size in range(1, len(parts) + 1):
            found = decisions(merge(*(parts[index] for index in order[:size])))
            decided = {f"{one.claim}: {one.verdict}" for one in found if one.verdict != "not decided"}
            assert before <= decided
            before = decided


def test_every_why_says_numbers_or_what_is_missing():
    """A reader of the ledger alone learns what was seen."""
    table = ledger(merge(correction(0), forgotten([5, 6, 7, 8, 9, 10], [0.1] * 6)))
    row = table.set_index("claim").loc["correction-bert"]
    assert row["verdict"] == "not decided"  # 0 of 25 in one cell: up to 13 % alone, more after correction
    assert "0 of 25 runs failed (bert uncorrected) against 0 of 25 runs failed (bert corrected)" in row["why"]
    assert table["why"].str.contains(r"\d|missing").all()
    assert table["why"].str.endswith(".").all()


def test_the_ledger_does_not_change_the_evidence():
    """Pure: the same twice, and the tables as they were."""
    evidence = merge(correction(10), spread(0.01, 0.05))
    before = evidence.runs.copy()
    pd.testing.assert_frame_equal(ledger(evidence), ledger(evidence))
    pd.testing.assert_frame_equal(evidence.runs, before)


def test_the_p_that_decided_is_in_the_ledger():
    """A claim that does not hold was decided by the p-value against it."""
    row = ledger(spread(0.04, 0.01)).set_index("claim").loc["spread-devlin-at-no-price"]
    assert row["verdict"] == "does not hold"
    assert row["p_against"] < row["p_against_corrected"] < 0.05 < row["p_corrected"]
    assert row["p_against_corrected"] == pytest.approx(len(CLAIMS) * row["p_against"])


def test_sentences_name_families_and_what_is_true_at_every_scale():
    """RoBERTa, not ROBERTA; the baseline is longer, by how much depends on the scale."""
    sentences = {claim.id: claim.sentence for claim in CLAIMS}
    for family, name in {"bert": " BERT-", "roberta": " RoBERTa-", "albert": " ALBERT-"}.items():
        assert name in sentences[f"correction-{family}"]
    assert "(bias correction, longer training)" in sentences["spread-devlin-at-no-price"]


def test_what_had_been_seen_before_is_listed():
    """The thresholds were not fixed before every run."""
    from seedproof.analysis.claims import paper

    for seen in ("its shallow control", "1000", "dropout .1", "superseded"):
        assert seen in paper.__doc__
