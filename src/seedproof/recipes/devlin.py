"""The recipe of Devlin et al. 2019 as PyTorch codes run it, and two relatives.

Its missing bias correction makes the first steps several times larger; that, and few steps, is what Mosbach et al. 2021
(arXiv 2006.04884) find behind unstable fine-tuning.
"""

from __future__ import annotations

import dataclasses

from seedproof.recipes.base import Recipe

DEVLIN = Recipe(
    name="devlin", description="the default: 3 epochs, linear warm-up over 10 %, AdamW without bias correction"
)

DEVLIN_BERTADAM = dataclasses.replace(
    DEVLIN,
    name="devlin-bertadam",
    description="devlin with the early PyTorch BertAdam: each tensor clipped, old weights decay, drop after warm-up",
    clip="tensor",
    decay="old",
    schedule="linear-drop",
)

DEVLIN_QUARTER_LR = dataclasses.replace(
    DEVLIN,
    name="devlin-quarter-lr",
    description="control: devlin at a quarter of the learning rate, about what bias correction takes off early steps",
    learning_rate_factor=0.25,
)
