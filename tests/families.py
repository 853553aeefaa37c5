"""Tiny random models of every family with a sequence classification class, and what a study gets from each.

    python -m tests.families > docs/models.md

takes about two minutes.
"""

from __future__ import annotations

import dataclasses
import math
import re
import tempfile
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from torch import nn
from transformers import CONFIG_MAPPING, AutoModelForMaskedLM, AutoModelForSequenceClassification, PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

from seedproof.errors import UserError
from seedproof.execution.plain import plain_engine, prepare
from seedproof.execution.recording import Recording
from seedproof.execution.trial import try_runs
from seedproof.measure.forgetting import forgetting
from seedproof.measure.masking import MaskedBatch, Masking, mask_text
from seedproof.methods import METHODS, method
from seedproof.methods.mixing import layers_mixed_in
from seedproof.miniature.tokenizer import make_tokenizer
from seedproof.models import facts
from seedproof.models.checkpoint import quiet_transformers
from seedproof.models.dropout import dropouts
from seedproof.models.layers import JOINED, locate_all
from seedproof.models.loading import load_configuration
from seedproof.models.source import ModelSource, find_model
from seedproof.models.stacked.families import architecture_of
from seedproof.probes import PROBES, find_probe
from seedproof.probes.pooler import has_tanh
from seedproof.recipes import recipe
from seedproof.recipes.explained import engines
from seedproof.recipes.for_model import resolve_for
from seedproof.spec import Numerics, Seeds
from seedproof.study.planning import plan_runs
from seedproof.tasks import Split, Task, load_task

FAMILIES = tuple(MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES)
SIZES = (
    (r"(.*_)?vocab_size.*", 256),
    (r"num_experts_per_tok", 2),
    (r".*n_group|topk_group", 1),
    (r".*layers?|.*num_blocks|max_window_layers", 2),
    (r".*(heads?|n_head)", 4),
    (r".*(intermediate|ffn|inner|feed_forward|d_ff).*", 48),
    (r".*head_dim|d_kv|.*lora_rank|mamba_(d_state|dt_rank|d_head|headdim)|num_latents|attention_window", 8),
    (r".*(hidden_size|d_model|n_embd|embed_dim|embedding_size|emb_dim|d_latents)|dim", 32),
    (r"max_position_embeddings|n_positions|n_ctx|train_size", 128),
    (r".*experts", 4),
)
"""Largest values of the numbers of a configuration, by the first pattern that matches the name."""
TOKENS = {
    "pad_token_id": 0,
    "bos_token_id": 2,
    "cls_token_id": 2,
    "eos_token_id": 3,
    "sep_token_id": 3,
    "decoder_start_token_id": 0,
}
"""The special tokens of the miniature's tokenizer, which all of these models get."""
_ROPE = {"rope_type": "default", "rope_theta": 10000.0}
OWN: dict[str, dict[str, Any]] = {
    "cohere_compass_text": {
        "layer_types": ["full_attention", "sliding_attention"],
        "rope_parameters": {"full_attention": _ROPE, "sliding_attention": _ROPE},
    },
    "deepseek_v2": {"num_experts_per_tok": 2},
    "esm": {"vocab_size": 256, "pad_token_id": 0},
    "esmc": {"vocab_size": 256},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "gptj": {"rotary_dim": 4},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "use_mamba_kernels": False},
    "layoutlmv3": {"coordinate_size": 4, "shape_size": 8},
    "lilt": {"hidden_size": 48},
    "nemotron": {"num_key_value_heads": 4},
    "qwen3_5_text": {"num_hidden_layers": 4},
    "qwen3_next": {"num_hidden_layers": 4},
    "reformer": {"axial_pos_embds": False},
    "t5": {"decoder_start_token_id": 0},
    "zamba": {"layers_block_type": ["mamba", "hybrid"], "use_mamba_kernels": False},
    "zamba2": {"layers_block_type": ["mamba", "hybrid"], "use_mamba_kernels": False, "num_hidden_layers": 2},
}
"""What a family needs beyond that."""


def tiny_configuration(family: str, **settings: Any) -> PreTrainedConfig:
    """A family's default configuration with every size shrunk and what follows from sizes left to it."""
    kind = CONFIG_MAPPING[family]
    return kind(**_small(kind()) | OWN.get(family, {}) | settings)


