"""Every family with a sequence classification class is trained, refused with a reason, or a known limitation; no fourth."""

from __future__ import annotations

import pytest
from tests.families import FAMILIES, LIMITATIONS, OWN, outcome

COMMON = ("albert", "bert", "deberta-v2", "modernbert", "roberta", "xlnet")


@pytest.mark.parametrize(
    "family", [pytest.param(each, marks=() if each in COMMON else pytest.mark.slow) for each in FAMILIES]
)
def test_a_family_is_trained_or_a_reason_is_given(family):
    """Forward, backward, an evaluation; segments and positions are what the model does; dropout 0 leaves none."""
    found = outcome(family)
    assert found.kind == "trained" or len(found.reason) > 20
    assert found.left == 0
    assert family not in COMMON or found.kind == "trained"


@pytest.mark.newest
def test_the_lists_name_families_that_there_are():
    assert {*LIMITATIONS, *OWN, *COMMON} <= {*FAMILIES}


@pytest.mark.slow
def test_what_is_refused_says_what_is_missing():
    assert "Please call" in outcome("xmod").reason
