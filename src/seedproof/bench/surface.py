"""Points of a loss surface: as a script would, one after the other, and a row of them as a fleet that is only evaluated."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from seedproof.bench.contenders import Contender
from seedproof.bench.gate import Gate
from seedproof.bench.inputs import Inputs
from seedproof.bench.lengths import BATCH
from seedproof.measure.classifier_loss import ClassifierLoss, Problem, batches_of, flatten
from seedproof.measure.plane import Lattice, Plane, Points, measure_points
from seedproof.models.stacked.encoder import Pass
from seedproof.models.stacked.families import architecture_of
from seedproof.models.stacked.layout import Layout
from seedproof.models.stacked.packing import Packed, TokenTable, pack
from seedproof.models.stacked.stack import Stack
from seedproof.training.fleet.prediction import TOKENS_AT_A_TIME
from seedproof.training.losses import member_losses

NOISE = 0.01
"""Standard deviation of what makes three models of one: a surface costs the same whatever its corners are."""


def corners(inputs: Inputs, seed: int) -> list[torch.nn.Module]:
    """Three classifiers that stand for the pre-trained, the failed and the successful one."""
    models: list[torch.nn.Module] = []
    for role in range(3):
        model = inputs.model(seed).eval()
        generator = torch.Generator().manual_seed(role)
        with torch.no_grad():
            for value in model.parameters() if role else ():
                value.add_(NOISE * torch.randn(value.shape, generator=generator))
        models.append(model)
    return models


def row_of(contender: Contender) -> Points:
    """A row through the middle of the grid."""
    steps = Lattice(side=contender.members).steps
    return [(alpha, steps[len(steps) // 2]) for alpha in steps]


def script(contender: Contender, inputs: Inputs, seeds: Sequence[int], gate: Gate) -> None:
    """What one writes without thinking of speed: the weights of a point put into a model, an evaluation as in training."""
    models = corners(inputs, seeds[0])
    evaluate, points = ScriptLoss(models[0].to(contender.device), inputs), row_of(contender)
    plane = Plane(*(flatten(model).to(contender.device) for model in models))
    gate.open()
    while True:
        gate({"losses": measure_points(plane, evaluate, points)["loss"].tolist()})


class ScriptLoss:
    """Mean loss of a model at given parameters: the examples in their order, in batches as large as in training."""

    def __init__(self, model: torch.nn.Module, inputs: Inputs) -> None:
        self._model, self._count = model, inputs.problem.batch
        self._parameters = [value for _, value in sorted(model.named_parameters())]
        device = self._parameters[0].device
        starts = range(0, self._count, BATCH)
        self._batches = [
            inputs.data.train.batch(range(start, min(start + BATCH, self._count)), device) for start in starts
        ]

    @torch.no_grad()
    def __call__(self, parameters: torch.Tensor) -> tuple[float, None]:
        """Loss at ``parameters`` (n,); no gradient norm."""
        torch.nn.utils.vector_to_parameters(parameters, self._parameters)
        losses = [float(self._model(**batch).loss) * len(batch["labels"]) for batch in self._batches]
        return sum(losses) / self._count, None


def point_by_point(contender: Contender, inputs: Inputs, seeds: Sequence[int], gate: Gate) -> None:
    """The modules of Transformers at one point after the other."""
    models = corners(inputs, seeds[0])
    batches = batches_of(inputs.data.train, range(inputs.problem.batch))
    config = models[0].config
    problem = Problem(config, Plane(*map(flatten, models)), batches, False, contender.device).on_device()
    evaluate, points = ClassifierLoss(problem), row_of(contender)
    gate.open()
    while True:
        found = measure_points(problem.plane, evaluate, points)
        gate({"losses": found["loss"].tolist()})


def stacked(contender: Contender, inputs: Inputs, seeds: Sequence[int], gate: Gate) -> None:
    """All points of a row in one pass."""
    surface = StackedRow(corners(inputs, seeds[0]), inputs, contender.device)
    points = row_of(contender)
    gate.open()
    while True:
        gate({"losses": surface.losses(points).tolist()})


class StackedRow:
    """Losses of many points at once on the first examples of a problem."""

    def __init__(self, models: Sequence[torch.nn.Module], inputs: Inputs, device: str) -> None:
        architecture = architecture_of(models[0].config)
        assert architecture is not None
        self._architecture = architecture
        self._corners = Stack(Layout.of(models[0]), len(models), device=device, trains=False)
        for index, model in enumerate(models):
            self._corners.load(index, dict(model.named_parameters()))
        train, count = inputs.data.train, inputs.problem.batch
        segments = None if train.segments is None else train.segments[:count]
        self._packed: dict[int, list[Packed]] = {}
        self._table = TokenTable.of(train.ids[:count], segments, train.labels[:count])

    @torch.no_grad()
    def losses(self, points: Points) -> np.ndarray:
        """Mean loss at each point, float64 (points,)."""
        weights = torch.tensor([[1 - a - b, a, b] for a, b in points], dtype=torch.float32, device=self._corners.device)
        stack = Stack(self._corners.layout, 0, device=self._corners.device, trains=False)
        stack.members = len(points)
        stack.values = [weights @ value for value in self._corners.values]
        total = torch.zeros(len(points), dtype=torch.float64, device=stack.device)
        for batch in self._batches(len(points)):
            logits, _ = Pass(self._architecture, stack, batch).logits()
            total += member_losses(logits, batch.labels, batch.is_example).double() * batch.batch_size
        found: np.ndarray = (total / len(self._table.lengths)).cpu().numpy()
        return found

    def _batches(self, members: int) -> list[Packed]:
        """All examples for that many points; the same in every row."""
        if members not in self._packed:
            device, heads = self._corners.device, self._architecture.heads
            chunks = self._chunks(np.argsort(self._table.lengths, kind="stable"), members)
            self._packed[members] = [
                pack([self._table] * members, [chunk] * members, heads, device) for chunk in chunks
            ]
        return self._packed[members]

    def _chunks(self, order: np.ndarray, members: int) -> list[np.ndarray]:
        cumulated = np.cumsum(self._table.lengths[order]) * members // TOKENS_AT_A_TIME
        return [part for part in np.split(order, np.nonzero(np.diff(cumulated))[0] + 1) if len(part)]
