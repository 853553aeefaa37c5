"""A model's configuration and weights as Transformers' own classes read them: no code of the folder's, no other file.

The configuration is built from ``config.json`` alone and the weights from the files under the model's fingerprint, so
what is computed depends on nothing that the fingerprint does not cover.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.modules.module import register_module_module_registration_hook

from seedproof.errors import UserError, is_out_of_memory
from seedproof.generators import own_generators

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

    from seedproof.models.source import ModelSource

# What a model returns and keeps; training asks for a loss and logits, whatever a configuration says.
_OUTPUTS = {
    "return_dict": True,
    "output_hidden_states": False,
    "output_attentions": False,
    "torchscript": False,
    "use_cache": False,
}
_COUNT = re.compile(r"(layers?|groups?|group_num|blocks?|block_sizes|experts|depths?)$")
MOST_LAYERS, MOST_MODULES = 2000, 20_000
"""Layers of any kind of repeated block, and modules in all; the deepest published encoder has 48 layers of 16."""
MOST_LABELS = 100_000
SPARE_PARAMETERS, SPARE_FACTOR = 100_000_000, 10
"""A model may be so much larger than the file of its weights: a new head, or a drawn embedding."""
_CHECKED: set[tuple[Any, ...]] = set()


def open_configuration(source: ModelSource) -> PreTrainedConfig:
    """The configuration of a model, from ``config.json`` and by Transformers' own class.

    Raises:
        UserError: Transformers does not know the architecture (code that the folder may bring is never run), a value
            does not fit it, or a number is absurd.
    """
    from transformers import CONFIG_MAPPING

    content = source.config
    _check_counts(content, source)
    if content.get("quantization_config") is not None:
        raise UserError(f"{cannot_load(source)}: its weights are quantized; give them as they were before")
    if source.family not in CONFIG_MAPPING:
        raise UserError(f"{cannot_load(source)}: {_unknown_architecture(source)}")
    try:
        config = CONFIG_MAPPING[source.family].from_dict(dict(content), name_or_path=str(source.folder))
    except Exception as error:  # configurations check themselves, each in its own way
        if is_out_of_memory(error):
            raise
        raise UserError(f"{cannot_load(source)}: {reason(error)}") from error
    for name, value in _OUTPUTS.items():
        if hasattr(config, name):
            setattr(config, name, value)
    return config


def load_weights(
    classes: Any, config: PreTrainedConfig, source: ModelSource, **options: Any
) -> tuple[PreTrainedModel, dict[str, Any]]:
    """Load a model in fp32 from the files under its fingerprint; the caller's random state is left alone.

    Args:
        classes: one of Transformers' auto classes, e.g. ``AutoModelForSequenceClassification``.
        config: from :func:`open_configuration`.
        source: the model.
        **options: of ``from_pretrained``.

    Returns:
        The model, and what Transformers says about parameters that are missing, mismatched or unexpected.

    Raises:
        UserError: the model would be absurdly larger than its file, or Transformers cannot load it.
    """
    _check_size(classes, config, source)
    with own_generators(), quiet_transformers():
        try:
            model, info = _model_class(classes, config).from_pretrained(
                None,
                config=config,
                state_dict=_tensors(source),
                dtype=torch.float32,
                output_loading_info=True,
                trust_remote_code=False,
                **options,
            )
        except Exception as error:  # an architecture may refuse a configuration in any way
            if is_out_of_memory(error):
                raise
            raise UserError(f"{cannot_load(source)}: {reason(error)}") from error
    return model, info


def knows_sdpa(classes: Any, config: PreTrainedConfig) -> bool:
    """Whether the model of a configuration can use PyTorch's scaled dot product attention; others refuse to be asked for it."""
    return type(config) in classes._model_mapping and bool(_model_class(classes, config)._supports_sdpa)


def build_without_weights(
    classes: Any, config: PreTrainedConfig, source: ModelSource, device: str = "meta"
) -> torch.nn.Module:
    """The model of a configuration on PyTorch's meta device: its tensors have shapes only.

    Args:
        classes: one of Transformers' auto classes.
        config: from :func:`open_configuration`.
        source: the model.
        device: another one, where random values must stand for weights.

    Raises:
        UserError: Transformers cannot build it, or it has more modules than any model.
    """
    made = 0

    def count(*_: Any) -> None:
        nonlocal made
        made += 1
        if made > MOST_MODULES:
            counts = ", ".join(f"{name} = {value}" for name, value, _ in _counts(source.config))
            raise UserError(
                f"{source.folder / 'config.json'} describes more than {MOST_MODULES} modules ({counts}), more than any "
                "model; mend the file, or fetch the model again"
            )

    handle = register_module_module_registration_hook(count)
    try:
        with own_generators(device), quiet_transformers(), torch.device(device):
            model: torch.nn.Module = _model_class(classes, config)(config)
    except UserError:
        raise
    except Exception as error:  # a configuration may be wrong in as many ways as there are models
        if is_out_of_memory(error):
            raise
        raise UserError(f"{cannot_load(source)}: {reason(error)}") from error
    finally:
        handle.remove()
    return model


