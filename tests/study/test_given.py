"""What a study is given: seeds in every form. Tasks are in ``tests/tasks``, where they are read."""

import numpy as np
import pytest

from seedproof.errors import UserError
from seedproof.spec import Seeds
from seedproof.study.study import Study


@pytest.mark.parametrize(
    ("seeds", "labels"),
    [
        (2, ["0", "1"]),
        (range(3, 5), ["3", "4"]),
        (np.arange(2), ["0", "1"]),
        ((number for number in (4, 2)), ["4", "2"]),
        ([1, Seeds(head=1, order=2, dropout=2)], ["1", "1/2/2"]),
    ],
)
def test_seeds_in_every_form(seeds, labels):
    """Also numpy's numbers, which JSON does not know."""
    study = Study("s", tasks=["glue/rte"], models=["x"], seeds=seeds)
    assert [seed.label for seed in study.seeds] == labels
    assert all(type(seed.head) is int for seed in study.seeds)


@pytest.mark.parametrize("seeds", [0, -1, True, [], [1, 1], "25", ["1"], [1.5], 2.5])
def test_seeds_that_are_none(seeds):
    with pytest.raises(UserError, match="seed"):
        Study("s", tasks=["glue/rte"], models=["x"], seeds=seeds)


@pytest.mark.parametrize(
    "seed",
    [
        *(-1, 2**63, Seeds(head=-1, order=0, dropout=0), Seeds(head=0, order=2**63, dropout=0)),
        Seeds(head=0, order=0, dropout=-1),
    ],
)
def test_a_seed_that_no_generator_takes_is_refused(seed):
    with pytest.raises(UserError, match=r"give a number from 0 to 2\^63 - 1"):
        Study("s", tasks=["glue/rte"], models=["x"], seeds=[seed])
