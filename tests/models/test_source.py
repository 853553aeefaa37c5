"""Finding a model: its fingerprint, its card, its positions, and every way in which a folder is unusable."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.conftest import make_tiny_model

from seedproof.errors import UserError
from seedproof.models.source import find_model


@pytest.fixture
def copied(tiny_model, tmp_path) -> Path:
    """A copy of the tiny model that a test may change."""
    return Path(shutil.copytree(tiny_model, tmp_path / "copy"))


def set_config(folder: Path, **values) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | values))


def test_the_fingerprint_is_of_the_content_only(tiny_model, copied):
    """Where the folder is, its card and Transformers' version do not make another model."""
    set_config(copied, transformers_version="9.9", _name_or_path="/elsewhere")
    (copied / "README.md").write_text("---\nlicense: mit\n---\n# Card\n")
    assert find_model(str(copied)).fingerprint == find_model(str(tiny_model)).fingerprint
    assert find_model(str(copied)).reference().family == "bert"


@pytest.mark.parametrize("change", ["weights", "tokenizer", "config"])
def test_the_fingerprint_sees_every_change(tiny_model, copied, change):
    if change == "weights":
        path = copied / "model.safetensors"
        content = bytearray(path.read_bytes())
        content[-1] ^= 1  # one bit of the last weight
        path.write_bytes(content)
    elif change == "tokenizer":
        path = copied / "tokenizer.json"
        path.write_text(path.read_text() + " ")
    else:
        set_config(copied, layer_norm_eps=1e-5)
    assert find_model(str(copied)).fingerprint != find_model(str(tiny_model)).fingerprint


@pytest.mark.newest
def test_positions(tmp_path, copied):
    """RoBERTa's first two position embeddings stand for no position: 66 of them make 64 positions."""
    assert find_model(str(copied)).positions == 64
    roberta = make_tiny_model("roberta", tmp_path / "roberta")
    assert json.loads((roberta / "config.json").read_text())["max_position_embeddings"] == 66
    assert find_model(str(roberta)).positions == 64
    set_config(
        copied, model_type="nomic_bert", head_dim=8
    )  # rotary positions: the number in the configuration is no limit
    assert find_model(str(copied)).positions is None


@pytest.mark.parametrize(
    ("remove", "message"),
    [
        (["config.json"], "has no config.json; give a folder that save_pretrained wrote"),
        (["model.safetensors"], r"has no \*\.safetensors file"),
        (["tokenizer.json"], "has no vocabulary"),
    ],
)
def test_incomplete_folders(copied, remove, message):
    for name in remove:
        (copied / name).unlink()
    with pytest.raises(UserError, match=message) as caught:
        find_model(str(copied))
    assert str(copied) in str(caught.value)


def test_weights_that_are_a_pickle_are_not_opened(copied):
    (copied / "model.safetensors").rename(copied / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pytorch_model\.bin are a pickle.*save_pretrained"):
        find_model(str(copied))


@pytest.mark.parametrize("content", ["{", "[1]", "\x00"])
def test_a_configuration_that_is_no_json_object(copied, content):
    (copied / "config.json").write_text(content)
    with pytest.raises(UserError, match=r"config\.json is no JSON object"):
        _ = find_model(str(copied)).family


def test_names_that_mean_nothing(copied, monkeypatch):
    with pytest.raises(UserError, match="did you mean 'miniature/bert'"):
        find_model("miniature/brt")
    with pytest.raises(UserError, match="is a file; give the folder"):
        find_model(str(copied / "config.json"))
    with pytest.raises(UserError, match="no model folder '/not/there', and it is no name on the hub"):
        find_model("/not/there")
    for error in (OSError("no connection"), ValueError("bad name")):
        monkeypatch.setattr("huggingface_hub.snapshot_download", _raiser(error))
        with pytest.raises(UserError, match=rf"no model folder 'nobody/nothing'.*\({error}\).*miniature/bert"):
            find_model("nobody/nothing")


def test_a_name_that_the_offline_hub_does_not_have(monkeypatch, tmp_path):
    """The real client, offline and with an empty cache."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(UserError, match="no model folder 'nobody/nothing-like-this'"):
        find_model("nobody/nothing-like-this")


def _raiser(error):
    def snapshot_download(*_, **__):
        raise error

    return snapshot_download