def _small(config: PreTrainedConfig) -> dict[str, Any]:
    """The arguments that make a small configuration of this kind."""
    given: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        name, value = field.name, getattr(config, field.name, None)
        if isinstance(value, PreTrainedConfig):
            given[name] = type(value)(**_small(value) | OWN.get(value.model_type, {}))
        elif name in TOKENS and value is not None:
            given[name] = TOKENS[name]
        elif isinstance(value, int) and not isinstance(value, bool) and field.default is not None:
            limit = next((limit for pattern, limit in SIZES if re.fullmatch(pattern, name)), value)
            given[name] = min(value, limit)
        elif name == "head_dim":
            given[name] = 8
    return given


LIMITATIONS = {"zamba": "Transformers ties weights of layers that a small model does not have"}
"""Families of which no small model can be made here, with the reason: nothing is known of them."""
KINDS = {"attention output", "intermediate", "output"}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What a study gets from a family; what is not known is None."""

    kind: str
    """trained, refused, or limitation."""
    reason: str = ""
    segments: int | None = None
    positions: int | None = None
    dropout: str = ""
    """Where it is set: by the configuration, or in the modules as well."""
    left: int = 0
    """Places that drop although the dropout is 0."""
    mixout: str = ""
    """How many of the linear layers Lee et al.'s Mixout mixes, or refused."""
    weights: str = ""
    """Kinds of weights inside the layers: known, or those that keep their own names."""
    depth: str = ""
    """Which of the methods that go by depth it takes: all, or freeze alone where layers share their weights."""
    lora: str = ""
    """How many of the encoder's linear layers LoRA's default targets are."""
    pooler: str = ""
    """Whether the probe of the pooler's saturation sees anything."""
    forgetting: str = ""
    """Whether what fine-tuning has made it forget can be measured."""
    engine: str = "plain"
    """What ``--engine fleet`` trains it with."""


def make_family(family: str, folder: Path) -> ModelSource:
    """Write a tiny model of a family with random weights and the miniature's tokenizer."""
    with torch.random.fork_rng(), quiet_transformers():
        torch.manual_seed(0)
        AutoModelForSequenceClassification.from_config(tiny_configuration(family)).save_pretrained(folder)
        make_tokenizer("bert").save_pretrained(folder)
    return find_model(str(folder))


def outcome(family: str) -> Outcome:
    """Train a step of a tiny model of a family as a study does, with its segments, and evaluate it."""
    if family in LIMITATIONS:
        return Outcome("limitation", LIMITATIONS[family])
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            source = make_family(family, Path(name))
        except ImportError as error:
            return Outcome("limitation", next(line for line in str(error).splitlines() if line.strip()))
        try:
            model = _train(source)
        except UserError as error:
            return Outcome("refused", str(error).replace(name, "..."))
        return Outcome("trained", **_facts(source, model))


def _train(source: ModelSource, written: str = "devlin") -> nn.Module:
    """The model after two steps of a recipe without dropout and an evaluation.

    Raises:
        UserError: the family is refused, by the planning or by the trial batch.
    """

    def recipes(model: ModelSource) -> list[Any]:
        return [resolve_for(recipe(written, batch_size=4, max_steps=2, dropout=0), model)]

    task = _task()
    planned = plan_runs([task], [str(source.folder)], recipes, [Seeds.from_number(0)], Numerics())
    spec = planned.runs[0].spec
    try:
        engine = plain_engine(spec, prepare(spec, task, planned.sources[0], Recording()))
        records = [record for at_step in engine.run() for record in at_step]
    except Exception:
        try_runs([spec], [task], planned.sources, recording=Recording())
        raise
    losses = [record.values["loss"] for record in records if record.kind == "loss"]
    assert len(losses) == 2
    assert all(map(math.isfinite, losses))
    assert any(record.kind == "evaluation" and np.isfinite(record.values["logits dev"]).all() for record in records)
    return engine.model


def _task() -> Task:
    whole = load_task("miniature/entailment")

    def first(split: Split, count: int) -> Split:
        return Split(split.texts[:count], split.pairs[:count], np.array(split.labels[:count]))

    return Task(
        name="small", train=first(whole.train, 8), dev=first(whole.dev, 6), classes=whole.classes, metrics=("accuracy",)
    )


