"""Where a pre-trained model is, and what can be known of it without loading its weights.

A model is named ``miniature/bert`` (shipped), by a folder, or by its name on the hub, from where it is fetched once.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from seedproof.errors import UserError, unknown
from seedproof.spec import ModelReference, content_hash

MINIATURES = ("bert", "roberta", "albert", "bert-shallow")
WEIGHTS = Path(__file__).resolve().parent.parent / "miniature" / "weights"
_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "vocab.json",
                    "merges.txt", "spiece.model", "sentencepiece.bpe.model", "added_tokens.json")  # fmt: skip
_VOCABULARIES = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model")
_FETCHED = ["config.json", "*.safetensors", "*.safetensors.index.json", "README.md", *_TOKENIZER_FILES]
_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*\n", re.DOTALL)


@dataclass(frozen=True)
class ModelSource:
    """A folder with a pre-trained model in Transformers' layout."""

    name: str
    """As the user gave it."""
    folder: Path

    @cached_property
    def config(self) -> dict[str, Any]:
        """The content of ``config.json``."""
        path = self.folder / "config.json"
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise UserError(f"{path} is no JSON object ({error}); write it again with save_pretrained") from None

    @property
    def family(self) -> str:
        """``model_type`` of the configuration: bert, roberta, albert, ..."""
        return str(self.config.get("model_type", "unknown"))

    @property
    def weight_files(self) -> list[Path]:
        """The safetensors files, sorted by name."""
        return sorted(self.folder.glob("*.safetensors"))

    @property
    def weight_bytes(self) -> int:
        """Size of the weights' files."""
        return sum(file.stat().st_size for file in self.weight_files)

    @property
    def positions(self) -> int | None:
        """The longest input in tokens; None where the model has no limit of its own."""
        from seedproof.models.facts import positions, skeleton

        return positions(skeleton(self))

    @cached_property
    def card_learning_rate(self) -> float | None:
        """The default learning rate in the model's card: ``seedproof: {learning_rate: ...}`` in its front matter."""
        card = self.folder / "README.md"
        text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
        match = _FRONT_MATTER.match(text)
        if match is None:
            return None
        import yaml

        try:
            content = yaml.safe_load(match[1])
        except yaml.YAMLError:
            return None  # somebody else's card, which need not be valid
        settings = content.get("seedproof") if isinstance(content, dict) else None
        rate = settings.get("learning_rate") if isinstance(settings, dict) else None
        try:
            return None if rate is None else float(rate)
        except (TypeError, ValueError):
            raise UserError(f"the learning_rate {rate!r} in the front matter of {card} is not a number") from None

    @cached_property
    def fingerprint(self) -> str:
        """Hash of configuration, weights and tokenizer; where the folder is and the card do not matter."""
        ignored = ("transformers_version", "_name_or_path")
        config = {key: value for key, value in self.config.items() if key not in ignored}
        files = [*self.weight_files, *(self.folder / name for name in _TOKENIZER_FILES)]
        hashes = {file.name: _file_hash(file) for file in files if file.is_file()}
        return content_hash({"config": config, "files": hashes})

    def reference(self) -> ModelReference:
        """As a run spec names it."""
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


def _checked(source: ModelSource) -> ModelSource:
    if not (source.folder / "config.json").is_file():
        raise UserError(
            f"the model folder {source.folder} has no config.json; give a folder that save_pretrained wrote"
        )
    if not source.weight_files:
        pickles = sorted(file.name for pattern in ("*.bin", "*.pt", "*.pth") for file in source.folder.glob(pattern))
        if pickles:
            raise UserError(
                f"the weights {source.folder / pickles[0]} are a pickle, which can run code when it is opened; load them "
                "once in a place you trust and save them with save_pretrained, which writes model.safetensors"
            )
        raise UserError(f"the model folder {source.folder} has no *.safetensors file with weights")
    for file in source.weight_files:
        _check_whole(file)
    if not any((source.folder / name).is_file() for name in _VOCABULARIES):
        # Transformers would make an empty tokenizer, to which every word is unknown.
        raise UserError(
            f"the model folder {source.folder} has no vocabulary ({', '.join(_VOCABULARIES)}); "
            "save the model's tokenizer there with save_pretrained"
        )
    return source


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
    from huggingface_hub.errors import HFValidationError

    try:
        return Path(snapshot_download(name, allow_patterns=_FETCHED))
    except (OSError, ValueError, HFValidationError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(
            f"there is no model folder {name!r}, and the hub did not give a model of that name ({reason}); "
            f"give a folder, a hub name, or one of {', '.join('miniature/' + known for known in MINIATURES)}"
        ) from error


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
