"""Loading for classification: the head comes from its seed alone, everything else from the checkpoint, in fp32."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.conftest import make_tiny_model
from tests.families import tiny_configuration
from transformers import AutoModel

from seedproof.errors import UserError
from seedproof.models.loading import draw_missing, load_classifier, load_configuration, load_tokenizer
from seedproof.models.source import ModelSource, find_model

ONE_LABEL = "single_label_classification"

HEADS = {
    "bert": ("classifier.bias", "classifier.weight"),
    "albert": ("classifier.bias", "classifier.weight"),
    "roberta": (
        "classifier.dense.bias",
        "classifier.dense.weight",
        "classifier.out_proj.bias",
        "classifier.out_proj.weight",
    ),
}


@pytest.fixture(scope="module")
def families(tmp_path_factory) -> dict[str, Path]:
    """A tiny model of each family."""
    root = tmp_path_factory.mktemp("families")
    return {family: make_tiny_model(family, root / family) for family in HEADS}


def load(folder: Path, *, seed: int = 3, labels: int = 2, **options):
    return load_classifier(find_model(str(folder)), labels=labels, problem_type=ONE_LABEL, head_seed=seed, **options)


def head(loaded) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in loaded.model.named_parameters() if name in loaded.missing}


@pytest.mark.parametrize("family", HEADS)
def test_the_head_is_drawn_from_its_seed(families, family):
    torch.manual_seed(1)
    first = load(families[family])
    torch.manual_seed(2)  # the global generator has no part in it
    again, other = load(families[family]), load(families[family], seed=4)
    assert first.missing == HEADS[family]
    for name, value in head(first).items():
        assert torch.equal(value, head(again)[name])
        assert name.endswith("bias") == (not value.any())
        assert name.endswith("bias") or not torch.equal(value, head(other)[name])


def test_the_head_is_the_same_for_bert_and_albert(families):
    """The draw depends on names and shapes only, not on what the rest of the model is."""
    heads = [head(load(families[family])) for family in ("bert", "albert")]
    assert all(torch.equal(heads[0][name], heads[1][name]) for name in heads[0])


def test_everything_else_is_the_checkpoint(families):
    model = load(families["bert"]).model
    stored = load_file(families["bert"] / "model.safetensors")
    for name, value in model.named_parameters():
        assert name in HEADS["bert"] or torch.equal(value, stored[name])


def test_the_distribution_of_the_head():
    """Normal with the given standard deviation, norms 1, biases 0; buffers are left alone."""
    model = torch.nn.Sequential(torch.nn.Linear(200, 200), torch.nn.LayerNorm(50))
    draw_missing(model, ["0.weight", "0.bias", "1.weight", "1.bias", "position_ids"], seed=0, std=0.02)
    weight = model[0].weight.detach().numpy()
    # 40,000 draws: the standard error of the mean is 1e-4, that of the deviation 7e-5
    assert abs(weight.mean()) < 5e-4
    assert weight.std() == pytest.approx(0.02, abs=4e-4)
    assert np.mean(np.abs(weight) > 0.04) == pytest.approx(0.0455, abs=5e-3)
    assert not model[0].bias.any()
    assert not model[1].bias.any()
    assert (model[1].weight == 1).all()


def test_head_std_scales_the_head(families):
    one, two = (head(load(families["bert"], initializer_range=std))["classifier.weight"] for std in (0.02, 0.04))
    torch.testing.assert_close(2 * one, two)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_fine_tuning_starts_from_fp32(tiny_model, tmp_path, dtype):
    """The values are the checkpoint's, but the weights and the head are not rounded to its dtype."""
    folder = Path(shutil.copytree(tiny_model, tmp_path / "half"))
    half = {name: value.to(dtype) for name, value in load_file(folder / "model.safetensors").items()}
    save_file(half, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"dtype": str(dtype).removeprefix("torch.")}))
    loaded = load(folder)
    assert {value.dtype for value in loaded.model.parameters()} == {torch.float32}
    name = "bert.encoder.layer.0.output.dense.weight"
    assert torch.equal(dict(loaded.model.named_parameters())[name], half[name].float())
    assert torch.equal(head(loaded)["classifier.weight"], head(load(tiny_model))["classifier.weight"])


def test_a_head_of_another_size_is_drawn_again(tiny_model, tmp_path):
    """A checkpoint that was fine-tuned for three classes keeps its encoder and gets a head for two."""
    three = load(tiny_model, labels=3)
    three.model.save_pretrained(tmp_path / "three")
    shutil.copy(tiny_model / "tokenizer.json", tmp_path / "three")
    two = load(tmp_path / "three")
    assert two.missing == HEADS["bert"]
    assert torch.equal(head(two)["classifier.weight"], head(load(tiny_model))["classifier.weight"])
    assert load(tmp_path / "three", labels=3).missing == ()


@pytest.mark.parametrize("family", HEADS)
def test_dropout_is_set_everywhere(families, family):
    for probability in (0.0, 0.3):
        model = load(families[family], dropout=probability).model
        found = [module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)]
        assert len(found) >= 4
        assert set(found) == {probability}
        # and attention's own, which is a number inside the attention and no module
        assert model.config.attention_probs_dropout_prob == probability
    assert load(families["albert"]).model.config.hidden_dropout_prob == 0.0  # None leaves the checkpoint's


