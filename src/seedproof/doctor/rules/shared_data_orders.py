"""Seeds whose runs see the training examples in the same orders."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

from seedproof.doctor.base import Finding, Rule, Unknown
from seedproof.doctor.facts import Facts


class SharedDataOrders(Rule):
    """The Trainer orders epoch e by the seed s + e, so consecutive seeds share orders."""

    id = "shared-data-orders"
    severity = "warning"
    what = "Seeds of the Trainer lie closer together than a run has epochs, or data_seed is the same for all of them."
    why = (
        "The Trainer orders epoch e of a run by a generator of the seed s + e: with 3 epochs seed 1 gives the orders A B C, and "
        "seed 2 gives B C D. Runs that share orders are not drawn apart, and their spread is not that of the order of data. "
        "With data_seed every run has the same orders."
    )
    source = "transformers.Trainer, seen in 5.24 by this project's tests (tests/doctor/test_installed.py)"
    change = "Take seeds that differ by more than the number of epochs (0, 1000, 2000, ...), or seedproof.run_seeds."
    needs = ("orders", "seeds", "epochs")
    of_trainer = True

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding where two runs share an order."""
        kind, seeds = facts.value("orders"), list(dict.fromkeys(facts.value("seeds")))
        if kind == "apart":
            return  # run_seeds
        if kind == "other":
            raise Unknown(f"{facts.place('orders')}: the order of this sampler was not tried")
        if len(seeds) < 2:
            raise Unknown(f"one seed is known ({seeds[0]}, {facts.place('seeds')}); give all that you run with --seeds")
        starts = self._starts(facts, seeds)
        epochs = math.ceil(facts.passes)
        different = _union(starts, epochs)
        drawn = len(starts) * epochs
        if different == drawn:
            return
        is_one = "data_seed" in facts.settings and len(set(starts)) == 1
        cause = "with one data_seed for all " if is_one else ""
        yield self.found(
            f"{cause}{len(starts)} seeds of {epochs} epochs use {different} orders of the data, not {drawn}",
            numbers={"orders": different, "orders if apart": drawn, "seeds": len(starts), "epochs": epochs},
            place=facts.place("data_seed" if "data_seed" in facts.settings else "seeds"),
        )

    def _starts(self, facts: Facts, seeds: list[int]) -> list[int]:
        """The seed from which the orders of each run follow; raises Unknown where that cannot be told."""
        if "data_seed" in facts.unread:
            raise Unknown(facts.unread["data_seed"])
        if "data_seed" not in facts.settings:
            return seeds
        chosen = list(facts.value("data_seed"))
        if len(chosen) == 1:
            return chosen * len(seeds)
        if len(chosen) != len(seeds):
            raise Unknown(
                f"{facts.place('data_seed')}: which of {len(seeds)} seeds and {len(chosen)} data seeds go together cannot be seen"
            )
        return chosen


def _union(starts: list[int], length: int) -> int:
    """How many numbers there are in ranges of one length.

    >>> _union([0, 2, 10], 3)
    8
    """
    ordered = sorted(starts)
    gaps = [after - before for before, after in itertools.pairwise(ordered)]
    return length + sum(min(gap, length) for gap in gaps)
