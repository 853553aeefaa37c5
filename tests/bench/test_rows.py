"""Floors against closed forms, ratios of medians, generated lengths, Table 1."""

from __future__ import annotations

import numpy as np
import pytest

from seedproof.bench.contenders import Contender, Problem, Ratio, Trial
from seedproof.bench.estimate import steps_of, table_1_note, table_1_seconds
from seedproof.bench.lengths import TASKS, draw_lengths
from seedproof.bench.roofline import Cost, Rates, Size, forward_flops, step_cost
from seedproof.bench.rounds import Series
from seedproof.bench.rows import compare, rows_of


def test_the_lower_bound_counts_matmuls_attention_and_traffic():
    size = Size(layers=3, width=8, inner=32, labels=2, parameters=1000)
    last = 2 * 8 * 8 * 7 + (2 * 8 * 8 + 2 * 8 * 32) * 2  # keys and values of 7 tokens, the rest for 2 first ones
    products = 2 * (4 * 8 * 8 + 2 * 8 * 32) * 7 + last + 2 * (8 * 8 + 8 * 2)
    attention = 2 * 2 * 8 * (2 * (3 * 3 + 4 * 4) + 3 + 4)
    assert forward_flops(size, np.array([3, 4])) == 2 * products + attention
    cost = step_cost(size, np.array([3, 4]))
    assert cost == Cost(3 * (2 * products + attention), 28_000)
    assert cost.seconds(Rates(cost.flops / 2, 7000)) == (2.0, 4.0)


def test_the_lower_bound_of_bert_large_is_the_published_one():
    """2.4 ms at 790 TFLOP/s and 2.2 ms at 4.3 TB/s for a batch of 16 from RTE."""
    size = Size(layers=24, width=1024, inner=4096, labels=2, parameters=335_143_938)
    arithmetic, traffic = step_cost(size, np.full(16, 67)).seconds(Rates(790e12, 4.3e12))
    assert arithmetic == pytest.approx(2.4e-3, rel=0.05)
    assert traffic == pytest.approx(2.2e-3, rel=0.02)


@pytest.mark.parametrize("name", TASKS)
def test_generated_lengths_have_the_published_means(name):
    task, lengths = TASKS[name], draw_lengths(TASKS[name], 4096)
    assert lengths.mean() == pytest.approx(task.mean, rel=0.02)
    assert lengths.reshape(-1, 16).max(1).mean() == pytest.approx(task.longest, rel=0.02)
    assert lengths.min() >= task.shortest
    assert lengths.max() <= task.cut


def series(name, seconds, *, members=1, processes=1, kind="plain", peak=100, error=None, group=None):
    """One contender whose processes all took these seconds for ten steps, by repeat."""
    contender = Contender(name=name, group=group or name, kind=kind, members=members, processes=processes)
    report = {"steps": 10, "values": {}, "peak": {"process": peak, "work": peak}}
    return Series(contender, [{}] * processes, [[{**report, "seconds": s}] * processes for s in seconds], error)


def test_ratios_are_of_medians_and_of_the_best_layout():
    slow, fast = series("2 x 1", [9.0, 3.0, 4.0], processes=2, group="old"), series("1 x 2", [3.0] * 3, group="old")
    ours = series("ours", [5.0, 1.0, 6.0], members=10, processes=2)
    trial = Trial(
        name="t",
        problem=Problem(data="miniature"),
        contenders=(),
        ratios=(
            Ratio(over="old", ours="ours", target=9.0),
            Ratio(over="gone", ours="ours", target=1.0),
            Ratio(over="old", ours="ours", of="memory"),
        ),
    )
    found = compare(trial, [slow, fast, ours])
    # Two processes with 10 steps in 4 s: .2 s a step; one with 3 s: .3 s; ours: 200 steps in 5 s.
    assert (found[0].over, found[0].value) == ("2 x 1", pytest.approx(0.2 / 0.025))
    assert found[0].is_met is False
    assert (found[1].value, found[1].is_met) == (None, None)
    assert found[2].value == pytest.approx(100 / 10)


def test_rows_have_the_spread_the_lower_bound_and_the_failures():
    rates = series("lower bound", [1.0, 1.0], processes=2, kind="rates")
    rates.ready = [{"cost": {"flops": 30.0, "bytes": 40.0}}] * 2
    for block in rates.blocks:
        for report in block:
            report["values"] = {"flops": 5.0, "bytes": 10.0}
    good, bad = rows_of([rates, series("good", [10.0, 30.0]), series("bad", [1.0], error="no memory")])
    assert (good.median, good.low, good.high, good.lower_bound) == (2.0, 1.0, 3.0, 30 / 10 + 40 / 20)
    assert (bad.median, bad.error) == (None, "no memory")


def test_table_1_needs_all_three_tasks():
    assert steps_of("rte") == pytest.approx(26 * 25 * (156 + 18 / 3))
    assert table_1_seconds({"rte": 1.0}) is None
    total = table_1_seconds(dict.fromkeys(TASKS, 4.6e-3))
    assert 33 < total / 60 < 50
    times = {"large": [0.005], "large mrpc": [0.004], "large cola": [0.003], "other": [1.0]}
    assert "minutes" in table_1_note(times)
