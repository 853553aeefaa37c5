"""Mixout in place of dropout, over the default recipe.

The probability behind the published comparison is not known: the authors' example has .9, two later replications .1.
Each of the two variants here has one of them, fixed beforehand.
"""

from __future__ import annotations

import dataclasses

from seedproof.methods.mixout import Mixout
from seedproof.recipes.devlin import DEVLIN

MIXOUT = dataclasses.replace(
    DEVLIN,
    name="mixout",
    description="devlin with Mixout (p .9, Lee et al.'s layers, head toward 0) instead of dropout",
    dropout=0.0,
    methods=(Mixout(),),
)

MIXOUT_LINEAR = dataclasses.replace(
    MIXOUT,
    name="mixout-linear",
    description="devlin with Mixout (p .1, every linear layer, head toward its start) instead of dropout",
    methods=(Mixout(p=0.1, where="linear"),),
)
