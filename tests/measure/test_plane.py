"""The plane by itself, on a quadratic whose surface, gradient and barriers are known in closed form."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from seedproof.errors import UserError
from seedproof.measure.plane import CORNERS, EDGES, Lattice, Plane, barriers, complete, measure_here, tabulate

GENERATOR = np.random.default_rng(0)
CENTRE, ROOT = GENERATOR.normal(size=6), GENERATOR.normal(size=(6, 6))
CURVATURE = ROOT @ ROOT.T
VECTORS = {name: GENERATOR.normal(size=6) for name in CORNERS}
PLANE = Plane(**{name: torch.from_numpy(value) for name, value in VECTORS.items()})


def quadratic(parameters: torch.Tensor) -> tuple[float, float]:
    """Half of (x - c)' A (x - c), by autograd."""
    x = parameters.clone().requires_grad_()
    away = x - torch.from_numpy(CENTRE)
    loss = away @ torch.from_numpy(CURVATURE) @ away / 2
    (gradient,) = torch.autograd.grad(loss, x)
    return float(loss.detach()), float(gradient.norm())


def closed_form(alpha, beta) -> tuple[np.ndarray, np.ndarray]:
    p, f, s = VECTORS.values()
    away = p + np.multiply.outer(alpha, f - p) + np.multiply.outer(beta, s - p) - CENTRE
    slope = away @ CURVATURE
    return (away * slope).sum(-1) / 2, np.sqrt((slope**2).sum(-1))


def measured(lattice: Lattice, evaluate=quadratic):
    found = complete(lattice, {}, lambda parts: measure_here(PLANE, evaluate, parts), lambda *_: None, lambda *_: None)
    return tabulate(lattice, found, {})


def test_every_point_is_what_the_closed_form_says():
    surface = measured(Lattice(side=7, edge=5))
    for table in (surface.grid, surface.edges, surface.points):
        loss, norm = closed_form(table["alpha"].to_numpy(), table["beta"].to_numpy())
        np.testing.assert_allclose(table["loss"], loss, rtol=1e-12)
        np.testing.assert_allclose(table["gradient_norm"], norm, rtol=1e-12)


def test_where_the_points_lie():
    surface = measured(Lattice())
    assert len(surface.grid) == 1600
    values = np.linspace(-1.5, 1.5, 40)
    np.testing.assert_array_equal(surface.grid["alpha"], np.tile(values, 40))
    np.testing.assert_array_equal(surface.grid["beta"], np.repeat(values, 40))
    assert surface.points[["point", "alpha", "beta"]].values.tolist() == [["p", 0, 0], ["f", 1, 0], ["s", 0, 1]]
    for edge, (start, end) in EDGES.items():
        piece = surface.edges[surface.edges["edge"] == edge]
        assert len(piece) == 41
        np.testing.assert_array_equal(piece["position"], np.linspace(0, 1, 41))
        assert tuple(piece[["alpha", "beta"]].iloc[0]) == CORNERS[start]
        assert tuple(piece[["alpha", "beta"]].iloc[-1]) == CORNERS[end]


def test_the_three_models_are_hit_exactly():
    """Without a bit of rounding, in single precision too, at numbers of very different size."""
    generator = torch.Generator().manual_seed(0)
    vectors = [torch.randn(1000, generator=generator) * 10.0**power for power in (-3, 0, 4)]
    plane = Plane(*vectors)
    for (alpha, beta), vector in zip(CORNERS.values(), vectors, strict=True):
        assert torch.equal(plane.at(alpha, beta), vector)


def test_barriers_by_hand():
    edges = pd.DataFrame(
        {"edge": ["p-f"] * 3 + ["f-s"] * 3, "position": [0, 0.5, 1] * 2, "loss": [1.0, 5.0, 2.0, 3.0, 1.0, 0.5]}
    )
    table = barriers(edges)
    assert table.values.tolist() == [["p-f", 3.0, 5.0, 2.0], ["f-s", 0.0, 3.0, 3.0]]


def test_a_loss_that_is_no_number_makes_no_barrier():
    edges = pd.DataFrame({"edge": ["p-f"] * 3, "position": [0, 0.5, 1], "loss": [1.0, np.nan, 2.0]})
    assert barriers(edges)[["barrier", "maximum"]].isna().all(axis=None)


def test_barriers_of_a_quadratic_are_those_of_the_closed_form():
    """A parabola that opens upward has no barrier; the same one upside down has one where its top lies inside."""
    assert (measured(Lattice(side=0)).barriers["barrier"] == 0).all()
    down = measured(Lattice(side=0, edge=1001), lambda x: (-quadratic(x)[0], None))
    for row in down.barriers.itertuples():
        start, end = (VECTORS[name] for name in EDGES[row.edge])
        way, away = end - start, start - CENTRE
        top = np.clip(-(away @ CURVATURE @ way) / (way @ CURVATURE @ way), 0, 1)
        heights = [-(v - CENTRE) @ CURVATURE @ (v - CENTRE) / 2 for v in (start + top * way, start, end)]
        assert row.barrier == pytest.approx(heights[0] - max(heights[1:]), abs=1e-4)
    assert (down.barriers["barrier"] > 0.1).any()


def test_without_gradients_there_is_no_column_and_without_a_grid_no_row():
    surface = measured(Lattice(side=0, edge=2), lambda x: (quadratic(x)[0], None))
    assert list(surface.grid.columns) == ["alpha", "beta", "loss"]
    assert len(surface.grid) == 0
    assert len(surface.edges) == 6


def test_only_what_is_missing_is_measured():
    lattice, kept, seen = Lattice(side=3, edge=3), {}, []
    parts = lattice.parts()
    done = dict(measure_here(PLANE, quadratic, {name: parts[name] for name in ("points", "row 1")}))

    def measure(missing):
        return measure_here(PLANE, quadratic, missing)

    found = complete(lattice, done, measure, kept.__setitem__, lambda *progress: seen.append(progress))
    assert set(kept) == set(parts) - set(done)
    assert set(found) == set(parts)
    assert seen == [(count, 7) for count in range(2, 8)][: len(seen)]
    assert seen[-1] == (len(parts), len(parts))


@pytest.mark.parametrize(
    "wrong", [{"low": 1.0, "high": 1.0}, {"high": np.inf}, {"low": np.nan}, {"side": 1}, {"edge": 1}]
)
def test_lattices_that_make_no_sense(wrong):
    with pytest.raises(UserError, match="give"):
        Lattice(**wrong)
