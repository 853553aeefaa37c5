"""AdamW: equal to PyTorch's where it should be, and to the codes that papers used, written out plainly."""

from __future__ import annotations

import copy
import itertools
import math

import pytest
import torch
from torch import Tensor

from seedproof.errors import UserError
from seedproof.training.optimizer import AdamW, clip_each_tensor

IMPLEMENTATIONS = {"single": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}, "default": {}}
implementations = pytest.mark.parametrize("implementation", IMPLEMENTATIONS.values(), ids=IMPLEMENTATIONS)
SHAPES = ((3, 5), (7,), (2, 2, 2))
STEPS = 40


def parameters(dtype: torch.dtype = torch.float64) -> list[torch.nn.Parameter]:
    generator = torch.Generator().manual_seed(3)
    return [torch.nn.Parameter(torch.randn(shape, generator=generator, dtype=dtype)) for shape in SHAPES]


def gradients(step: int, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Gradients over a wide range of sizes, so that eps and the corrections all matter."""
    generator = torch.Generator().manual_seed(1000 + step)
    scale = 10.0 ** (-(step % 7))
    return [scale * torch.randn(shape, generator=generator, dtype=dtype) for shape in SHAPES]


def learning_rate(step: int) -> float:
    return 0.05 * (step % 9) / 9  # also 0


def train(optimizer: torch.optim.Optimizer, weights: list[torch.nn.Parameter], steps: range) -> None:
    for step in steps:
        for weight, gradient in zip(weights, gradients(step, weights[0].dtype), strict=True):
            weight.grad = gradient.clone()
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        optimizer.step()


def plain_step(  # the definition, one tensor at a time
    weight: Tensor, gradient: Tensor, state: dict[str, Tensor], step: int, lr: float, options: dict[str, object]
) -> None:
    """The four formulas of the module's docstring, with beta (.9, .99), eps 1e-3 and weight decay .1."""
    beta1, beta2, eps, weight_decay = 0.9, 0.99, 1e-3, 0.1
    state["m"] = beta1 * state["m"] + (1 - beta1) * gradient
    state["v"] = beta2 * state["v"] + (1 - beta2) * gradient**2
    m, root = state["m"], state["v"].sqrt()
    if not options["bias_correction"]:
        update = m / (root + eps)
    elif options["eps_place"] == "before":
        update = math.sqrt(1 - beta2**step) / (1 - beta1**step) * m / (root + eps)
    else:
        update = (m / (1 - beta1**step)) / (root / math.sqrt(1 - beta2**step) + eps)
    if options["decay"] == "old":
        weight.copy_(weight - lr * weight_decay * weight - lr * update)
    else:
        weight.copy_((weight - lr * update) * (1 - lr * weight_decay))


@implementations
def test_equals_torch_adamw_bit_for_bit(implementation: dict[str, bool]) -> None:
    """The promise of decay="old", eps_place="after": same bits, over steps, groups and changing learning rates."""
    ours, theirs = parameters(torch.float32), parameters(torch.float32)

    def groups(weights: list[torch.nn.Parameter]) -> list[dict[str, object]]:
        return [{"params": weights[:2], "weight_decay": 0.1}, {"params": weights[2:], "weight_decay": 0.0}]

    options = {"lr": 1.0, "betas": (0.9, 0.98), "eps": 1e-6, **implementation}
    optimizer = AdamW(groups(ours), decay="old", eps_place="after", **options)
    reference = torch.optim.AdamW(groups(theirs), **options)
    for steps in itertools.pairwise(range(0, STEPS + 1, 10)):
        train(optimizer, ours, range(*steps))
        train(reference, theirs, range(*steps))
        for our, their in zip(ours, theirs, strict=True):
            assert torch.equal(our, their)
            for key in ("exp_avg", "exp_avg_sq"):
                assert torch.equal(optimizer.state[our][key], reference.state[their][key])


@implementations
@pytest.mark.parametrize("bias_correction", [True, False])
@pytest.mark.parametrize("decay", ["updated", "old"])
@pytest.mark.parametrize("eps_place", ["before", "after"])
def test_every_combination_equals_its_formula(
    implementation: dict[str, bool], bias_correction: bool, decay: str, eps_place: str
) -> None:
    """Guards the change of variables that lets PyTorch's kernels compute each variant."""
    choices = {"bias_correction": bias_correction, "decay": decay, "eps_place": eps_place}
    ours, plain = parameters(), [weight.detach().clone() for weight in parameters()]
    states = [{"m": torch.zeros_like(weight), "v": torch.zeros_like(weight)} for weight in plain]
    train(AdamW(ours, 1.0, (0.9, 0.99), 1e-3, 0.1, **choices, **implementation), ours, range(STEPS))
    for step in range(STEPS):
        for weight, gradient, state in zip(plain, gradients(step), states, strict=True):
            plain_step(weight, gradient, state, step + 1, learning_rate(step), choices)
    for our, expected in zip(ours, plain, strict=True):
        torch.testing.assert_close(our.detach(), expected, rtol=1e-9, atol=1e-12)


@implementations
@pytest.mark.parametrize("correct_bias", [True, False])
def test_defaults_are_the_adamw_of_transformers_2(implementation: dict[str, bool], correct_bias: bool) -> None:
    """The optimizer of the paper's code, line by line as Transformers 2.x had it."""
    beta1, beta2, eps, weight_decay = 0.9, 0.999, 1e-6, 0.01
    ours, plain = parameters(), [weight.detach().clone() for weight in parameters()]
    train(AdamW(ours, bias_correction=correct_bias, **implementation), ours, range(STEPS))
    averages, squares = [torch.zeros_like(w) for w in plain], [torch.zeros_like(w) for w in plain]
    for step in range(STEPS):
        lr = learning_rate(step)
        for p, gradient, exp_avg, exp_avg_sq in zip(plain, gradients(step), averages, squares, strict=True):
            exp_avg.mul_(beta1).add_(gradient, alpha=1.0 - beta1)
            exp_avg_sq.mul_(beta2).addcmul_(gradient, gradient, value=1.0 - beta2)
            denominator = exp_avg_sq.sqrt().add_(eps)
            step_size = lr
            if correct_bias:
                step_size = step_size * math.sqrt(1.0 - beta2 ** (step + 1)) / (1.0 - beta1 ** (step + 1))
            p.addcdiv_(exp_avg, denominator, value=-step_size)
            p.add_(p, alpha=-lr * weight_decay)
    for our, expected in zip(ours, plain, strict=True):
        torch.testing.assert_close(our.detach(), expected, rtol=1e-9, atol=1e-12)


@implementations
def test_clip_each_tensor_and_old_decay_are_bert_adam(implementation: dict[str, bool]) -> None:
    """The early PyTorch BertAdam: each tensor clipped inside the step, decay added to the update, no correction."""
    ours, plain = parameters(), [weight.detach().clone() for weight in parameters()]
    optimizer = AdamW(ours, bias_correction=False, decay="old", **implementation)
    averages, squares = [torch.zeros_like(w) for w in plain], [torch.zeros_like(w) for w in plain]
    for step in range(STEPS):
        lr = learning_rate(step)
        for weight, gradient in zip(ours, gradients(step), strict=True):
            weight.grad = gradient.clone()
        optimizer.param_groups[0]["lr"] = lr
        clip_each_tensor(ours, 1.0)
        optimizer.step()
        for p, gradient, next_m, next_v in zip(plain, gradients(step), averages, squares, strict=True):
            coefficient = 1.0 / (gradient.norm().item() + 1e-6)
            clipped = gradient * coefficient if coefficient < 1 else gradient
            next_m.mul_(0.9).add_(clipped, alpha=1 - 0.9)
            next_v.mul_(0.999).addcmul_(clipped, clipped, value=1 - 0.999)
            update = next_m / (next_v.sqrt() + 1e-6)
            update += 0.01 * p
            p.add_(-lr * update)
    for our, expected in zip(ours, plain, strict=True):
        torch.testing.assert_close(our.detach(), expected, rtol=1e-9, atol=1e-12)


@implementations
def test_first_step_in_closed_form(implementation: dict[str, bool]) -> None:
    """Without correction the first step is lr * .1 / sqrt(.001) = 3.16 lr in each weight, with it lr."""
    for bias_correction, factor in ((False, 0.1 / math.sqrt(0.001)), (True, 1.0)):
        weight = torch.nn.Parameter(torch.zeros(4, dtype=torch.float64))
        weight.grad = torch.tensor([1.0, -2.0, 0.5, 0.0], dtype=torch.float64)
        options = {"weight_decay": 0.0, "bias_correction": bias_correction, **implementation}
        AdamW([weight], 1e-3, eps=1e-30, **options).step()
        expected = -1e-3 * factor * torch.tensor([1.0, -1.0, 1.0, 0.0], dtype=torch.float64)
        torch.testing.assert_close(weight.detach(), expected, rtol=1e-12, atol=0)


@implementations
def test_no_correction_is_correction_at_the_rate_over_k(implementation: dict[str, bool]) -> None:
    """The paper's identity, section 3: lr without correction is lr / k(t) with it (decay 0, eps before)."""
    off, on = parameters(), parameters()
    without = AdamW(off, 0.01, weight_decay=0.0, bias_correction=False, **implementation)
    corrected = AdamW(on, 0.01, weight_decay=0.0, **implementation)
    for step in range(1, STEPS):
        k = math.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        corrected.param_groups[0]["lr"] = 0.01 / k
        for weights, optimizer in ((off, without), (on, corrected)):
            for weight, gradient in zip(weights, gradients(step), strict=True):
                weight.grad = gradient
            optimizer.step()
    for one, other in zip(off, on, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)


@implementations
@pytest.mark.parametrize("decay", ["updated", "old"])
def test_decay_uses_the_plain_learning_rate(implementation: dict[str, bool], decay: str) -> None:
    """With a zero gradient only decay moves a weight, by lr * weight_decay, whatever the correction factor."""
    weight = torch.nn.Parameter(torch.full((3,), 2.0, dtype=torch.float64))
    weight.grad = torch.zeros(3, dtype=torch.float64)
    AdamW([weight], 0.1, weight_decay=0.5, decay=decay, **implementation).step()
    torch.testing.assert_close(weight.detach(), torch.full((3,), 1.9, dtype=torch.float64), rtol=1e-14, atol=0)


@implementations
def test_a_parameter_counts_its_own_steps(implementation: dict[str, bool]) -> None:
    """A parameter whose first gradient comes late is corrected as at its first step, as in PyTorch."""
    early, late = (torch.nn.Parameter(torch.zeros(2, dtype=torch.float64)) for _ in range(2))
    optimizer = AdamW([early, late], 1e-3, eps=1e-30, weight_decay=0.0, **implementation)
    early.grad = torch.ones(2, dtype=torch.float64)
    optimizer.step()
    late.grad = torch.ones(2, dtype=torch.float64)
    optimizer.step()
    torch.testing.assert_close(late.detach(), torch.full((2,), -1e-3, dtype=torch.float64), rtol=1e-12, atol=0)
    assert [optimizer.state[weight]["step"] for weight in (early, late)] == [2, 1]


@implementations
def test_parameters_that_take_turns_equal_torch(implementation: dict[str, bool]) -> None:
    """Gradients that come and go within a group: counters kept from the step before must not be mistaken for others."""
    ours, theirs = parameters(torch.float32), parameters(torch.float32)
    pairs = [
        (ours, AdamW(ours, 0.1, decay="old", eps_place="after", **implementation)),
        (theirs, torch.optim.AdamW(theirs, 0.1, eps=1e-6, weight_decay=0.01, **implementation)),
    ]
    for weights, optimizer in pairs:
        for step in range(8):
            for place, (weight, gradient) in enumerate(zip(weights, gradients(step, torch.float32), strict=True)):
                weight.grad = gradient if step % 3 == place else None
            optimizer.step()
    assert all(torch.equal(our, their) for our, their in zip(ours, theirs, strict=True))


@implementations
@pytest.mark.parametrize("bias_correction", [True, False])
def test_a_restored_state_continues_with_the_same_bits(implementation: dict[str, bool], bias_correction: bool) -> None:
    """Resuming a run must not show: the state holds everything, the step count included."""
    straight = parameters(torch.float32)
    options = {"bias_correction": bias_correction, **implementation}
    optimizer = AdamW(straight, **options)
    train(optimizer, straight, range(10))
    saved, weights = copy.deepcopy(optimizer.state_dict()), copy.deepcopy(straight)
    train(optimizer, straight, range(10, 20))
    resumed = AdamW(weights, **options)
    resumed.load_state_dict(saved)
    train(resumed, weights, range(10, 20))
    assert all(torch.equal(one, other) for one, other in zip(straight, weights, strict=True))


def test_a_non_finite_gradient_stays_visible() -> None:
    """A broken run must look broken: neither the step nor the clipping hides NaN."""
    weight = torch.nn.Parameter(torch.ones(2))
    weight.grad = torch.tensor([float("nan"), 1.0])
    assert clip_each_tensor([weight], 1.0).isnan().all()
    AdamW([weight], bias_correction=False).step()
    assert weight.isnan().all()


def test_clip_each_tensor_in_closed_form() -> None:
    """Each tensor on its own: (3, 4) of norm 5 shrinks to norm 1, (.3, .4) stays; norms before clipping come back."""
    long, short, none = (torch.nn.Parameter(torch.zeros(2, dtype=torch.float64)) for _ in range(3))
    long.grad = torch.tensor([3.0, 4.0], dtype=torch.float64)
    short.grad = torch.tensor([0.3, 0.4], dtype=torch.float64)
    norms = clip_each_tensor([long, none, short], 1.0)
    torch.testing.assert_close(norms, torch.tensor([5.0, 0.5], dtype=torch.float64))
    torch.testing.assert_close(long.grad, torch.tensor([0.6, 0.8], dtype=torch.float64), rtol=1e-6, atol=0)
    assert short.grad.tolist() == [0.3, 0.4]
    assert clip_each_tensor([none], 1.0).shape == (0,)


def test_closure_is_evaluated_with_gradients() -> None:
    """As for every PyTorch optimizer: step(closure) returns the closure's loss."""
    weight = torch.nn.Parameter(torch.ones(1))
    optimizer = AdamW([weight], 0.1)

    def closure() -> float:
        loss = (weight**2).sum()
        loss.backward()
        return loss.item()

    assert optimizer.step(closure) == 1.0
    assert weight.item() < 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"lr": -1.0}, "lr = -1.0"),
        ({"lr": float("nan")}, "lr = nan"),
        ({"lr": torch.tensor(0.1)}, "must be a number"),
        ({"betas": (1.0, 0.9)}, r"betas\[0\] = 1.0"),
        ({"betas": (0.9, -0.1)}, r"betas\[1\] = -0.1"),
        ({"eps": float("inf")}, "eps = inf"),
        ({"weight_decay": -0.1}, "weight_decay = -0.1"),
        ({"decay": "update"}, "did you mean 'updated'"),
        ({"eps_place": "behind"}, "one of: before, after"),
    ],
)
def test_bad_options_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        AdamW([torch.nn.Parameter(torch.zeros(1))], **options)


def test_a_bad_group_is_refused_and_not_kept() -> None:
    optimizer = AdamW([torch.nn.Parameter(torch.zeros(1))])
    with pytest.raises(UserError, match="eps = -1"):
        optimizer.add_param_group({"params": [torch.nn.Parameter(torch.zeros(1))], "eps": -1})
    assert len(optimizer.param_groups) == 1


def test_decay_of_whole_weights_is_refused() -> None:
    """At lr * weight_decay >= 1 decay would flip signs, and its kernel form divide by zero."""
    weight = torch.nn.Parameter(torch.ones(1))
    weight.grad = torch.ones(1)
    with pytest.raises(UserError, match="lr \\* weight_decay"):
        AdamW([weight], 1.0, weight_decay=1.0).step()


def test_sparse_gradients_and_two_implementations_are_refused() -> None:
    embedding = torch.nn.Embedding(3, 2, sparse=True)
    embedding(torch.tensor([1])).sum().backward()
    with pytest.raises(RuntimeError, match="sparse"):
        AdamW(embedding.parameters()).step()
    with pytest.raises(RuntimeError, match="foreach and fused"):
        AdamW(embedding.parameters(), foreach=True, fused=True)
