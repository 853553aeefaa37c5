"""What the probes of a run see: an engine asks what they need now, and shows it to them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from seedproof.errors import UserError, is_out_of_memory
from seedproof.probes.base import NEEDS, Observation, Probe
from seedproof.training.engine import Record
from seedproof.training.saturation import Hung, PoolerCounter, as_it_is

if TYPE_CHECKING:
    from jaxtyping import Float, Float32

    from seedproof.methods import Composed
    from seedproof.probes.base import Moment, Values


class Watch:
    """The probes of one run.

    Args:
        probes: of the run.
        evaluations: steps after which it is evaluated.
        model: before any method changes which of its parameters are trained.
    """

    def __init__(self, probes: Sequence[Probe], evaluations: Iterable[int], model: nn.Module) -> None:
        self._probes = probes
        self._numbers = {step: number for number, step in enumerate(sorted(evaluations), start=1)}
        self.names = [name for name, _ in model.named_parameters()]
        """Parameters in the model's order."""
        self.trained = [name for name, value in model.named_parameters() if value.requires_grad]
        """Those with a gradient."""
        self._columns = self._columns_of_trained()
        problem = getattr(getattr(model, "config", None), "problem_type", None)
        self._several = problem == "multi_label_classification"

    def _columns_of_trained(self) -> list[int]:
        trained = set(self.trained)
        return [index for index, name in enumerate(self.names) if name in trained]

    def compose(self, composed: Mapping[str, Composed]) -> None:
        """Take note of parameters that methods made of others: those that stand still have no gradient."""
        self.trained = [name for name in self.trained if name not in composed or composed[name].parts]
        self._columns = self._columns_of_trained()

    def of_trained(self, norms: Float32[np.ndarray, " names"]) -> Float32[np.ndarray, " trained"]:
        """Values of the trained parameters, out of one for each parameter."""
        return norms if len(self._columns) == len(self.names) else norms[self._columns]

    def needs(self, moment: Moment, step: int | None = None) -> frozenset[str]:
        """What the probes that look now need; without a step, what any of them ever needs at such a moment."""
        if step is None:
            asked = [probe.needs for probe in self._probes]
        else:
            asked = [self._needed(probe, moment, step) for probe in self._looking(moment, step)]
        return frozenset(need for needs in asked for need in needs if moment in NEEDS[need])

    def _looking(self, moment: Moment, step: int) -> list[Probe]:
        if moment == "start":
            return list(self._probes)
        if moment == "end":
            return [probe for probe in self._probes if probe.looks_at == "end"]
        number = self._number(moment, step)
        return [probe for probe in self._probes if probe.looks_at == moment and probe.looks(number)]

    def _number(self, moment: Moment, step: int) -> int:
        """The number of a step or evaluation, from 1. A Trainer evaluates when it likes: those are numbered as they come."""
        return self._numbers.setdefault(step, len(self._numbers) + 1) if moment == "evaluations" else step

    def _needed(self, probe: Probe, moment: Moment, step: int) -> tuple[str, ...]:
        """What a probe that looks now reads."""
        return probe.needs if moment in ("start", "end") else probe.needed(self._number(moment, step))

    def show(self, moment: Moment, step: int, seen: Mapping[str, Any]) -> list[Record]:
        """What the probes that look now record.

        Args:
            moment: of the run.
            step: steps done.
            seen: at least what they need now.

        Raises:
            UserError: a probe has a fault.
        """
        records = []
        for probe in self._looking(moment, step):
            own = {name: seen[name] for name in self._needed(probe, moment, step) if name in seen}
            values = _ask(probe, moment, Observation(step, self.names, self.trained, own, several=self._several))
            # A view of the model's own memory would show what becomes of it before it is written down.
            kept = {
                name: value.copy() if isinstance(value, np.ndarray) else value for name, value in (values or {}).items()
            }
            records += [Record(step, probe.name, kept)] if kept else []
        return records


_TAKEN = ("step", "kind")
"""What a record says of itself; a value of that name would take its place, and the journal could not be read again."""


def _ask(probe: Probe, moment: Moment, observation: Observation) -> Values | None:
    try:
        values = probe.start(observation) if moment == "start" else probe.observe(observation)
        if taken := [name for name in _TAKEN if name in (values or {})]:
            raise ValueError(f"a value cannot be called {taken[0]!r}, which every record has; give it another name")
        return values
    except Exception as error:
        if isinstance(error, UserError) or is_out_of_memory(error):
            raise
        raise UserError(
            f"the recording {probe.name!r} ends at step {observation.step} with {type(error).__name__}: {error}; mend it, or "
            f"switch it off: --record {probe.name}=off"
        ) from error


