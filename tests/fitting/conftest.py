"""Made runs that several tests judge."""

from __future__ import annotations

import numpy as np
import pytest
from tests.fitting.made import make_task, noisy, run


@pytest.fixture
def runs():
    """Three made runs, the second the best."""
    generator, task = np.random.default_rng(0), make_task()
    return [run(seed, noisy(generator, noise), task) for seed, noise in enumerate([2.0, 0.6, 2.0])]
