"""Where a pre-trained model is, and what can be known of it without loading its weights.

A model is named ``miniature/bert`` (shipped), by a folder, or by its name on the hub, from where it is fetched once.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from seedproof.errors import UserError, hub_errors, unknown
from seedproof.models.card import card_settings
from seedproof.models.files import INDEX, MOST_VOCABULARY, SINGLE, check_file, loaded_weights, read_json
from seedproof.spec import ModelReference, content_hash

MINIATURES = ("bert", "roberta", "albert", "bert-shallow")
WEIGHTS = Path(__file__).resolve().parent.parent / "miniature" / "weights"
_TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
    "added_tokens.json",
)
# Vocabularies of tokenizers without tokenizer.json under further names: DeBERTa-v2, Llama's, RemBERT, PhoBERT.
_OTHER_VOCABULARIES = ("spm.model", "tokenizer.model", "sentencepiece.model", "bpe.codes")
_VOCABULARIES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "sentencepiece.bpe.model",
    *_OTHER_VOCABULARIES,
)
_FETCHED = [
    "config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "README.md",
    *_TOKENIZER_FILES,
    *_OTHER_VOCABULARIES,
]


@dataclass(frozen=True)
class ModelSource:
    """A folder with a pre-trained model in Transformers' layout."""

    name: str
    """Name as the user gave it."""
    folder: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """The content of ``config.json``."""
        return read_json(self.folder / "config.json", self.folder)

    @property
    def family(self) -> str:
        """``model_type`` of the configuration: bert, roberta, albert, ..."""
        return str(self.config.get("model_type", "unknown"))

    @property
    def weight_files(self) -> list[Path]:
        """The safetensors files, sorted by name: what the fingerprint covers."""
        return sorted(self.folder.glob("*.safetensors"))

    @property
    def loaded_files(self) -> list[Path]:
        """Those of :attr:`weight_files` from which the weights are loaded.

        Raises:
            UserError: as :func:`seedproof.models.files.loaded_weights`.
        """
        return loaded_weights(self.folder, self.config, self.weight_files)

    @property
    def tokenizer_files(self) -> list[Path]:
        """Files of the tokenizer; ``tokenizer.json`` holds all that the further vocabularies hold."""
        whole = (self.folder / "tokenizer.json").is_file()
        names = _TOKENIZER_FILES if whole else (*_TOKENIZER_FILES, *_OTHER_VOCABULARIES)
        return [path for path in (self.folder / name for name in names) if path.is_file()]

    @property
    def weight_bytes(self) -> int:
        """Size of the weights' files."""
        return sum(file.stat().st_size for file in self.weight_files)

    @property
    def positions(self) -> int | None:
        """The longest input in tokens; None where the model has no limit of its own."""
        from seedproof.models.facts import positions, skeleton

        return positions(skeleton(self))

    def most_tokens(self, max_length: int) -> int:
        """Tokens at which a text is cut that the model is given: a recipe's maximum, or the positions where they are fewer.

        What the tokenizer's files say of it decides nothing: training does not look at it either.
        """
        positions = self.positions
        return max_length if positions is None else min(max_length, positions)

    @cached_property
    def card(self) -> dict[str, Any]:
        """Settings in the model's card: ``seedproof: {learning_rate: ..., dropout: ...}`` in its front matter."""
        return card_settings(self.folder / "README.md")

    @cached_property
    def fingerprint(self) -> str:
        """Hash of configuration, weights and tokenizer; where the folder is and the card do not matter."""
        ignored = ("transformers_version", "_name_or_path")
        config = {key: value for key, value in self.config.items() if key not in ignored}
        hashes = {file.name: _file_hash(file) for file in [*self.weight_files, *self.tokenizer_files]}
        return content_hash({"config": config, "files": hashes})

    def reference(self) -> ModelReference:
        """Reference by which a run spec names it."""
        return ModelReference(name=self.name, fingerprint=self.fingerprint, family=self.family)


def find_model(name: str) -> ModelSource:
    """Find a model by its name.

    Raises:
        UserError: no such miniature, folder or hub name; no configuration; weights that are a pickle, or none.
    """
    if name.startswith("miniature/"):
        short = name.removeprefix("miniature/")
        if short not in MINIATURES:
            raise unknown("model", name, [f"miniature/{known}" for known in MINIATURES])
        return _checked(ModelSource(name, WEIGHTS / short))
    folder = Path(name).expanduser()
    if not folder.is_dir():
        if folder.is_file():
            raise UserError(f"the model {name!r} is a file; give the folder that holds config.json and the weights")
        folder = _fetch(name)
    return _checked(ModelSource(name, folder.resolve()))


def is_stored(name: str) -> bool:
    """Whether :func:`find_model` would find ``name`` without fetching anything: a miniature, a folder, or in the hub's cache."""
    if name.startswith("miniature/") or Path(name).expanduser().exists():
        return True
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(name, "config.json"), str)
    except HFValidationError:
        return False


def _checked(source: ModelSource) -> ModelSource:
    check_weights(source, f"the model folder {source.folder}")
    if not any((source.folder / name).is_file() for name in _VOCABULARIES):
        # Transformers would make an empty tokenizer, to which every word is unknown.
        raise UserError(
            f"the model folder {source.folder} has no vocabulary ({', '.join(_VOCABULARIES)}); "
            "save the model's tokenizer there with save_pretrained"
        )
    for file in source.tokenizer_files:
        check_file(file, source.folder, MOST_VOCABULARY)
    return source


def check_weights(source: ModelSource, what: str) -> None:
    """Refuse a folder without a configuration, or without whole weights that are no pickle.

    Args:
        source: the folder.
        what: it is, for messages.

    Raises:
        UserError: names what is missing or wrong, and where.
    """
    if not (source.folder / "config.json").is_file():
        raise UserError(f"{what} has no config.json; give a folder that save_pretrained wrote")
    pickles = sorted(file.name for pattern in ("*.bin", "*.pt", "*.pth") for file in source.folder.glob(pattern))
    is_pickle = bool(pickles) and not any((source.folder / name).is_file() for name in (SINGLE, INDEX))
    if is_pickle and "transformers_weights" not in source.config:  # whatever other *.safetensors lies beside it
        raise UserError(
            f"the weights {source.folder / pickles[0]} are a pickle, which can run code when it is opened; load them "
            "once in a place you trust and save them with save_pretrained, which writes model.safetensors"
        )
    if not source.weight_files:
        raise UserError(f"{what} has no *.safetensors file with weights; save it again with save_pretrained")
    for file in source.weight_files:
        check_file(file, source.folder)
        _check_whole(file)
    _ = source.loaded_files  # refuses those that would be found elsewhere


def _check_whole(file: Path) -> None:
    """Read the header of a weights file, which says how long the file is."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="numpy"):
            pass
    except (SafetensorError, OSError) as error:
        raise UserError(f"the weights {file} are damaged ({error}); fetch or save them again") from None


def _fetch(name: str) -> Path:
    """Fetch a model from the hub into its cache, or take it from there."""
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", name):
        raise UserError(f"there is no model folder {name!r}, and it is no name on the hub either")
    from huggingface_hub import snapshot_download

    refused: tuple[type[Exception], ...] = (*hub_errors(), ValueError)
    try:
        return Path(snapshot_download(name, allow_patterns=_FETCHED))
    except refused as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"there is no model folder {name!r}, and the hub did not give a model of that name ({reason}); "
            f"give a folder, a hub name, or one of {', '.join('miniature/' + known for known in MINIATURES)}"
        ) from error


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
