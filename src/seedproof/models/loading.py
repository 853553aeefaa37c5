"""Load a pre-trained model for sequence classification, in fp32, with a head drawn from its own seed."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from seedproof.errors import UserError

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from seedproof.models.source import ModelSource

# What the configurations of Transformers call their dropout probabilities.
_DROPOUTS = ("hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout", "classifier_dropout_prob",
             "dropout", "attention_dropout", "activation_dropout", "seq_classif_dropout", "hidden_dropout",
             "classifier_dropout_rate", "pooler_dropout", "mlp_dropout", "embedding_dropout")  # fmt: skip


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to be fine-tuned."""

    model: PreTrainedModel
    missing: tuple[str, ...]
    """Parameters that the checkpoint does not have; they were drawn from the head seed."""


def load_classifier(source: ModelSource, *, labels: int, regression: bool, head_seed: int, head_std: float = 0.02,
                    dropout: float | None = None) -> LoadedModel:  # fmt: skip
    """Load ``source`` with a classification head of ``labels`` outputs, in fp32 whatever the checkpoint's dtype.

    Parameters that the checkpoint does not have are drawn in the order of their names from a generator of their own:
    matrices from N(0, ``head_std``), biases 0, scales of norms 1 (Devlin et al. 2019). ``dropout`` sets every dropout
    probability of the configuration; None leaves them.

    Raises:
        UserError: Transformers has no sequence classification model for this configuration, or cannot read the weights.
    """
    from safetensors import SafetensorError
    from transformers import AutoModelForSequenceClassification

    config = load_configuration(source)
    config.num_labels = labels
    config.problem_type = "regression" if regression else "single_label_classification"
    if dropout is not None:
        for name in _DROPOUTS:
            if hasattr(config, name):
                setattr(config, name, dropout)
    with torch.random.fork_rng(), quiet_transformers():
        try:
            model, info = AutoModelForSequenceClassification.from_pretrained(
                source.folder,
                config=config,
                dtype=torch.float32,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
            )
        except (ValueError, OSError, RuntimeError, KeyError, SafetensorError) as error:
            raise UserError(_why_not(source, error)) from error
    mismatched = [entry[0] if isinstance(entry, tuple) else entry for entry in info["mismatched_keys"]]
    missing = tuple(sorted({*info["missing_keys"], *mismatched}))
    if set(missing) >= {name for name, _ in model.named_parameters()}:
        raise UserError(
            f"the weights in {source.folder} have no parameter of a {source.family} model, so nothing is pre-trained; "
            "give the folder of the pre-trained model"
        )
    draw_missing(model, missing, head_seed, head_std)
    return LoadedModel(model, missing)


def load_configuration(source: ModelSource) -> PreTrainedConfig:
    """The model's configuration, as Transformers reads it.

    Raises:
        UserError: Transformers does not know the model type, or has no sequence classification class for it.
    """
    from transformers import AutoConfig, AutoModelForSequenceClassification

    try:
        config = AutoConfig.from_pretrained(source.folder)
    except Exception as error:  # configurations check their values with exceptions of their own
        raise UserError(_why_not(source, error)) from error
    if type(config) not in AutoModelForSequenceClassification._model_mapping:
        raise UserError(
            f"the model {source.name!r} (model_type {source.family!r}) has no sequence classification class in "
            "Transformers; choose an encoder such as BERT, RoBERTa, ALBERT, ELECTRA or DistilBERT"
        )
    return config


def draw_missing(model: torch.nn.Module, names: Iterable[str], seed: int, std: float) -> None:
    """Draw the named parameters of ``model`` in place, see :func:`load_classifier`."""
    generator = torch.Generator().manual_seed(seed)
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
        UserError: the folder has none that Transformers can open.
    """
    from transformers import AutoTokenizer

    try:
        with quiet_transformers():
            tokenizer = AutoTokenizer.from_pretrained(source.folder)
    except Exception as error:  # the tokenizers library raises plain Exception for a damaged file
        first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"the model folder {source.folder} has no tokenizer that Transformers opens: {first}"
        ) from error
    known = source.config.get("vocab_size")
    if known is not None and len(tokenizer) > known:
        raise UserError(
            f"the tokenizer in {source.folder} has {len(tokenizer)} tokens, but the model only {known}; "
            "save the tokenizer that belongs to the model there"
        )
    return tokenizer


def _why_not(source: ModelSource, error: Exception) -> str:
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return f"the model {source.name!r} in {source.folder} cannot be loaded: {first}"


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
