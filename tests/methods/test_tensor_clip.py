"""Each tensor's gradient is clipped, then all together as the recipe says."""

from __future__ import annotations

import pytest
import torch
from tests.fleets import make_run, plain_steps

from seedproof.errors import UserError
from seedproof.methods import method

BOUND = 0.02


@pytest.mark.parametrize(("clip", "whole"), [("none", float("inf")), ("global", 0.05)])
def test_each_tensor_is_clipped_and_then_their_global_norm(clip, whole):
    run = make_run("bert", f"devlin + tensor_clip(norm={BOUND})", clip=clip, max_grad_norm=0.05)
    _, [(before, after)] = plain_steps(run.plain("fp64"), 1)
    expected = {name: value * min(1.0, BOUND / float(value.norm() + 1e-6)) for name, value in before.items()}
    total = torch.stack([value.norm() for value in expected.values()]).norm()
    assert total > 0.05  # so that the second clipping has something to do
    for name, value in expected.items():
        torch.testing.assert_close(after[name], value * min(1.0, whole / float(total + 1e-6)), msg=name)


def test_a_recipe_that_clips_each_tensor_already_is_refused():
    run = make_run("bert", clip="tensor")
    with pytest.raises(
        UserError, match=r"clip = 'tensor' of recipe .* clips each tensor already, .* set clip=global or clip=none"
    ):
        method("tensor_clip").check(run.recipe)
