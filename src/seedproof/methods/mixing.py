"""Mixout (Lee, Cho and Kang 2020, arXiv 1909.11299): while training, mix the weights with those they started from.

With m ~ Bernoulli(1 - p), a target weight T (the pre-trained one) and a weight W, a layer computes with

    W_mix = ((1 - m) T + m W - p T) / (1 - p)  =  T + m / (1 - p) * (W - T),

whose expectation is W: dropout of the distance from T, and plain dropout of the weights where T = 0. As in the authors'
code the mask is drawn for one row and repeated over all output rows: it drops *input columns*, not single weights.
Which layers they mixed is told by the flow of data; other codes mix every linear layer. Both are here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from seedproof.errors import UserError, unknown
from seedproof.methods.flow import CannotPass, products
from seedproof.models import facts

if TYPE_CHECKING:
    from seedproof.models.source import ModelSource

Where = Literal["lee", "linear"]
Covers = Literal["names", "flow"]

# How the layers that take the output of a dropout were told before the flow of data was followed: by these names, which
# miss ALBERT's and ELECTRA's projection of the embeddings and much of other families.
_AFTER_DROPOUT = re.compile(
    r"""(
      attention\.self\.(query|key|value)(_proj)?   # BERT, RoBERTa, ELECTRA, DeBERTa
    | attention\.output\.dense
    | intermediate\.dense
    | pooler\.dense
    | attention\.(query|key|value|dense)           # ALBERT
    | albert_layers\.\d+\.ffn
    | pooler
    | attention\.(q|k|v|out)_lin                   # DistilBERT
    | ffn\.lin1
    )$""",
    re.VERBOSE,
)


def mixout(
    weight: Tensor,
    target: Tensor,
    p: float,
    *,
    training: bool = True,
    generator: torch.Generator | None = None,
    legacy_gradient: bool = False,
) -> Tensor:
    """Mix ``weight`` with ``target``, column by column.

    Args:
        weight: Shape (out, in), or any shape: one mask value for each entry in ``weight[0]`` (each entry of a vector).
        target: Same shape, a constant: no gradient flows to it.
        p: Probability, in [0, 1), that a column is replaced by the target's. 0 returns ``weight`` itself.
        training: False returns ``weight`` itself.
        generator: Source of the mask, on the weight's device; None is the device's default generator, as for dropout.
        legacy_gradient: The gradient with respect to ``weight`` is m / (1 - p) times that of the result. True leaves
            out the 1 / (1 - p), as the authors' code does (ten times smaller at p = .9).

    Returns:
        The mixed weight, same shape and dtype as ``weight``; its expectation over masks is ``weight``.

    Raises:
        UserError: ``p`` is not in [0, 1), or the shapes differ.
    """
    _check_p(p)
    if target.shape != weight.shape:
        raise UserError(
            f"mixout: target has shape {tuple(target.shape)}, weight {tuple(weight.shape)}; give equal ones"
        )
    if not training or p == 0.0:
        return weight
    columns = weight.shape[1:] if weight.dim() > 1 else weight.shape
    mask = torch.empty(columns, dtype=weight.dtype, device=weight.device).bernoulli_(1.0 - p, generator=generator)
    target = target.detach()
    if legacy_gradient:
        legacy: Tensor = _LegacyMix.apply(weight, target, mask, p)  # type: ignore[no-untyped-call]
        return legacy
    return _mix(weight, target, mask, p)


class MixLinear(nn.Linear):
    """A linear layer that trains with mixed weights; its state has the names of a stock ``nn.Linear``.

    Made in place by :meth:`convert`, never constructed. In evaluation mode it is a plain ``nn.Linear``.
    """

    target: Tensor
    """Shape (out, in). A buffer that is not saved: it is derived from the pre-trained model again."""
    p: float
    legacy_gradient: bool

    @staticmethod
    def convert(layer: nn.Linear, target: Tensor, p: float, *, legacy_gradient: bool) -> None:
        """Turn ``layer`` into a MixLinear without touching its parameters, hooks or place in the model."""
        layer.__class__ = MixLinear
        layer.register_buffer("target", target, persistent=False)
        layer.p = p  # type: ignore[assignment]
        layer.legacy_gradient = legacy_gradient  # type: ignore[assignment]

    def forward(self, input: Tensor) -> Tensor:
        """Shapes (..., in) -> (..., out); draws one mask, from the default generator of the device."""
        legacy = self.legacy_gradient
        weight = mixout(self.weight, self.target, self.p, training=self.training, legacy_gradient=legacy)
        return nn.functional.linear(input, weight, self.bias)


def apply_mixout(
    model: nn.Module, p: float, *, where: Where = "lee", legacy_gradient: bool = False, covers: Covers = "flow"
) -> tuple[str, ...]:
    """Make a sequence-classification model of Transformers train with Mixout; changes it in place.

    Call it when the model holds the weights to mix toward, before training (and before loading a checkpoint of this
    fine-tuning). Biases, LayerNorms and embeddings are not mixed. Dropout is left as it is: Mixout takes its place, so
    set the configuration's dropout probabilities to 0.

    Args:
        model: Any ``...ForSequenceClassification``; the encoder is found by its ``base_model_prefix``.
        p: Probability in [0, 1).
        where: ``"lee"``: the layers that take the output of a dropout (see :mod:`seedproof.methods.flow`), toward their
            weights now, and those of the head; its last toward 0. ``"linear"``: every ``nn.Linear``, toward its weights now.
        legacy_gradient: See :func:`mixout`.
        covers: How the layers are told: by the ``"flow"`` of a text through the model, or by the ``"names"`` that were known
            when stores began.

    Returns:
        The names of the layers that are mixed, in the model's order.

    Raises:
        UserError: ``p`` or ``where`` is not valid, or the model has no layer to mix, or has matrices among those to mix that
            are not those of an ``nn.Linear``.
    """
    _check_p(p)
    chosen = mixed_layers(model, where=where, covers=covers)
    layers = dict(model.named_modules())
    last = [name for name in chosen if not name.startswith(_prefix(model))][-1]
    for name in chosen:
        layer = layers[name]
        assert isinstance(layer, nn.Linear)
        weight = layer.weight.detach()
        target = torch.zeros_like(weight) if where == "lee" and name == last else weight.clone()
        MixLinear.convert(layer, target, p, legacy_gradient=legacy_gradient)
    return chosen


def mixed_layers(model: nn.Module, *, where: Where = "lee", covers: Covers = "flow") -> tuple[str, ...]:
    """The names of the layers that :func:`apply_mixout` mixes, in the model's order; a model without weights will do.

    Raises:
        UserError: as :func:`apply_mixout`.
    """
    if where not in ("lee", "linear"):
        raise unknown("value of where", where, ("lee", "linear"), where="apply_mixout")
    layers = [name for name, module in model.named_modules() if type(module) is nn.Linear]
    head = [name for name in layers if not name.startswith(_prefix(model))]
    encoder = [name for name in layers if name.startswith(_prefix(model))]
    if covers == "flow":
        dropped = _mixable(model, where)
        encoder = encoder if where == "linear" else [name for name in encoder if name in dropped]
    elif where == "lee":
        encoder = [name for name in encoder if _AFTER_DROPOUT.search(name)]
    if not encoder or not head:
        part = "head" if encoder else "encoder"
        raise UserError(
            f"mixout: found no linear layers to mix (where={where!r}) in the {part} of {type(model).__name__}; "
            "choose another recipe for this model"
            + (", or mixout-linear, which mixes every linear layer" if head and where == "lee" else "")
        )
    return tuple(name for name in layers if name in {*encoder, *head})


def _prefix(model: nn.Module) -> str:
    return f"{getattr(model, 'base_model_prefix', '')}."


def _mixable(model: nn.Module, where: Where) -> set[str]:
    """The layers that take a dropout's output.

    Raises:
        UserError: some of what is to be mixed cannot be: a part alone would not be Mixout.
    """
    seen = [product for product in products(model) if where == "linear" or product.after_dropout]
    other = list(dict.fromkeys(f"{each.module}.{each.parameter}" for each in seen if not each.is_linear))
    if other:
        what = "matrices" if where == "linear" else "matrices that take a dropout's output"
        whole = len({(each.module, each.parameter) for each in seen})
        raise UserError(
            f"mixout: {len(other)} of the {whole} {what} in {type(model).__name__} are not those of an nn.Linear "
            f"({', '.join(other[:3])}{', ...' if len(other) > 3 else ''}), and mixing the others alone would not be Mixout; "
            "choose another recipe for this model"
        )
    return {each.module for each in seen}


def _mix(weight: Tensor, target: Tensor, mask: Tensor, p: float) -> Tensor:
    """T + m / (1 - p) (W - T): unlike the formula with three terms, exactly T where W = T."""
    return torch.addcmul(target, mask / (1.0 - p), weight - target)


class _LegacyMix(torch.autograd.Function):
    """The same mixture with the gradient of the authors' code: the mask alone."""

    generate_vmap_rule = True

    @staticmethod
    def forward(weight: Tensor, target: Tensor, mask: Tensor, p: float) -> Tensor:
        return _mix(weight, target, mask, p)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Tensor, float], output: Tensor) -> None:  # noqa: ARG004
        ctx.save_for_backward(inputs[2])

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        (mask,) = ctx.saved_tensors
        return gradient * mask, None, None, None


def _check_p(p: float) -> None:
    if not 0.0 <= p < 1.0:
        raise UserError(f"mixout: p = {p!r} is not valid; it must be at least 0 and below 1")


def layers_mixed_in(source: ModelSource, where: Where, covers: Covers) -> tuple[str, ...]:
    """The layers that Mixout mixes in a model, see :func:`mixed_layers`.

    Raises:
        UserError: they cannot be told, or some of what is to be mixed cannot be.
    """
    try:
        return mixed_layers(facts.skeleton(source), where=where, covers=covers)
    except CannotPass:  # some models ask for numbers on their way
        return mixed_layers(facts.build(source.folder, "cpu"), where=where, covers=covers)
