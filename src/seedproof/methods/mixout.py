"""Mixout (Lee, Cho and Kang 2020, arXiv 1909.11299): weights mixed with the pre-trained ones, in place of dropout.

The computation is in :mod:`seedproof.methods.mixing`. Which layers are mixed follows the flow of data and could not be
checked against the authors' configuration.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from seedproof.errors import UserError
from seedproof.fields import Fraction
from seedproof.methods.base import Effects, Method, Mixture, Start, Treatment

if TYPE_CHECKING:
    from torch import nn

    from seedproof.models.source import ModelSource

_NAMED = 4
"""Kinds of layers that a note names."""


@dataclass(frozen=True, kw_only=True)
class Mixout(Method):
    """Training with Mixout; see :func:`seedproof.methods.mixing.apply_mixout`."""

    name: ClassVar[str] = "mixout"
    description: ClassVar[str] = (
        "mix weights with the pre-trained ones, column by column (Lee et al. 2020, arXiv 1909.11299)"
    )
    in_fleet: ClassVar[bool] = True
    inline: ClassVar[bool] = True
    owns: ClassVar[frozenset[str]] = frozenset(("the matrices of the forward pass",))
    ADDED: ClassVar[Mapping[str, Any]] = MappingProxyType({"covers": "names", "starts": "written"})

    p: Fraction = 0.9
    """Probability that a column of weights is replaced by the pre-trained one."""
    where: Literal["lee", "linear"] = "lee"
    """Lee et al.'s layers, the head toward 0; or every linear layer, the head toward its initial weights."""
    legacy_gradient: bool = False
    """True leaves 1 / (1 - p) out of the gradient, as the authors' code does."""
    covers: Literal["names", "flow"] | None = None
    """How Lee et al.'s layers are told: by the flow of a text through the model; or by names that miss some (ALBERT's
    projection of its embeddings), as before. None: ``flow`` where the two differ."""
    starts: Literal["written", "last"] | None = None
    """When it begins, and so toward which weights it mixes: behind the methods that draw weights anew, wherever it is written;
    or where it is written, as before, which pulls what is drawn behind it to what was there. None: ``last`` where they differ."""

    def start(self, start: Start) -> Treatment:
        """Make the model's linear layers mix while training."""
        from seedproof.methods.mixing import MixLinear, apply_mixout

        covers = self.covers or "flow"
        apply_mixout(start.model, self.p, where=self.where, legacy_gradient=self.legacy_gradient, covers=covers)
        treatment = Treatment()
        treatment.effects = Effects(
            mixtures={
                name: Mixture(target=module.target, p=module.p, legacy_gradient=module.legacy_gradient)
                for name, module in start.model.named_modules()
                if isinstance(module, MixLinear)
            }
        )
        return treatment

    def right_values(self, source: ModelSource) -> Mapping[str, Any]:
        """Whether following the flow of data mixes other layers than the names do: then it is followed."""
        from seedproof.methods.mixing import layers_mixed_in

        right = layers_mixed_in(source, self.where, "flow")
        try:
            same = right == layers_mixed_in(source, self.where, "names")
        except UserError:  # no layer has such a name
            same = False
        return {} if same else {"covers": "flow"}

    def right_beside(self, methods: Sequence[Method]) -> Mapping[str, Any]:
        """Whether a method that draws weights anew is written behind it: then it waits for that one."""
        behind = methods[list(methods).index(self) + 1 :]
        return {"starts": "last"} if any(type(each).redraws is not Method.redraws for each in behind) else {}

    @property
    def starts_last(self) -> bool:
        """Whether it starts behind the methods that draw weights anew, as :attr:`starts` says."""
        return self.starts == "last"

    def notes(self, model: nn.Module) -> list[str]:
        """Which layers are mixed."""
        from torch.nn import Linear

        from seedproof.methods.mixing import mixed_layers

        mixed = mixed_layers(model, where=self.where, covers=self.covers or "flow")
        layers = [name for name, module in model.named_modules() if isinstance(module, Linear)]
        kinds = list(dict.fromkeys(re.sub(r"\.\d+\b", "", name) for name in layers if name not in mixed))
        more = f" and {len(kinds) - _NAMED} more" if len(kinds) > _NAMED else ""
        left = f"; left as they are: {', '.join(kinds[:_NAMED])}{more}" if kinds else ""
        return [f"mixes {len(mixed)} of {len(layers)} linear layers{left}"]