def _facts(source: ModelSource, model: nn.Module) -> dict[str, Any]:
    found = {"segments": facts.segments(facts.skeleton(source)), "positions": source.positions}
    _check(model.eval(), **found)
    inside = Counter(
        location.kind
        for location in locate_all(name for name, _ in model.named_parameters())
        if location.layer is not None
    )
    attention = JOINED in inside or {"query", "key", "value"} <= set(inside)
    return found | {
        "dropout": _where_dropout_is_set(source),
        "left": sum(p > 0 for location, p in dropouts(model).items() if not location.startswith("config.")),
        "mixout": _mixed(source, model),
        "engine": "plain" if architecture_of(load_configuration(source)) is None else "fleet",
        "depth": _by_depth(model),
        "lora": _updated(source, model),
        "pooler": "yes" if has_tanh(model.config) else "–",
        "forgetting": _measured(source.family),
        "weights": "known" if attention and set(inside) >= KINDS else "some unknown" if inside else "unknown",
    }


def _where_dropout_is_set(source: ModelSource) -> str:
    try:
        return "configuration" if facts.is_dropout_set_by_configuration(source, 0.123) else "modules"
    except UserError:
        return "only 0"


def _by_depth(model: nn.Module) -> str:
    taken = []
    for each in (method("llrd"), method("reinit", layers=1), method("freeze")):
        try:
            each.check_model(model)
            taken.append(each.name)
        except UserError:
            pass
    return "all" if len(taken) == 3 else ", ".join(taken) or "refused"


def _updated(source: ModelSource, model: nn.Module) -> str:
    try:
        counts = [len(method("lora", targets=targets).matrices(model)) for targets in ("query,value", "all")]
    except UserError:
        return "refused"
    trained = _train(source, "devlin + lora")
    assert [name for name, _ in trained.named_parameters()] == [name for name, _ in model.named_parameters()]
    return f"{counts[0]} of {counts[1]}"


def _measured(family: str) -> str:
    """Forgetting of a model that has forgotten nothing: its loss is that of the whole masked-LM model, or it is refused."""
    config = tiny_configuration(family)
    if type(config) not in AutoModelForMaskedLM._model_mapping:
        return "–"
    lines, tokenizer = load_task("miniature/entailment").dev.texts[:12], make_tokenizer("bert")
    with tempfile.TemporaryDirectory() as folder, torch.random.fork_rng(), quiet_transformers():
        torch.manual_seed(0)
        model = AutoModelForMaskedLM.from_config(config).eval()
        for value in model.parameters():
            if value.ndim > 1:
                torch.nn.init.normal_(value, std=0.2)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        try:
            found = forgetting(folder, folder, lines, layers=[0], max_length=64, device="cpu")["loss"].item()
        except UserError:
            return "–"
    batches = mask_text(lines, tokenizer, Masking(), 64).batches(32)  # convolutions look at padding: the same batches
    assert found == pytest.approx(_masked_loss(model, batches), rel=1e-4), family
    return "yes"


@torch.no_grad()
def _masked_loss(model: nn.Module, batches: list[MaskedBatch]) -> float:
    total = 0.0
    for batch in batches:
        logits = model(input_ids=batch.input_ids, attention_mask=batch.attention_mask).logits[batch.asked]
        total += nn.functional.cross_entropy(logits, batch.targets, reduction="sum").item()
    return total / sum(len(batch.targets) for batch in batches)


def _mixed(source: ModelSource, model: nn.Module) -> str:
    try:
        layers = sum(type(module) is nn.Linear for module in model.modules())
        return f"{len(layers_mixed_in(source, 'lee', 'flow'))} of {layers}"
    except UserError:
        return "refused"


