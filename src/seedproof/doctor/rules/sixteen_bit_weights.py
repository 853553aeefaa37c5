"""Weights that are kept in 16 bits while they are trained."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from seedproof.doctor.base import Finding, Rule
from seedproof.doctor.facts import Facts

if TYPE_CHECKING:
    from seedproof.models.source import ModelSource

_SIXTEEN = ("float16", "bfloat16")
_STORED = {"F16": "float16", "BF16": "bfloat16", "F32": "float32", "F64": "float64"}
_LOOKED_AT = 100_000
"""Weights of each tensor that are tried."""


class SixteenBitWeights(Rule):
    """The master weights have 16 bits, in which small updates are rounded away."""

    id = "sixteen-bit-weights"
    severity = "serious"
    what = (
        "The model is trained in 16-bit weights: it is loaded so, turned into them, or its checkpoint has them and "
        'from_pretrained, since Transformers 5, keeps what the checkpoint has (dtype="auto").'
    )
    why = (
        "A step that is smaller than half the distance between two 16-bit numbers is rounded away. With such weights a run "
        "of the cited issue ended at a loss of 1.76 in place of 1.06. Mixed precision (bf16=True) keeps 32-bit weights and is "
        "not meant."
    )
    source = "huggingface/trl issue 3910; Micikevicius et al. 2018, arXiv 1710.03740, section 3.1"
    change = "Load with dtype=torch.float32 and let bf16=True (or fp16=True) choose the precision of the computation."
    needs = ("weights_dtype",)

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding where the weights have 16 bits."""
        dtype, seen = str(facts.value("weights_dtype")), "the weights are"
        if dtype == "auto":
            dtype, seen = stored_dtype(facts.source), f"the checkpoint of {facts.source.name} is"
        if dtype not in _SIXTEEN:
            return
        numbers: dict[str, float] = {}
        rounded = ""
        if facts.model is not None and "learning_rate" in facts.settings:
            rate = float(facts.value("learning_rate"))
            numbers = {"unmoved": _unmoved(facts.model, dtype, rate), "learning rate": rate}
            rounded = (
                f"; a step of the learning rate {rate:g} leaves {numbers['unmoved']:.1%} of its weights where they are"
            )
        yield self.found(f"{seen} {dtype}{rounded}", numbers=numbers, place=facts.place("weights_dtype"))


def stored_dtype(source: ModelSource) -> str:
    """The precision that ``dtype="auto"`` gives: what the configuration says, else that of the first tensor."""
    said = source.config.get("dtype") or source.config.get("torch_dtype")
    if isinstance(said, str):
        return said.removeprefix("torch.")
    from safetensors import safe_open

    with safe_open(source.loaded_files[0], framework="numpy") as file:
        kinds = [file.get_slice(name).get_dtype() for name in file.keys()]  # noqa: SIM118  # no mapping
    return next((_STORED[kind] for kind in kinds if kind in _STORED), "unknown")


def _unmoved(source: ModelSource, dtype: str, rate: float) -> float:
    """Fraction of the weights that neither adding nor subtracting ``rate`` changes, in ``dtype``."""
    import torch
    from safetensors import safe_open

    kind: Any = getattr(torch, dtype)
    total, unmoved = 0, 0.0
    for path in source.loaded_files:
        with safe_open(path, framework="pt") as file:
            for name in file.keys():  # noqa: SIM118  # no mapping
                tensor = file.get_tensor(name)
                if not tensor.is_floating_point():
                    continue
                flat = tensor.flatten()
                weights = flat[:: -(-len(flat) // _LOOKED_AT)].to(kind)
                stays = (weights + rate == weights) & (weights - rate == weights)
                total += len(flat)
                unmoved += float(stays.float().mean()) * len(flat)
    return unmoved / total if total else 0.0
