"""The baseline of Mosbach, Andriushchenko and Klakow 2021 (arXiv 2006.04884): train longer, with bias correction.

The first version of the paper (June 2020) reports the best development checkpoint of each run, the final version the
end of training; the two are different protocols and have different names here.
"""

from __future__ import annotations

import dataclasses

from seedproof.recipes.devlin import DEVLIN

MOSBACH = dataclasses.replace(
    DEVLIN, name="mosbach", description="devlin with bias correction and 20 epochs", bias_correction=True, epochs=20.0
)

MOSBACH_V1 = dataclasses.replace(
    MOSBACH,
    name="mosbach-v1",
    description="mosbach, keeping the best development checkpoint of a run, the untrained model included",
    select="best",
)
