"""A model's folder is a stranger's: only files under its fingerprint are loaded, and none that is absurdly large."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from seedproof.errors import UserError
from seedproof.models.loading import load_classifier, load_tokenizer
from seedproof.models.source import find_model

ONE_LABEL = "single_label_classification"


@pytest.fixture
def folder(tiny_model, tmp_path) -> Path:
    """A copy of the tiny model that a test may change."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def set_config(folder: Path, **values) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | values))


def load(folder: Path):
    return load_classifier(find_model(str(folder)), labels=2, problem_type=ONE_LABEL, head_seed=0)


def test_a_decoy_does_not_let_the_pickle_be_loaded(folder):
    """Two different pickles beside the same decoy would have been one model to every run's id."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    save_file({"w": torch.zeros(1)}, folder / "decoy.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"no model\.safetensors .* but decoy\.safetensors"):
        find_model(str(folder))
    torch.save(weights, folder / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pytorch_model\.bin are a pickle"):
        find_model(str(folder))


def sharded(folder: Path, second: str) -> dict[str, torch.Tensor]:
    """Divide the weights between two files, the second one called ``second``."""
    weights = load_file(folder / "model.safetensors")
    names = sorted(weights)
    (folder / "model.safetensors").unlink()
    save_file({name: weights[name] for name in names[::2]}, folder / "one.safetensors", metadata={"format": "pt"})
    save_file({name: weights[name] for name in names[1::2]}, folder / second, metadata={"format": "pt"})
    places = {name: "one.safetensors" if index % 2 == 0 else second for index, name in enumerate(names)}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    return weights


def test_weights_in_several_files(folder):
    weights = sharded(folder, "two.safetensors")
    loaded = dict(load(folder).model.named_parameters())
    assert all(torch.equal(loaded[name], value) for name, value in weights.items() if name in loaded)
    assert [path.name for path in find_model(str(folder)).loaded_files] == ["one.safetensors", "two.safetensors"]


def test_an_index_does_not_lead_outside(folder):
    before = find_model(str(folder)).fingerprint
    sharded(folder, "../elsewhere.safetensors")
    with pytest.raises(UserError, match=r"index\.json names the weights '\.\./elsewhere\.safetensors'"):
        find_model(str(folder))
    set_config(folder, transformers_weights="sub/other.safetensors")
    with pytest.raises(UserError, match=r"\(transformers_weights\) names the weights 'sub/other\.safetensors'"):
        find_model(str(folder))
    assert before


@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json"])
def test_links_out_of_the_folder_are_refused_but_not_those_of_the_hub(folder, tmp_path, name):
    outside = tmp_path / "outside"
    (folder / name).rename(outside)
    (folder / name).symlink_to(outside)
    with pytest.raises(UserError, match=rf"{name} is a link out of the model's folder, to .*outside; copy that file"):
        find_model(str(folder)).reference()
    snapshot = tmp_path / "models--x" / "snapshots" / "abc"  # the layout of the hub's cache
    shutil.copytree(folder, snapshot, symlinks=True)
    (tmp_path / "models--x" / "blobs").mkdir()
    outside.rename(tmp_path / "models--x" / "blobs" / "123")
    (snapshot / name).unlink()
    (snapshot / name).symlink_to("../../blobs/123")
    assert find_model(str(snapshot)).reference().family == "bert"


@pytest.mark.newest
def test_the_tokenizer_is_read_from_its_folder_alone(folder, tmp_path):
    (tmp_path / "vocab.txt").write_text("a\n")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    for key, value in (("vocab_file", str(tmp_path / "vocab.txt")), ("fast_tokenizer_files", ["tokenizer.4.0.json"])):
        (folder / "tokenizer_config.json").write_text(json.dumps(settings | {key: value}))
        with pytest.raises(UserError, match=rf"tokenizer_config\.json names .* as its {key}, which the model's fing"):
            load_tokenizer(find_model(str(folder)))
    saved_elsewhere = settings | {"tokenizer_file": "/not/there/tokenizer.json"}  # what old versions wrote
    (folder / "tokenizer_config.json").write_text(json.dumps(saved_elsewhere))
    assert load_tokenizer(find_model(str(folder)))("the")


def test_vocabularies_under_other_names_are_part_of_the_fingerprint(folder):
    """PhoBERT reads bpe.codes beside vocab.txt; a tokenizer.json holds everything, and fingerprints with one stay."""
    before = find_model(str(folder)).fingerprint
    (folder / "bpe.codes").write_text("a b 1\n")
    assert find_model(str(folder)).fingerprint == before
    (folder / "tokenizer.json").rename(folder / "vocab.txt")
    one = find_model(str(folder)).fingerprint
    (folder / "bpe.codes").write_text("a c 1\n")
    assert find_model(str(folder)).fingerprint != one


def sparse(path: Path, mebibytes: int) -> None:
    """A file of this size that needs no disk."""
    with path.open("r+b") as file:
        file.truncate(mebibytes * 2**20)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "tokenizer_config.json"])
def test_files_of_hundreds_of_megabytes_are_not_read(folder, name):
    sparse(folder / name, 200)
    with pytest.raises(UserError, match=rf"{name} has 200 MiB; such a file of a model has at most"):
        load_tokenizer(find_model(str(folder)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"num_hidden_layers": 10**7}, "num_hidden_layers = 10000000"),
        ({"num_labels": 10**7, "id2label": None, "label2id": None}, "num_labels = 10000000"),
        ({"model_type": "albert", "num_hidden_groups": 2000, "inner_group_num": 2000}, "more than 20000 modules"),
        ({"vocab_size": 10**9}, r"most of them in bert\.embeddings\.word_embeddings\.weight, 1000000000 x 16"),
        ({"hidden_size": 10**7}, "describes .* elements"),
        ({"max_position_embeddings": 10**9}, "describes .* elements"),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "its weights are quantized"),
    ],
)
def test_absurd_numbers_are_refused_before_memory_is_asked_for(folder, values, said):
    set_config(folder, **values)
    with pytest.raises(UserError, match=said) as caught:
        load(folder)
    assert str(folder) in str(caught.value)


def test_a_configuration_nested_without_end(folder):
    (folder / "config.json").write_text('{"a":' * 100_000 + "1" + "}" * 100_000)
    with pytest.raises(UserError, match=r"config\.json is no JSON object"):
        find_model(str(folder)).reference()


def test_a_yaml_bomb_in_the_card(folder):
    """Ten lines that stand for ten thousand million numbers; a card without a word of ours is not even parsed."""
    lines = ["a0: &a0 [1,1,1,1,1,1,1,1,1,1]"]
    lines += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    bomb = "\n".join(lines)
    (folder / "README.md").write_text(f"---\n{bomb}\n---\n")
    assert find_model(str(folder)).card == {}
    (folder / "README.md").write_text(f"---\n{bomb}\nseedproof: {{learning_rate: *a9}}\n---\n")
    with pytest.raises(UserError, match=r"README\.md uses a YAML alias \*a0 in line 3; write out what it stands for"):
        _ = find_model(str(folder)).card
    (folder / "README.md").write_text("---\nx: " + "[" * 1500 + "\nseedproof: 1\n---\n")
    assert find_model(str(folder)).card == {}