class ModelView:
    """What is to be seen of a model that trains by itself, as the plain engine shows it.

    Args:
        model: with the weights that training starts from.
        watch: of its run; what its probes need decides what is kept.
        composed: parameters of the stock model that methods made of others.
        hung: what every hook becomes before it is hung onto the model.
    """

    def __init__(
        self,
        model: nn.Module,
        watch: Watch,
        composed: Mapping[str, Composed] = MappingProxyType({}),
        hung: Hung = as_it_is,
    ) -> None:
        self._model, self._watch, self._composed = model, watch, composed
        needs = watch.needs("evaluations") | watch.needs("steps")
        self._start = [value.clone() for value in self._weights()] if "distances" in needs else []
        self._pooler = PoolerCounter(model, hung) if "saturated" in needs else None
        self._logits: list[Tensor] | None = None

    def begin(self, needs: frozenset[str]) -> None:
        """Forget what was seen of outputs, and see from now on what of them is needed at the end of this step or evaluation."""
        self._logits = [] if "batch_logits" in needs else None
        if self._pooler is not None:
            self._pooler.begin(is_needed="saturated" in needs)

    def take_logits(self, logits: Tensor) -> None:
        """The logits of a training pass."""
        if self._logits is not None:
            self._logits.append(logits.detach())

    def remove(self) -> None:
        """Take off the model what was hung onto it."""
        if self._pooler is not None:
            self._pooler.remove()

    def see(self, needs: frozenset[str], **known: Any) -> dict[str, Any]:
        """Values by need; ``known`` are those that the engine has. One transfer to the host for all numbers."""
        numbers: Mapping[str, Callable[[], Tensor]] = {
            "gradient_norms": self._gradient_norms,
            "batch_logits": lambda: torch.cat(self._logits or []),
            "distances": lambda: torch.stack(torch._foreach_norm(torch._foreach_sub(self._weights(), self._start))),
        }
        tensors = {need: make() for need, make in numbers.items() if need in needs}
        share = self._pooler.share() if "saturated" in needs and self._pooler is not None else None
        found: dict[str, Any] = dict(to_host(tensors if share is None else {**tensors, "saturated": share}))
        found = {need: array.astype(np.float32) if array.ndim else float(array) for need, array in found.items()}
        if "saturated" in needs:
            found.setdefault("saturated", None)
        if "gradients" in needs:
            found["gradients"] = {n: v.grad for n, v in self._model.named_parameters() if v.grad is not None}
        if "model" in needs:
            found["model"] = self._model
        return (
            found
            | {name: value for name, value in known.items() if name in needs}
            | _see_weights(self._watch.names, self._weights, needs)
        )

    def _weights(self) -> list[Tensor]:
        """The parameters of the stock model, in its order."""
        if not self._composed:
            return _values(self._model)
        own = dict(self._model.named_parameters())
        return [
            self._composed[name].value() if name in self._composed else own[name].detach() for name in self._watch.names
        ]

    def _gradient_norms(self) -> Tensor:
        """The norm of each trained tensor's gradient, (trained,): NaN for a tensor without one, infinity for one with a NaN."""
        own = dict(self._model.named_parameters())
        parts = [self._composed[name].parts if name in self._composed else (own[name],) for name in self._watch.trained]
        gradients = [part.grad for group in parts for part in group]
        missing = torch.full((), math.nan, device=next(iter(own.values())).device)
        found = iter(torch._foreach_norm([gradient for gradient in gradients if gradient is not None]))
        each = iter([missing if gradient is None else not_missing(next(found)) for gradient in gradients])
        return torch.stack([_together([next(each) for _ in group]) for group in parts])


def see_model(model: nn.Module, needs: frozenset[str]) -> dict[str, Any]:
    """What is to be seen of a model that stands still, by need: at its start, ``start_norms``."""
    return _see_weights([name for name, _ in model.named_parameters()], lambda: _values(model), needs)


def _see_weights(names: Sequence[str], weights: Callable[[], list[Tensor]], needs: frozenset[str]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    if "start_norms" in needs:
        seen["start_norms"] = norms(weights())
    if "weights" in needs:
        seen["weights"] = dict(zip(names, weights(), strict=True))
    return seen


def _together(found: list[Tensor]) -> Tensor:
    """The norm of several tensors as one, from theirs."""
    return found[0] if len(found) == 1 else torch.linalg.vector_norm(torch.stack(found))


def not_missing(norms: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
    """Norms of gradients that there are: infinity for NaN, which says that there is no gradient."""
    return torch.where(norms.isnan(), math.inf, norms)


def to_host(tensors: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    """Numbers of one device as float64 arrays of the same shapes; the host waits for them once."""
    if not tensors:
        return {}
    flat = torch.cat([each.detach().double().flatten() for each in tensors.values()]).cpu().numpy()
    parts = np.split(flat, np.cumsum([each.numel() for each in tensors.values()])[:-1])
    return {name: part.reshape(each.shape) for (name, each), part in zip(tensors.items(), parts, strict=True)}


def norms(tensors: Sequence[Tensor]) -> np.ndarray:
    """L2 norm of each tensor, float32 (tensors,), on the host."""
    return to_host({"norms": torch.stack(list(torch._foreach_norm(list(tensors))))})["norms"].astype(np.float32)


def _values(model: nn.Module) -> list[Tensor]:
    return [value.detach() for value in model.parameters()]