@torch.no_grad()
def _check(model: nn.Module, *, segments: int, positions: int | None) -> None:
    """Hold what was read from the modules against what the model does."""

    def logits(length: int, **given: torch.Tensor) -> torch.Tensor:
        ids = torch.randint(5, 100, (1, length), generator=torch.Generator().manual_seed(length))
        ids[0, -1] = TOKENS["eos_token_id"]
        return model(ids, attention_mask=torch.ones_like(ids), **given).logits

    assert logits(positions or 300).isfinite().all()
    if positions is not None:
        with pytest.raises((IndexError, RuntimeError, ValueError)):
            logits(positions + 1)
    if segments > 1:
        one, two = torch.zeros(1, 12, dtype=torch.long), (torch.arange(12) > 5).long()[None]
        assert not torch.equal(logits(12, token_type_ids=one), logits(12, token_type_ids=two))


def table(outcomes: dict[str, Outcome]) -> str:
    """The text of `docs/models.md`."""
    counts = Counter(each.kind for each in outcomes.values())
    lines = [
        "# Models",
        "",
        "Written by `python -m tests.families > docs/models.md` (two minutes): a tiny random model of every family that has a",
        f"sequence classification class in Transformers {transformers.__version__}, trained for two steps and evaluated as a",
        f"study does it. {counts['trained']} of {len(outcomes)} were trained, {counts['refused']} refused, and of "
        f"{counts['limitation']} no small model can be made here.",
        "",
        "- **segments**: how many the model tells apart; it is asked for none or one of them, and given all where there are",
        "  more, whatever its tokenizer does unasked.",
        "- **positions**: the longest text of the tiny model (its configuration says 128); – has no limit of its own.",
        "- **dropout**: whether the configuration's entries that were known first set all of it, or the modules are set too.",
        f"  With 0 none is left in {sum(each.kind == 'trained' and not each.left for each in outcomes.values())} of "
        f"{counts['trained']} families.",
        "- **mixout**: how many of the linear layers take a dropout's output, and the head's; refused where some of what",
        "  takes one is no linear layer.",
        "- **engine**: what trains it with `--engine fleet`: what the fleet does not compute has the plain engine, which trains",
        "  all of them. MPNet and others with relative positions are such.",
        "- **by depth**: the methods that go by a layer's depth: all is llrd, reinit and freeze; layers that share their weights",
        "  (ALBERT) take freeze alone.",
        "- **lora**: how many of the encoder's linear layers its default targets, query and value, are; two steps are trained",
        "  with it, too. Refused where no layer is one of these (its message lists those that there are).",
        "- **weights**: whether gradient norms are told by kind (query, key, value, ...); what is unknown keeps its own name.",
        "- **pooler**: whether the recording `pooler` sees a tanh that may saturate.",
        "- **forgetting**: whether `seedproof measure forgetting` measures it: there is a masked-LM class, and embeddings,",
        "  layers and head one by one compute what the whole model does; each measurement asks that first, and refuses others.",
        "",
        "Which engine trains which method, and what each recording needs, does not depend on the family:",
        "",
        "| method | engines |",
        "| --- | --- |",
        *(f"| `{name}` | {engines(kind)} |" for name, kind in METHODS.items()),
        "",
        "| recording | engines |",
        "| --- | --- |",
        *(f"| `{name}` | {'plain' if find_probe(name).missing_in_fleet() else 'plain, fleet'} |" for name in PROBES),
        "",
        "rdrop, tensor_clip, ema and pretrained_decay ask nothing of a family, nor do the recordings `gradients`, `drift` and",
        "`fit`, or loss surfaces. With lora a matrix is recorded as it acts: drift is the norm of its update, its gradient norm",
        "that of both factors together, and what stands still has no gradient. Kept weights have the update merged, so",
        "forgetting and surfaces are measured as of any other run.",
        "",
        "| family | | engine | segments | positions | dropout | mixout | by depth | lora | weights | pooler | forgetting |",
        "| --- | --- | --- | ---: | ---: | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for family, each in sorted(outcomes.items()):
        cells = [each.engine, each.segments, each.positions or "–", each.dropout, each.mixout]
        cells += [each.depth, each.lora, each.weights, each.pooler, each.forgetting]
        shown = cells if each.kind == "trained" else [""] * len(cells)
        lines.append(f"| {family} | {each.kind} | {' | '.join(map(str, shown))} |")
    lines += ["", "What was not trained, and why:", ""]
    lines += [
        f"- **{family}** ({each.kind}): {each.reason}" for family, each in sorted(outcomes.items()) if each.reason
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table({family: outcome(family) for family in FAMILIES}))
