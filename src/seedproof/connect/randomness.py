"""The generators of a user's program, left as they were: what is watched must go on as if nobody had looked."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator

import numpy as np
import torch

from seedproof.generators import own_generators


@contextlib.contextmanager
def untouched_randomness() -> Iterator[None]:
    """Put the global generators of Python, NumPy and PyTorch back as they were.

    An iterated loader draws a number from PyTorch's, and a data set that augments its examples draws from any of them.
    """
    of_python, of_numpy = random.getstate(), np.random.get_state()  # noqa: NPY002 - what a data set may draw from
    device = torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else "cpu"
    try:
        with own_generators(device):
            yield
    finally:
        random.setstate(of_python)
        np.random.set_state(of_numpy)  # noqa: NPY002