def test_the_caller_generator_is_untouched(tiny_model):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load(tiny_model)
    assert torch.equal(torch.rand(3), expected)


def broken(tiny_model: Path, folder: Path, **config) -> Path:
    shutil.copytree(tiny_model, folder)
    content = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config.pop("all", content) | config))
    return folder


@pytest.mark.parametrize("kind", ["vit", "wav2vec2", "clip"])
def test_a_model_without_a_classification_class(tiny_model, tmp_path, kind):
    """Vision and speech models have none for texts; it is said before any weight is read."""
    source = find_model(str(broken(tiny_model, tmp_path / kind, all={"model_type": kind})))
    for check in (
        load_configuration,
        lambda source: load_classifier(source, labels=2, problem_type=ONE_LABEL, head_seed=0),
    ):
        with pytest.raises(UserError, match=rf"\(model_type '{kind}'\) has no sequence classification class"):
            check(source)


@pytest.mark.parametrize("config", [{"model_type": "no-such-model"}, {"hidden_size": 4}])
def test_a_model_type_that_transformers_does_not_know(tiny_model, tmp_path, config):
    with pytest.raises(UserError, match="cannot be loaded"):
        load(broken(tiny_model, tmp_path / "model", all=config))


def test_damaged_or_foreign_weights(tiny_model, tmp_path):
    folder = broken(tiny_model, tmp_path / "model")
    (folder / "model.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(UserError, match=r"model.safetensors are damaged"):
        load(folder)
    save_file({"w": torch.zeros(2)}, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="nothing is pre-trained"):
        load(folder)


def test_a_tokenizer_that_does_not_belong(tiny_model, tmp_path):
    """A larger vocabulary would index past the embeddings in the middle of a run."""
    with pytest.raises(UserError, match=r"tokenizer in .* has \d+ tokens, but the model only 20"):
        load_tokenizer(find_model(str(broken(tiny_model, tmp_path / "small", vocab_size=20))))
    damaged = broken(tiny_model, tmp_path / "damaged")
    (damaged / "tokenizer.json").write_text("{}")
    with pytest.raises(UserError, match=r"damaged has no tokenizer that Transformers opens"):
        load_tokenizer(find_model(str(damaged)))


FOREIGN = {"AutoConfig": "configuration_own.Config", "AutoModelForSequenceClassification": "modeling_own.Model"}


def test_code_that_comes_with_a_model_is_never_run_nor_asked_about(tiny_model, tmp_path, monkeypatch):
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("asked"))
    folder = broken(tiny_model, tmp_path / "own", model_type="own", auto_map=FOREIGN)
    for name in ("configuration_own", "modeling_own", "tokenization_own"):
        (folder / f"{name}.py").write_text("raise SystemExit('foreign code ran')")
    with pytest.raises(
        UserError, match=r"'own' is code of its own \(configuration_own.py, modeling_own.py\), and code th"
    ):
        load(folder)
    known = broken(folder, tmp_path / "known", model_type="bert")  # Transformers has this one: its own class is taken
    assert type(load(known).model).__module__.startswith("transformers.")
    settings = json.loads((known / "tokenizer_config.json").read_text()) | {"tokenizer_class": "OwnTokenizer"}
    settings["auto_map"] = {"AutoTokenizer": ["tokenization_own.OwnTokenizer", None]}
    (known / "tokenizer_config.json").write_text(json.dumps(settings))
    assert len(load_tokenizer(find_model(str(known))))  # from tokenizer.json
    unknown = broken(folder, tmp_path / "unknown", all={"model_type": "xglm-own", "auto_map": FOREIGN})
    with pytest.raises(UserError, match="code that comes with a model is never run"):
        load_tokenizer(find_model(str(unknown)))


def test_what_a_configuration_says_about_outputs_is_overridden(tiny_model, tmp_path):
    """A tuple in place of named outputs would end every run at its first step."""
    wanted = {"return_dict": False, "output_hidden_states": True, "output_attentions": True, "torchscript": True}
    folder = broken(tiny_model, tmp_path / "tuple", **wanted)
    model, stock = load(folder).model, load(tiny_model).model
    output = model(torch.tensor([[2, 5, 3]]), labels=torch.tensor([1]))
    assert output.hidden_states is None
    assert output.attentions is None
    assert torch.equal(output.loss, stock(torch.tensor([[2, 5, 3]]), labels=torch.tensor([1])).loss)


@pytest.mark.parametrize(
    "family", ["bert", "electra", "deberta-v2", "mpnet", "xlnet", "xlm", "t5", "bart", "modernbert"]
)
def test_of_a_bare_encoder_nothing_but_head_and_pooler_is_drawn(family, tmp_path):
    """Also where names, prefixes and tied embeddings differ."""
    with torch.random.fork_rng():
        bare = AutoModel.from_config(tiny_configuration(family))
    bare.save_pretrained(tmp_path)
    loaded = load_classifier(ModelSource(family, tmp_path), labels=3, problem_type=ONE_LABEL, head_seed=0)
    assert loaded.missing
    assert loaded.missing_encoder == ()
    assert loaded.kept_head == ()
    weights = load_file(tmp_path / "model.safetensors")
    del weights[next(name for name in weights if re.search(r"\b0\b", name))]  # of the lowest layer
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    lacking = load_classifier(ModelSource(family, tmp_path), labels=3, problem_type=ONE_LABEL, head_seed=0)
    assert len(lacking.missing_encoder) == 1
