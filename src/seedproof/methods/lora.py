"""LoRA: matrices of the encoder stay as pre-trained, and low-rank updates of them are trained; so are pooler and head, whole.

Hu et al. 2021 (arXiv 2106.09685, equation 3): a matrix W (out, in) acts as W + (alpha / r) B A with A (r, in) and B (out, r). A
begins as PEFT draws it (Kaiming uniform, from the run's head seed), B at zero, so the first step starts from the
pre-trained model. Everything else of the encoder stands still. Dropout, if any, is on the input of A.

PEFT's own default for classification trains the modules ``classifier`` and ``score`` alone. A head of two layers
(RoBERTa, DistilBERT, DeBERTa), or a pooler that the checkpoint does not have, is then drawn at random, frozen and not saved
with the adapter. Here all that lies behind the encoder is trained, and saved with it.

When a run ends the updates are merged into the matrices, so that kept weights are a stock model; beside them, in
``weights/adapter``, lies the adapter with its head as PEFT reads it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

from seedproof.errors import UserError, unknown
from seedproof.fields import Count, Fraction, Name, Positive
from seedproof.methods.base import Composed, Method, Start, Treatment
from seedproof.models.layers import JOINED, locate

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from seedproof.recipes import Recipe

_ADAPTER = "default"
"""PEFT's name for the only adapter of a model."""
_ALL = "all"
_PARTS_OF_JOINED = ("query", "key", "value")


@dataclass(frozen=True, kw_only=True)
class LoRA(Method):
    """Low-rank updates by PEFT (Hu et al. 2021; see the module for the rule)."""

    name: ClassVar[str] = "lora"
    description: ClassVar[str] = (
        "train low-rank updates of some matrices, head and pooler whole (Hu et al. 2021, arXiv 2106.09685; needs peft)"
    )
    owns: ClassVar[frozenset[str]] = frozenset(
        (
            "which weights are trained",
            "the matrices of the forward pass",
            "toward what a weight decays",
            "the start weights",
        )
    )

    rank: Count = 8
    """r, the rank of an update."""
    alpha: Positive = 16.0
    """An update is scaled by alpha / r."""
    targets: Name = "query,value"
    """Which matrices: kinds of weights (query, key, value, attention output, intermediate, output) or names of the model's own
    modules, with commas between; or all of the encoder's."""
    dropout: Fraction = 0.0
    """Dropout of the input of an update, beside the model's own."""

    def check(self, recipe: Recipe) -> None:
        """Refuse to begin without PEFT."""
        if find_spec("peft") is None:
            raise UserError(
                f"the method 'lora' of recipe {recipe.name!r} needs the package peft, which is not installed; install it: "
                "pip install 'seedproof[lora]'"
            )

    def check_model(self, model: nn.Module) -> None:
        """Refuse targets that the model does not have."""
        self.matrices(model)

    def matrices(self, model: nn.Module) -> dict[str, nn.Linear]:
        """The matrices that are updated, by the names of their modules.

        Raises:
            UserError: a target is neither a kind of weight of this model nor one of its modules; all that there are, are named.
        """
        found = _linear_layers(model)
        words = [word.strip() for word in self.targets.split(",")]
        if words == [_ALL] and found:
            return found
        meant = {name: _meant_by(name) for name in found}
        for word in words:
            if not any(word in names for names in meant.values()):
                allowed = dict.fromkeys(each for names in meant.values() for each in names)
                raise unknown(
                    "target", word, [*allowed, _ALL], where=f"lora, of the linear layers of {type(model).__name__}"
                )
        return {name: layer for name, layer in found.items() if set(words) & set(meant[name])}

    def notes(self, model: nn.Module) -> list[str]:
        """How much is trained."""
        matrices, whole = self.matrices(model), _behind_encoder(model)
        own = sum(self.rank * (layer.in_features + layer.out_features) for layer in matrices.values())
        own += sum(value.numel() for value in whole.values())
        total = sum(value.numel() for value in model.parameters())
        return [
            f"trains {own:,} numbers where the model has {total:,}: updates of rank {self.rank} of {len(matrices)} matrices, and "
            f"{', '.join(_modules(whole))} whole; kept weights are the model merged, with the adapter beside it"
        ]

    def start(self, start: Start) -> Treatment:
        """Put updates beside the matrices, and freeze what stays as pre-trained."""
        from peft import LoraConfig, inject_adapter_in_model

        model, matrices = start.model, self.matrices(start.model)
        names, whole = [name for name, _ in model.named_parameters()], _behind_encoder(model)
        settings = {"r": self.rank, "lora_alpha": self.alpha, "lora_dropout": self.dropout}
        inject_adapter_in_model(LoraConfig(target_modules=list(matrices), **settings), model)
        for value in whole.values():
            value.requires_grad_(True)
        base: Any = model.config
        named = str(base.name_or_path or "")
        kept = LoraConfig(
            target_modules=list(matrices),
            modules_to_save=_modules(whole),
            task_type="SEQ_CLS",
            base_model_name_or_path=None if named in ("", "None") else named,  # Transformers writes an absent name so
            inference_mode=True,
            **settings,
        )
        return _Adapted(model, list(matrices), [name for name in names if name not in whole], whole, kept)


