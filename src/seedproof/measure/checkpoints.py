"""Fine-tuned models as they are given to a measurement: a folder that Transformers wrote, or a model in memory.

What is given is never changed: a model in memory is copied before anything is done with it.
"""

from __future__ import annotations

import copy
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch

from seedproof.errors import UserError
from seedproof.models.checkpoint import knows_sdpa, load_weights, open_configuration
from seedproof.models.loading import load_classifier
from seedproof.models.source import ModelSource, check_weights
from seedproof.spec import content_hash

if TYPE_CHECKING:
    from transformers import PreTrainedModel

Checkpoint = "str | os.PathLike[str] | PreTrainedModel"
"""A folder in Transformers' layout (it needs no tokenizer), or a model."""

# What decides the architecture beyond the shapes of the parameters; ALBERT's depth shows in no shape.
_ARCHITECTURE = (
    "model_type",
    "num_hidden_layers",
    "hidden_size",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "embedding_size",
    "num_hidden_groups",
    "vocab_size",
    "max_position_embeddings",
)


def saved_model(folder: str | os.PathLike[str], role: str) -> ModelSource:
    """The folder of a fine-tuned model, checked for what ``save_pretrained`` writes.

    Args:
        folder: the folder.
        role: what the model is to the measurement, for messages: ``fine-tuned``, ``failed``, ...

    Raises:
        UserError: no such folder, no configuration or no safetensors file in it.
    """
    path = Path(folder).expanduser()
    what = f"the {role} model {os.fspath(folder)!r}"
    if not path.is_dir():
        raise UserError(f"{what} is no folder; give the folder that save_pretrained wrote")
    source = ModelSource(os.fspath(folder), path.resolve())
    check_weights(source, what)
    return source


def fingerprint(checkpoint: Any, role: str) -> str:
    """A hash of a model's configuration and weights.

    Raises:
        UserError: as :func:`saved_model`.
    """
    if isinstance(checkpoint, (str, os.PathLike)):
        return saved_model(checkpoint, role).fingerprint
    ignored = ("transformers_version", "_name_or_path", "dtype")
    config = {key: value for key, value in checkpoint.config.to_dict().items() if key not in ignored}
    hashes = {name: _tensor_hash(value) for name, value in sorted(checkpoint.state_dict().items())}
    return content_hash({"config": config, "tensors": hashes})


def encoder_of(checkpoint: Any, role: str) -> PreTrainedModel:
    """A private fp32 copy of a model's encoder, without its head.

    Raises:
        UserError: as :func:`saved_model`, or the weights are not those of the encoder that the configuration names.
    """
    from transformers import AutoModel

    if not isinstance(checkpoint, (str, os.PathLike)):
        return cast("PreTrainedModel", copy.deepcopy(checkpoint.base_model).float())
    source = saved_model(checkpoint, role)
    model, info = load_as(AutoModel, source)
    # A classifier may have no pooler, and the encoder by itself one that it does not need.
    missing = sorted(name for name in info["missing_keys"] if not name.startswith("pooler"))
    if missing:
        raise UserError(
            f"the {role} model in {source.folder} lacks {len(missing)} parameters of a {source.family} encoder, for one "
            f"{missing[0]!r}; save it again with save_pretrained"
        )
    return model


def classifier_of(
    checkpoint: Any, role: str, *, labels: int, problem_type: str, classes: Sequence[str] = ()
) -> PreTrainedModel:
    """A private fp32 copy of a fine-tuned classifier with its head.

    Raises:
        UserError: as :func:`saved_model`, the head is missing or has another number of outputs, or a weight is not finite.
    """
    if not isinstance(checkpoint, (str, os.PathLike)):
        model, where = cast("PreTrainedModel", copy.deepcopy(checkpoint).float()), "given"
    else:
        source = saved_model(checkpoint, role)
        loaded = load_classifier(source, labels=labels, problem_type=problem_type, classes=classes, head_seed=0)
        model, where = loaded.model, f"in {source.folder}"
        if loaded.missing:
            raise UserError(
                f"the {role} model {where} has no head with {labels} outputs (for one, {loaded.missing[0]!r} is missing or of "
                "another size); give a model that was fine-tuned on this task"
            )
    for name, value in model.named_parameters():
        if not bool(torch.isfinite(value).all()):
            raise UserError(
                f"the {role} model {where} diverged: its weight {name!r} is not finite, so it spans no plane; choose another run"
            )
    return model


def check_same_architecture(models: Mapping[str, PreTrainedModel]) -> None:
    """Refuse models that are not points of one space of parameters.

    Args:
        models: by what each is called in the message, the first is what the others are compared with.

    Raises:
        UserError: names the two models and what differs.
    """
    (first_name, first), *others = models.items()
    for name, other in others:
        difference = _config_difference(first, other) or _shape_difference(first, other)
        if difference:
            raise UserError(
                f"the {first_name} and the {name} model have different architectures ({difference}); "
                "give models that were fine-tuned from the same pre-trained one"
            )


def load_as(classes: Any, source: ModelSource) -> tuple[PreTrainedModel, dict[str, Any]]:
    """Load a model in fp32 by one of Transformers' auto classes, with PyTorch's attention where it knows it, and say what was
    missing.

    Raises:
        UserError: Transformers cannot.
    """
    config = open_configuration(source)
    options = {"attn_implementation": "sdpa"} if knows_sdpa(classes, config) else {}
    return load_weights(classes, config, source, **options)


def _config_difference(first: PreTrainedModel, other: PreTrainedModel) -> str:
    for key in _ARCHITECTURE:
        one, two = (getattr(model.config, key, None) for model in (first, other))
        if one != two:
            return f"{key} {one!r} against {two!r}"
    return ""


def _shape_difference(first: PreTrainedModel, other: PreTrainedModel) -> str:
    one, two = ({name: tuple(value.shape) for name, value in model.named_parameters()} for model in (first, other))
    for name in sorted({*one, *two}):
        if one.get(name) != two.get(name):
            return f"{name}: {one.get(name, 'missing')} against {two.get(name, 'missing')}"
    return ""


def _tensor_hash(value: torch.Tensor) -> str:
    array = value.detach().float().cpu().contiguous().numpy()
    return hashlib.sha256(f"{tuple(array.shape)}".encode() + array.tobytes()).hexdigest()
