"""Load a pre-trained model for sequence classification, in fp32, with a head drawn from its own seed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from seedproof.errors import UserError, is_out_of_memory
from seedproof.models.checkpoint import (
    code_of,
    load_weights,
    open_configuration,
    quiet_transformers,
    reason,
    shape_text,
)
from seedproof.models.dropout import set_all, set_in_modules, set_named
from seedproof.models.files import MOST_VOCABULARY, read_json
from seedproof.models.layers import locate

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from seedproof.models.source import ModelSource


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to be fine-tuned."""

    model: PreTrainedModel
    missing: tuple[str, ...]
    """Parameters that were drawn from the head seed: the checkpoint does not have them, has them in another shape, or a new
    head was asked for."""
    shapes: Mapping[str, str]
    """Shapes, in the file and wanted, of those that the checkpoint has in another shape."""
    unused: tuple[str, ...] = ()
    """Parameters of layers that the checkpoint has and the model does not."""

    @property
    def missing_encoder(self) -> tuple[str, ...]:
        """Those of :attr:`missing` that pre-training should have given: all but head and pooler."""
        return tuple(name for name in self.missing if _is_encoder(self.model, name))

    @property
    def kept_head(self) -> tuple[str, ...]:
        """The head's parameters where all of them came with the checkpoint: then the head seed changes nothing."""
        head = _head(self.model)
        return () if set(head) & set(self.missing) else head


def load_classifier(
    source: ModelSource,
    *,
    labels: int,
    problem_type: str,
    head_seed: int,
    initializer_range: float = 0.02,
    dropout: float | None = None,
    dropout_scope: str = "modules",
    classes: Sequence[str] = (),
    new_head: bool = False,
) -> LoadedModel:
    """Load ``source`` with a classification head of ``labels`` outputs, in fp32 whatever the checkpoint's dtype.

    Parameters that the checkpoint does not have are drawn in the order of their names from a generator of their own:
    matrices from N(0, ``initializer_range``), biases 0, scales of norms 1 (Devlin et al. 2019). ``dropout`` sets every dropout
    probability, ``dropout_scope="configuration"`` those of some entries of the configuration alone; None leaves them.
    ``problem_type`` is Transformers', which decides the loss (``Task.problem_type``).
    ``classes`` are the names of the outputs, which saved weights answer with. ``new_head`` draws the head even if one of the
    right size came with the checkpoint.

    Raises:
        UserError: Transformers has no sequence classification model for this configuration, or cannot read the weights.
    """
    from transformers import AutoModelForSequenceClassification

    config = load_configuration(source)
    config.id2label = dict(enumerate(classes or (f"LABEL_{index}" for index in range(labels))))
    config.label2id = {name: index for index, name in config.id2label.items()}
    config.problem_type = problem_type
    if dropout is not None:
        (set_all if dropout_scope == "modules" else set_named)(config, dropout)
    model, info = load_weights(AutoModelForSequenceClassification, config, source, ignore_mismatched_sizes=True)
    shapes = {
        name: f"{shape_text(stored)} in the file, {shape_text(wanted)} by config.json"
        for name, stored, wanted in info["mismatched_keys"]
    }
    missing = {*info["missing_keys"], *shapes}
    if missing >= {name for name, _ in model.named_parameters()}:
        raise UserError(
            f"the weights in {source.folder} have no parameter of a {source.family} model, so nothing is pre-trained; "
            "give the folder of the pre-trained model"
        )
    drawn = tuple(sorted(missing | set(_head(model) if new_head else ())))
    draw_missing(model, drawn, head_seed, initializer_range)
    if dropout is not None and dropout_scope == "modules":
        set_in_modules(model, dropout)
    text = model.config.get_text_config()
    if getattr(text, "pad_token_id", None) is None:  # decoders look for the last token before the padding
        text.pad_token_id = load_tokenizer(source).pad_token_id
    unused = tuple(sorted(name for name in info["unexpected_keys"] if locate(f".{name}").layer is not None))
    return LoadedModel(model, drawn, shapes, unused)


