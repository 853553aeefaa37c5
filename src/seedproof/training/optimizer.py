"""AdamW in the variants that fine-tuning codes have used, on PyTorch's own kernels.

"Adam" in papers about BERT is several algorithms (Mosbach et al. 2021, section 3 of arXiv 2006.04884, and the code of
Transformers 2.x): with or without bias correction, with decay applied to the weights before or after the step, with eps
added to sqrt(v) before or after its correction. With m, v the first and second moments at step t, k = sqrt(1 - beta2^t) /
(1 - beta1^t) (1 without correction), lr the learning rate and a = lr * weight_decay, one step is

    u = lr * k * m / (sqrt(v) + eps)                         eps_place="before" (Transformers 2.x)
    u = lr * k * m / (sqrt(v) + eps * sqrt(1 - beta2^t))     eps_place="after"  (torch.optim.AdamW)
    w <- (w - u) * (1 - a)                                   decay="updated"    (Transformers 2.x)
    w <- w * (1 - a) - u                                     decay="old"        (torch.optim.AdamW, Google's code)

Each is one call of PyTorch's kernel with other coefficients, so no variant costs more than ``torch.optim.AdamW``
(``benchmarks/optimizer.py`` measures it).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, overload

import torch
from torch import Tensor
from torch.optim.adamw import adamw
from torch.optim.optimizer import ParamsT

from seedproof.errors import UserError, unknown

if TYPE_CHECKING:
    from jaxtyping import Float

Decay = Literal["updated", "old"]
EpsPlace = Literal["before", "after"]


@dataclass(slots=True)
class _Bucket:
    """Tensors of one group that are at the same step on the same device: one call of the kernel updates them."""

    parameters: list[Tensor] = field(default_factory=list)
    gradients: list[Tensor] = field(default_factory=list)
    first_moments: list[Tensor] = field(default_factory=list)
    second_moments: list[Tensor] = field(default_factory=list)
    has_complex: bool = False


class AdamW(torch.optim.Optimizer):
    """AdamW with the choices that matter for the stability of fine-tuning; the defaults are Transformers 2.x's.

    ``bias_correction=True, decay="old", eps_place="after"`` is ``torch.optim.AdamW``, bit for bit.

    Args:
        params: Parameters, or groups as for any PyTorch optimizer; every option below but ``foreach`` and ``fused`` may
            differ between groups.
        lr: Learning rate, a number (schedulers may change it between steps).
        betas: Decay rates of the first and second moments, the moving averages of the gradient and of its square.
        eps: Added to the square root of the second moment.
        weight_decay: Decoupled decay: a step takes away the fraction ``lr * weight_decay`` of each weight, whatever the
            bias correction is.
        bias_correction: Whether the moments are corrected for their start at zero.
        decay: Which weights the decay is applied to: those already ``"updated"`` by the step, or the ``"old"`` ones.
        eps_place: Whether eps is added to sqrt(v) ``"before"`` or ``"after"`` its bias correction. Without bias
            correction both are the same.
        foreach: As in ``torch.optim.AdamW``: None chooses as PyTorch does.
        fused: As in ``torch.optim.AdamW``.

    Raises:
        UserError: An option is outside its range (also in a group), or ``lr * weight_decay`` reaches 1 in a step.
        RuntimeError: A gradient is sparse, or ``foreach`` and ``fused`` are both true.
    """

    def __init__(
        self,
        params: ParamsT,
        lr: float = 2e-5,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-6,
        weight_decay: float = 0.01,
        *,
        bias_correction: bool = True,
        decay: Decay = "updated",
        eps_place: EpsPlace = "before",
        foreach: bool | None = None,
        fused: bool | None = None,
    ) -> None:
        if foreach and fused:
            raise RuntimeError("foreach and fused cannot both be true: they are two implementations of the same step")
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "bias_correction": bias_correction,
            "decay": decay,
            "eps_place": eps_place,
            "foreach": foreach,
            "fused": fused,
        }
        super().__init__(params, defaults)
        self._counters: dict[tuple[int, torch.device], tuple[int, list[Tensor]]] = {}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._counters = {}  # derived from the state; a restored or copied optimizer makes its own

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters; its options are checked."""
        super().add_param_group(param_group)
        try:
            _check_options(self.param_groups[-1])
        except UserError:
            self.param_groups.pop()
            raise

    @overload
    def step(self, closure: None = None) -> None: ...
    @overload
    def step(self, closure: Callable[[], float]) -> float: ...
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step; ``closure``, if given, evaluates the loss first, and its value is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for index, group in enumerate(self.param_groups):
            for (step, device), bucket in self._buckets(group).items():
                self._update(index, step, device, bucket)
        return loss

    def _update(self, index: int, step: int, device: torch.device, bucket: _Bucket) -> None:
        """Update the parameters of one bucket in place."""
        group = self.param_groups[index]
        rate, weight_decay, shown_step = _kernel_coefficients(group, step)
        count, home = len(bucket.parameters), device if group["fused"] else torch.device("cpu")
        # The kernel adds 1 to a counter of shape () for each parameter, and computes its corrections from the sum.
        reached, counters = self._counters.pop((index, device), (0, []))
        if math.isinf(shown_step):
            counters = [torch.full((), math.inf, dtype=torch.float32, device=home)] * count  # one will do for all
        elif reached != step - 1 or len(counters) != count:
            counters = list(torch.full((count,), step - 1, dtype=torch.float32, device=home).unbind())
        adamw(
            bucket.parameters,
            bucket.gradients,
            bucket.first_moments,
            bucket.second_moments,
            [],
            counters,
            foreach=group["foreach"],
            fused=group["fused"],
            has_complex=bucket.has_complex,
            amsgrad=False,
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            lr=rate,
            weight_decay=weight_decay,
            eps=group["eps"],
            maximize=False,
        )
        if not math.isinf(shown_step):
            self._counters[index, device] = (step, counters)

    def _buckets(self, group: dict[str, Any]) -> dict[tuple[int, torch.device], _Bucket]:
        """Sort the parameters that have a gradient by the step they take now; usually that is one bucket."""
        buckets: dict[tuple[int, torch.device], _Bucket] = {}
        last_key, bucket = None, _Bucket()
        for parameter in group["params"]:
            gradient = parameter.grad
            if gradient is None:
                continue
            if gradient.is_sparse:
                raise RuntimeError("AdamW does not take sparse gradients; use an embedding with sparse=False")
            state = self.state[parameter]
            if not state:
                state["step"] = 0
                state["exp_avg"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
                state["exp_avg_sq"] = torch.zeros_like(parameter, memory_format=torch.preserve_format)
            step = state["step"] = state["step"] + 1  # a plain integer, not a tensor as in PyTorch
            key = (step, parameter.device)
            if key != last_key:
                last_key, bucket = key, buckets.setdefault(key, _Bucket())
            bucket.parameters.append(parameter)
            bucket.gradients.append(gradient)
            bucket.first_moments.append(state["exp_avg"])
            bucket.second_moments.append(state["exp_avg_sq"])
            bucket.has_complex |= parameter.is_complex()
        return buckets


def clip_each_tensor(parameters: Iterable[Tensor], max_norm: float) -> Float[Tensor, " tensors"]:
    """Scale every gradient down, each on its own, to an L2 norm of at most ``max_norm``.

    The early PyTorch ``BertAdam`` did this inside its step, where others clip the norm over all tensors together.

    Returns:
        Norms before clipping, of the tensors with a gradient.
    """
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if not gradients:
        return torch.zeros(0)
    norms = torch.stack(torch._foreach_norm(gradients))
    # 1e-6 as in torch.nn.utils.clip_grad_norm_, which BertAdam called. A non-finite norm stays visible.
    coefficients = (max_norm / (norms + 1e-6)).clamp(max=1.0)
    torch._foreach_mul_(gradients, list(coefficients.unbind()))
    return norms


def _kernel_coefficients(group: dict[str, Any], step: int) -> tuple[float, float, float]:
    """Say the wanted step in the terms of PyTorch's kernel, ``w <- w (1 - lr' wd') - lr' m' / (sqrt(v') + eps)``.

    An infinite step count makes the kernel's own corrections vanish (m' = m, v' = v, for 1 - beta^inf = 1). Decay of
    the updated weights, (w - u)(1 - a), is w (1 - a) - (1 - a) u: the same form at lr' = (1 - a) lr.

    Returns:
        The learning rate, the weight decay and the step count to give to the kernel.
    """
    lr, weight_decay = float(group["lr"]), float(group["weight_decay"])
    share = lr * weight_decay
    if share >= 1.0:
        raise UserError(
            f"lr * weight_decay = {lr:g} * {weight_decay:g} = {share:g}: a step would take away all of each weight; "
            "lower one of them so that the product is below 1"
        )
    rate, shown_step = lr, float(step)
    if not group["bias_correction"]:
        shown_step = math.inf
    elif group["eps_place"] == "before":
        beta1, beta2 = group["betas"]
        shown_step = math.inf
        rate *= math.sqrt(1.0 - beta2**step) / (1.0 - beta1**step)
    if group["decay"] == "updated":
        rate *= 1.0 - share
    if rate == lr:  # also keeps the exact bits of torch.optim.AdamW
        return lr, weight_decay, shown_step
    return rate, share / rate, shown_step


def _check_options(group: dict[str, Any]) -> None:
    """Raise UserError for an option outside its range; ``not (...)`` so that NaN is refused too."""
    beta1, beta2 = group["betas"]
    for name, value, low, high in (
        ("lr", group["lr"], 0.0, math.inf),
        ("betas[0]", beta1, 0.0, 1.0),
        ("betas[1]", beta2, 0.0, 1.0),
        ("eps", group["eps"], 0.0, math.inf),
        ("weight_decay", group["weight_decay"], 0.0, math.inf),
    ):
        if isinstance(value, Tensor) or not (low <= value < high):
            bound = f" and below {high:g}" if high < math.inf else ""
            raise UserError(f"AdamW: {name} = {value!r} is not valid; it must be a number of at least {low:g}{bound}")
    if group["decay"] not in ("updated", "old"):
        raise unknown("value of decay", group["decay"], ("updated", "old"), where="AdamW")
    if group["eps_place"] not in ("before", "after"):
        raise unknown("value of eps_place", group["eps_place"], ("before", "after"), where="AdamW")
