"""What a fleet records is what the plain engine records, in the same order and under the same names."""

from __future__ import annotations

import numpy as np
import pytest
from tests.engines import records
from tests.fleets import families, make_data, make_fleet, make_run

PROBES = {"pooler": 1, "gradients": 2, "drift": 1}


def records_of_fleet(runs, precision="fp32"):
    engine, members, seen = make_fleet(runs, precision)
    while engine.members:
        going = list(engine.members)
        for member, more in zip(going, engine.train_step(), strict=True):
            seen[members.index(member)] += more
        engine.release([member for member in going if member.is_done])
    return seen, members


@families
@pytest.mark.parametrize("labels", [1, 3])
def test_records_are_those_of_the_plain_engine(family, labels):
    """Of every kind, for members that evaluate at other steps, on other data, and end at other times."""
    runs = [
        make_run(family, "mosbach-v1", seed=1, labels=labels, probes=PROBES, epochs=1, learning_rate=1e-4),
        make_run(family, "devlin", seed=2, labels=labels, probes=PROBES, epochs=1, evaluations=2, learning_rate=1e-4),
        make_run(
            family,
            "mosbach",
            seed=3,
            probes={"drift": 1},
            max_steps=3,
            learning_rate=1e-4,
            data=make_data(family, 5, labels, 6),
            labels=labels,
        ),
    ]
    seen, members = records_of_fleet(runs)
    for found, member, run in zip(seen, members, runs, strict=True):
        plain = run.plain()
        expected = records(plain)
        assert [(r.step, r.kind) for r in found] == [(r.step, r.kind) for r in expected]
        assert member.evaluated_at == plain.evaluated_at
        for one, other in zip(found, expected, strict=True):
            assert list(one.values) == list(other.values)
            for key, value in other.values.items():
                assert_close(one.values[key], value, (one.step, one.kind, key))


def assert_close(found, expected, place):
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for key, value in expected.items():
            assert_close(found[key], value, (*place, key))
    elif isinstance(expected, list):
        assert found == expected, place
    else:
        assert getattr(found, "dtype", type(found)) == getattr(expected, "dtype", type(expected)), place
        scale = max(1e-3, float(np.max(np.abs(expected))))  # a key's bias has a gradient of rounding alone
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * scale, err_msg=str(place))


@families
def test_some_units_saturate_where_the_pooler_has_a_tanh(family):
    """The share is not 0 in these models, so that the comparison above means something."""
    seen, _ = records_of_fleet([make_run(family, probes=PROBES, max_steps=1)])
    shares = [record.values["saturated"] for record in seen[0] if record.kind == "pooler"]
    assert bool(shares) is (family not in ("electra", "distilbert"))
    assert all(0.0 < share < 1.0 for share in shares)


def test_long_evaluations_go_in_parts(monkeypatch):
    """Each example's logits come back to its place, however many fit into one pass."""
    monkeypatch.setattr("seedproof.training.fleet.prediction.TOKENS_AT_A_TIME", 20)
    run = make_run("bert", max_steps=1)
    [found], _ = records_of_fleet([run])
    expected = records(run.plain())
    for key in ("logits dev", "entropy"):
        np.testing.assert_allclose(found[-3].values[key], expected[-3].values[key], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found[-2].values["saturated"], expected[-2].values["saturated"])