def load_configuration(source: ModelSource) -> PreTrainedConfig:
    """The model's configuration, as Transformers reads it.

    Raises:
        UserError: Transformers does not know the model type, or has no sequence classification class for it.
    """
    from transformers import AutoModelForSequenceClassification

    config = open_configuration(source)
    if type(config) not in AutoModelForSequenceClassification._model_mapping:
        raise UserError(
            f"the model {source.name!r} (model_type {source.family!r}) has no sequence classification class in "
            "Transformers; choose an encoder such as BERT, RoBERTa, ALBERT, ELECTRA or DistilBERT"
        )
    return config


def _is_encoder(model: PreTrainedModel, name: str) -> bool:
    """Whether a parameter belongs to the base model and to no pooler, which many checkpoints do not have."""
    return name.startswith(f"{model.base_model_prefix}.") and "pooler" not in name.split(".")


def _head(model: PreTrainedModel) -> tuple[str, ...]:
    """Parameters outside of the base model, in the order of their names."""
    prefix = f"{model.base_model_prefix}."
    return tuple(sorted(name for name, _ in model.named_parameters() if not name.startswith(prefix)))


def draw_missing(model: torch.nn.Module, names: Iterable[str], seed: int, std: float) -> None:
    """Draw the named parameters of ``model`` in place, see :func:`load_classifier`."""
    draw(model, names, torch.Generator().manual_seed(seed), std)


def draw(model: torch.nn.Module, names: Iterable[str], generator: torch.Generator, std: float) -> None:
    """Draw the named parameters of ``model`` in place, in the order of their names: matrices from N(0, ``std``), biases 0,
    scales of norms 1.

    Args:
        model: on any device, of any dtype: the numbers are the same.
        names: of parameters; others are left out.
        generator: on the CPU.
        std: standard deviation.
    """
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name in sorted(names):
            if name not in parameters:
                continue  # a buffer such as position ids, which the model computes itself
            value = parameters[name]
            if value.ndim > 1:
                value.copy_(torch.randn(value.shape, generator=generator) * std)
            else:
                value.fill_(0.0 if name.endswith("bias") else 1.0)


def load_tokenizer(source: ModelSource) -> PreTrainedTokenizerBase:
    """Open the model's tokenizer.

    Raises:
        UserError: the folder has none that Transformers can open without code or files from elsewhere, or it has tokens
            that the model does not know.
    """
    from transformers import AutoTokenizer

    config, auto_map = open_configuration(source), _tokenizer_settings(source).get("auto_map")
    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(source.folder, config=config, trust_remote_code=False)
    except Exception as error:  # the tokenizers library raises plain Exception for a damaged file
        if is_out_of_memory(error):
            raise
        why = f"it is code of its own ({code_of(auto_map)}), which is never run" if auto_map else reason(error)
        raise UserError(f"the model folder {source.folder} has no tokenizer that Transformers opens: {why}") from error
    known = source.config.get("vocab_size")
    if known is not None and len(tokenizer) > known:
        raise UserError(
            f"the tokenizer in {source.folder} has {len(tokenizer)} tokens, but the model only {known}; "
            "save the tokenizer that belongs to the model there"
        )
    return tokenizer


def _tokenizer_settings(source: ModelSource) -> dict[str, Any]:
    """The content of ``tokenizer_config.json``; refuses one that leads to files which no fingerprint covers."""
    path = source.folder / "tokenizer_config.json"
    if not path.is_file():
        return {}
    settings = read_json(path, source.folder, MOST_VOCABULARY)
    versions = settings.get("fast_tokenizer_files") or []
    named = {key: str(value) for key, value in settings.items() if key.endswith("_file") and isinstance(value, str)}
    # Paths on the machine where it was saved are common, and not followed where the folder has a file of that name.
    elsewhere = {
        key: value
        for key, value in named.items()
        if Path(value).is_file() and not (source.folder / Path(value).name).is_file()
    }
    for key, value in [*elsewhere.items(), *(("fast_tokenizer_files", v) for v in versions if v != "tokenizer.json")]:
        raise UserError(
            f"{path} names {value!r} as its {key}, which the model's fingerprint does not cover; copy what it needs into "
            "the folder under its usual name (tokenizer.json, vocab.txt, ...) and remove that key"
        )
    return settings