class _Adapted(Treatment):
    """A model with updates beside some matrices."""

    def __init__(
        self, model: nn.Module, matrices: Sequence[str], encoder: Sequence[str], whole: Mapping[str, Tensor], kept: Any
    ) -> None:
        self._model, self._matrices, self._whole, self._kept = model, matrices, list(whole), kept
        self._adapter: dict[str, Tensor] = {}
        self.composed = {name: self._composed(name) for name in encoder}

    def _composed(self, name: str) -> Composed:
        """A parameter of the stock encoder: an updated matrix, or one that stands still."""
        module, _, part = name.rpartition(".")
        if module not in self._matrices:
            return Composed(value=self._model.get_parameter(name).detach)
        layer: Any = self._model.get_submodule(module)
        value = getattr(layer.base_layer, part)
        if part != "weight":
            return Composed(value=value.detach)
        factors = (layer.lora_A[_ADAPTER].weight, layer.lora_B[_ADAPTER].weight)
        return Composed(value=lambda: (value + layer.get_delta_weight(_ADAPTER)).detach(), parts=factors)

    def finish(self) -> None:
        """Keep the adapter apart, and merge it: the model is a stock one again."""
        prefix = "base_model.model"
        for name in self._matrices:
            layer: Any = self._model.get_submodule(name)
            for factor in ("lora_A", "lora_B"):
                weight = getattr(layer, factor)[_ADAPTER].weight
                self._adapter[f"{prefix}.{name}.{factor}.weight"] = weight.detach().clone().contiguous()
            layer.merge()
            self._model.set_submodule(name, layer.get_base_layer())
        own = dict(self._model.named_parameters())
        self._adapter |= {f"{prefix}.{name}": own[name].detach().clone().contiguous() for name in self._whole}
        for value in own.values():
            value.requires_grad_(True)

    def write(self, folder: Path) -> None:
        """The adapter and its head, as ``PeftModel.from_pretrained`` reads them."""
        from safetensors.torch import save_file

        self._kept.save_pretrained(str(folder / "adapter"))
        save_file(
            {name: value.cpu() for name, value in self._adapter.items()},
            folder / "adapter" / "adapter_model.safetensors",
        )


def _linear_layers(model: nn.Module) -> dict[str, nn.Linear]:
    """The linear layers of the encoder, by name."""
    from torch.nn import Linear

    whole = _behind_encoder(model)
    return {
        name: module
        for name, module in model.named_modules()
        if type(module) is Linear and f"{name}.weight" not in whole
    }


def _meant_by(name: str) -> list[str]:
    """The words that mean a layer: its kind, if one matrix is several all of theirs, and the last part of its name."""
    kind = locate(f"{name}.weight").kind
    kinds = [*_PARTS_OF_JOINED] if kind == JOINED else [kind]
    return list(dict.fromkeys([*kinds, name.rpartition(".")[2]]))


def _behind_encoder(model: nn.Module) -> dict[str, Tensor]:
    """Parameters of pooler and head, by name."""
    prefix = f"{model.base_model_prefix}."
    return {
        name: value
        for name, value in model.named_parameters()
        if not name.startswith(prefix) or "pooler" in name.split(".")
    }


def _modules(names: Mapping[str, Tensor]) -> list[str]:
    """The outermost modules of such parameters: ``bert.pooler``, ``classifier``."""
    found = []
    for name in names:
        parts = name.split(".")
        found.append(".".join(parts[: parts.index("pooler") + 1]) if "pooler" in parts else parts[0])
    return list(dict.fromkeys(found))
