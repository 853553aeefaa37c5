"""One step of the fleet is one step of the plain engine: loss, every gradient, every updated weight.

In fp64, where a difference cannot hide behind rounding, and in fp32. Weights are random in every tensor, examples have
1 to 14 tokens, the members of a fleet have other recipes, seeds, lengths and batch sizes.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.fleets import capture_gradients, families, make_data, make_fleet, make_run, plain_steps, use_masks_of_fleet

from seedproof.recipes import RECIPES

FAST = ("devlin", "mixout")
STEPS = 3
"""The first at rate 0; later ones have averages and corrections."""


def runs_of(family, name):
    """A run of the recipe, and mates that differ in everything that may differ."""
    return [
        make_run(family, name, seed=1),
        make_run(family, "mosbach", seed=2, batch_size=4, data=make_data(family, 3, longest=5), clip="tensor"),
        make_run(family, "mixout-linear", seed=3, batch_size=9, eps_place="after", bias_correction=True, p=0.4),
    ]


def compare(runs, precision, loss_tolerance, tolerance, weight_tolerance, device="cpu"):
    """Gradients to ``tolerance`` of the norm of all; weights to ``weight_tolerance`` learning rates."""
    engine, _, _ = make_fleet(runs, precision, device)
    kept = capture_gradients(engine)
    seen = [engine.train_step() for _ in range(STEPS)]
    for index, run in enumerate(runs):
        plain = run.plain(precision, device)
        use_masks_of_fleet(plain, engine, index)
        losses, gradients = plain_steps(plain, STEPS)
        found = [records[index][0].values["loss"] for records in seen]
        np.testing.assert_allclose(found, losses, rtol=loss_tolerance)
        for step, pair in enumerate(gradients):
            for which in (0, 1):
                total = torch.stack([value.norm() for value in pair[which].values()]).norm()
                for name, value in pair[which].items():
                    difference = (kept[step][index][which][name] - value).norm()
                    assert difference <= tolerance * total, (step, which, name, difference / total)
        weights = engine._state.stack.weights(index)
        for name, value in plain.model.named_parameters():
            moved = (weights[name] - value).abs().max() / run.recipe.peak_learning_rate
            assert moved <= weight_tolerance, (name, moved)


@families
@pytest.mark.parametrize(
    "name", [*FAST, *(pytest.param(name, marks=pytest.mark.slow) for name in RECIPES if name not in FAST)]
)
def test_steps_are_those_of_the_plain_engine(family, name):
    # Mixout's factor 1 / (1 - p) is fp32.
    compare(runs_of(family, name), "fp64", 1e-7, 1e-6, 1e-3)


@families
def test_what_new_runs_mean_is_the_same_in_both_engines(family):
    """Mixout told by the flow of data, and BertAdam's warm-up, which does not end at a whole step."""
    runs = [
        make_run(family, "mixout", seed=1, covers="flow"),
        make_run(family, "devlin-bertadam", seed=2, warmup_ratio=0.15, warmup_end="exact"),
    ]
    compare(runs, "fp64", 1e-7, 1e-6, 1e-3)


@families
@pytest.mark.parametrize("name", ["devlin", "mosbach-v1"])
def test_a_fleet_of_one_is_the_plain_engine_without_padding(family, name):
    compare([make_run(family, name, labels=3)], "fp64", 1e-11, 1e-10, 1e-6)


@families
@pytest.mark.parametrize(
    "name", ["devlin", *(pytest.param(name, marks=pytest.mark.slow) for name in RECIPES if name != "devlin")]
)
def test_steps_are_those_of_the_plain_engine_in_fp32(family, name):
    compare(runs_of(family, name), "fp32", 2e-5, 1e-4, 5e-2)


def test_several_labels_and_the_weights_of_classes():
    """Beside mates without weights; the loss that is recorded has none."""
    for several in (False, True):
        given = {"labels": 3, "several": several}
        runs = [
            make_run("bert", "devlin + class_weights", seed=4, **given),
            make_run("bert", "mosbach + class_weights(weights=LABEL_1=5)", seed=5, batch_size=4, **given),
            make_run("bert", "mosbach-v1", seed=6, **given),
        ]
        compare(runs, "fp64", 1e-6, 1e-6, 1e-3)


@pytest.mark.slow
@families
def test_regression_and_legacy_mixout_and_zero_segments(family):
    runs = [make_run(family, seed=4, labels=1), make_run(family, "mixout", seed=5, labels=1, legacy_gradient=True)]
    compare(runs, "fp64", 1e-7, 1e-6, 1e-3)