def cannot_load(source: ModelSource) -> str:
    """The beginning of a message."""
    return f"the model {source.name!r} in {source.folder} cannot be loaded"


def reason(error: Exception) -> str:
    """What an error says in its first line (two where the first ends in a colon), or its type where it says nothing."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    return " ".join(lines[: 2 if lines[0].endswith(":") else 1])


def code_of(auto_map: Any) -> str:
    """The files of code that an ``auto_map`` names."""
    values = auto_map.values() if isinstance(auto_map, Mapping) else [auto_map]
    return ", ".join(sorted({str(value).split(".")[0] + ".py" for value in values}))


def _unknown_architecture(source: ModelSource) -> str:
    import transformers

    if "auto_map" in source.config:
        return (
            f"its architecture {source.family!r} is code of its own ({code_of(source.config['auto_map'])}), and code that "
            "comes with a model is never run; choose a model whose architecture Transformers has"
        )
    if "model_type" not in source.config:
        return f'{source.folder / "config.json"} names no model_type; write it there, e.g. "model_type": "bert"'
    return f"Transformers {transformers.__version__} does not know the model_type {source.family!r} of its config.json"


def _check_counts(content: Mapping[str, Any], source: ModelSource) -> None:
    """Refuse numbers of layers or labels for which Python would make more objects than fit into memory."""
    labels = content.get("num_labels", 0)
    names = content.get("id2label")
    found = max(labels if isinstance(labels, int) else 0, len(names) if isinstance(names, Mapping) else 0)
    for name, count, most in [("num_labels", found, MOST_LABELS), *_counts(content)]:
        if count > most:
            raise UserError(
                f"{source.folder / 'config.json'} has {name} = {count}, more than any model ({most} at most here); "
                "mend the file, or fetch the model again"
            )


def _counts(value: Any, name: str = "") -> Iterator[tuple[str, int, int]]:
    """Every number of layers and the like in a configuration, with its name and what is the most."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in ("id2label", "label2id"):
                yield from _counts(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            yield from _counts(inner, name)
    elif isinstance(value, int) and _COUNT.search(name):
        yield name, value, MOST_LAYERS


def _model_class(classes: Any, config: PreTrainedConfig) -> Any:
    """The class for a configuration; of several the one that the checkpoint names, as Transformers chooses."""
    known = classes._model_mapping[type(config)]
    if not isinstance(known, (list, tuple)):
        return known
    named = {each.__name__: each for each in known}
    return next((named[name] for name in config.architectures or [] if name in named), known[0])


def _check_size(classes: Any, config: PreTrainedConfig, source: ModelSource) -> None:
    """Refuse a model that memory would hold mostly for parameters that no file gives."""
    stored = sum(file.stat().st_size for file in source.loaded_files)  # a byte a parameter or more
    key = (classes, config.to_json_string(use_diff=False), stored)
    if key in _CHECKED:
        return
    model = build_without_weights(classes, config, source)
    wanted = sum(value.numel() for value in [*model.parameters(), *model.buffers()])
    if wanted > SPARE_PARAMETERS + SPARE_FACTOR * stored:
        tensors = [*model.named_parameters(), *model.named_buffers()]
        name, largest = max(tensors, key=lambda item: item[1].numel())
        raise UserError(
            f"{source.folder / 'config.json'} describes {wanted:.3g} elements (most of them in {name}, "
            f"{shape_text(largest.shape)}), but the weights beside it are {stored:.3g} bytes; mend the file, or fetch the "
            "model again"
        )
    _CHECKED.add(key)


def shape_text(shape: Any) -> str:
    """A shape as ``30522 x 384``."""
    return " x ".join(str(length) for length in shape) or "a number"


def _tensors(source: ModelSource) -> dict[str, torch.Tensor]:
    """The checkpoint's tensors by name, mapped from its files."""
    from safetensors import safe_open

    tensors: dict[str, torch.Tensor] = {}
    for path in source.loaded_files:
        with safe_open(path, framework="pt") as file:
            tensors |= {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    return tensors


_SIXTEEN_BITS = {"F16": "float16", "BF16": "bfloat16"}


def sixteen_bits(source: ModelSource) -> dict[str, int]:
    """How many of a checkpoint's tensors have 16 bits, by the name of their dtype; read from the headers of its files."""
    from safetensors import safe_open

    found: dict[str, int] = {}
    for path in source.loaded_files:
        with safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118 - no mapping
                if (dtype := _SIXTEEN_BITS.get(file.get_slice(name).get_dtype())) is not None:
                    found[dtype] = found.get(dtype, 0) + 1
    return found


class quiet_transformers:
    """Silence Transformers' progress bars and load reports while loading; what matters is recorded by us."""

    def __enter__(self) -> None:
        from transformers.utils import logging

        self._level = logging.get_verbosity()
        self._bars = logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        self._warnings = warnings.catch_warnings()
        self._warnings.__enter__()
        warnings.simplefilter("ignore")

    def __exit__(self, *details: Any) -> None:
        from transformers.utils import logging

        self._warnings.__exit__(*details)
        logging.set_verbosity(self._level)
        if self._bars:
            logging.enable_progress_bar()
