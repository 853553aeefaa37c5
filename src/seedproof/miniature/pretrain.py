"""Pre-train a miniature: masked words and sentence pairs, by stacking.

Twenty-four layers trained from scratch do not take off at this width. Stacking does (Gong et al. 2019): train a few
layers, copy them on top of themselves, train on, until the depth is reached. ALBERT shares one layer, so that only the
number of its applications grows. Dropout is 0 and gradients are clipped at 1. Run it with::

    seedproof miniature pretrain bert --out FOLDER
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    AlbertConfig,
    AlbertForPreTraining,
    BertConfig,
    BertForPreTraining,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaForMaskedLM,
)

from seedproof.generators import own_generators
from seedproof.miniature.corpus import draw_pair, draw_passage_pair, draw_sentence
from seedproof.miniature.tokenizer import MAXIMUM_LENGTH, make_tokenizer


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One depth of the stack."""

    layers: int
    steps: int
    learning_rate: float
    """The peak: warm-up over a tenth of the steps, then linear to 0."""


@dataclass(frozen=True, kw_only=True)
class Pretraining:
    """Settings of a pre-training; the defaults made the shipped weights."""

    family: str
    stages: tuple[Stage, ...]
    seed: int = 0
    hidden_size: int = 64
    heads: int = 2
    feed_forward: int = 256
    batch_size: int = 96
    passage_fraction: float = 0.05
    """Fraction of the batches that are two passages of three sentences, for the positions up to 64."""
    pair_fraction: float = 0.6
    """Fraction of the batches that are pairs of sentences; the rest are single sentences."""
    mlm_probability: float = 0.2
    """Probability of a word to be predicted; of these 80 % are masked, 10 % replaced, 10 % kept (Devlin et al. 2019)."""


def make_config(settings: Pretraining, layers: int) -> PretrainedConfig:
    """The family's configuration at miniature size, with its dropout of .1 (ALBERT's: 0); cards set what fine-tuning drops."""
    shared: dict[str, Any] = {
        "vocab_size": len(make_tokenizer(settings.family)),
        "hidden_size": settings.hidden_size,
        "num_hidden_layers": layers,
        "num_attention_heads": settings.heads,
        "intermediate_size": settings.feed_forward,
        "hidden_act": "gelu",
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
    }
    if settings.family == "roberta":
        return RobertaConfig(
            **shared | {"layer_norm_eps": 1e-5}, max_position_embeddings=MAXIMUM_LENGTH + 2, type_vocab_size=1
        )
    if settings.family == "albert":
        return AlbertConfig(
            **shared | {"hidden_act": "gelu_new"}, max_position_embeddings=MAXIMUM_LENGTH, embedding_size=32
        )
    return BertConfig(**shared, max_position_embeddings=MAXIMUM_LENGTH)


class PairModel(nn.Module):
    """A masked-word model with a sentence-pair head: the family's own, or for RoBERTa one that is thrown away."""

    def __init__(self, settings: Pretraining, layers: int) -> None:
        super().__init__()
        config = make_config(settings, layers)
        classes = {"bert": BertForPreTraining, "roberta": RobertaForMaskedLM, "albert": AlbertForPreTraining}
        self.model: PreTrainedModel = classes[settings.family](config)
        size = config.hidden_size
        self.pair_head = nn.Sequential(nn.Linear(size, size), nn.Tanh(), nn.Linear(size, 2))

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Word logits (batch, length, words) and pair logits (batch, 2)."""
        if not isinstance(self.model, RobertaForMaskedLM):
            output = self.model(**batch)
            pairs = (
                output.sop_logits if isinstance(self.model, AlbertForPreTraining) else output.seq_relationship_logits
            )
            return output.prediction_logits, pairs
        hidden = self.model.roberta(**batch).last_hidden_state
        return self.model.lm_head(hidden), self.pair_head(hidden[:, 0])


def layer_list(model: PreTrainedModel) -> nn.ModuleList:
    """The encoder's layers (ALBERT: its one group)."""
    encoder = model.base_model.encoder
    layers: nn.ModuleList = encoder.layer if hasattr(encoder, "layer") else encoder.albert_layer_groups
    return layers


def stack(small: PairModel, settings: Pretraining, layers: int) -> PairModel:
    """Build a model of ``layers`` layers whose layer i starts as layer ``i % depth`` of ``small``."""
    large = PairModel(settings, layers)
    state = {name: value for name, value in small.state_dict().items() if ".encoder.layer." not in name}
    large.load_state_dict(state, strict=False)
    old, new = layer_list(small.model), layer_list(large.model)
    for index, layer in enumerate(new):
        layer.load_state_dict(old[index % len(old)].state_dict())
    return large


def batches(settings: Pretraining, tokenizer: PreTrainedTokenizerFast, rng: Random) -> Iterator[tuple[Any, Tensor]]:
    """Endless batches: token tensors, and whether the second text continues the first (0 yes, 1 no, -100 no pair)."""
    room = MAXIMUM_LENGTH - tokenizer.num_special_tokens_to_add(pair=True)
    while True:
        kind, size = rng.random(), settings.batch_size
        if kind < settings.passage_fraction + settings.pair_fraction:
            if kind < settings.passage_fraction:
                drawn = [draw_passage_pair(rng, room) for _ in range(size // 3)]
            else:
                drawn = [draw_pair(rng) for _ in range(size)]
            tokens = tokenizer([d[0] for d in drawn], [d[1] for d in drawn], padding=True, return_tensors="pt")
            yield tokens, torch.tensor([int(not d[2]) for d in drawn])
        else:
            texts = [draw_sentence(rng) for _ in range(size)]
            yield tokenizer(texts, padding=True, return_tensors="pt"), torch.full((size,), -100)


def mask_words(
    ids: Tensor, settings: Pretraining, tokenizer: PreTrainedTokenizerFast, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Masked ids and labels (-100 where nothing is asked), both (batch, length). Special tokens are never masked."""
    special = len(tokenizer.all_special_ids)  # they come first in the vocabulary
    asked = (torch.rand(ids.shape, generator=generator) < settings.mlm_probability) & (ids >= special)
    how = torch.rand(ids.shape, generator=generator)
    words = torch.randint(special, len(tokenizer), ids.shape, generator=generator)
    masked = torch.where(asked & (how < 0.8), tokenizer.mask_token_id, ids)
    return torch.where(asked & (how >= 0.9), words, masked), torch.where(asked, ids, -100)


def train_stage(
    model: PairModel,
    stage: Stage,
    source: Iterator[tuple[Any, Tensor]],
    settings: Pretraining,
    generator: torch.Generator,
    report: Callable[[str], None],
) -> None:
    """Train one depth: AdamW (.9, .98), warm-up over a tenth, linear decay, clipping at 1."""
    tokenizer = make_tokenizer(settings.family)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    optimizer = torch.optim.AdamW(model.parameters(), lr=stage.learning_rate, betas=(0.9, 0.98), fused=True)
    warmup = stage.steps // 10
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / warmup, (stage.steps - step) / (stage.steps - warmup))
    )
    sums = torch.zeros(4)
    for step, (tokens, continued) in zip(range(1, stage.steps + 1), source, strict=False):
        ids, labels = mask_words(tokens["input_ids"], settings, tokenizer, generator)
        word_logits, pair_logits = model({**tokens, "input_ids": ids})
        word_loss = nn.functional.cross_entropy(word_logits.flatten(0, 1), labels.flatten())
        is_pair = bool(continued[0] >= 0)
        pair_loss = nn.functional.cross_entropy(pair_logits, continued) if is_pair else word_loss.new_zeros(())
        torch.autograd.backward(word_loss + pair_loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        hits = (pair_logits.argmax(-1) == continued).float().mean() if is_pair else torch.zeros(())
        sums += torch.stack([torch.tensor(float(is_pair)), pair_loss.detach(), hits, word_loss.detach()])
        if step % 100 == 0 or step == stage.steps:
            count = step % 100 or 100
            pairs, pair, right, word = sums.tolist()
            report(
                f"{stage.layers} layers, step {step}/{stage.steps}: word loss {word / count:.3f}, "
                f"pair loss {pair / max(pairs, 1):.3f}, right {right / max(pairs, 1):.3f}"
            )
            sums.zero_()


def pretrain(settings: Pretraining, report: Callable[[str], None] = print) -> Iterator[tuple[Stage, PairModel]]:
    """Pre-train through all stages; yields the model at the end of each.

    The global generator is forked, so a caller's random state is left alone. The result is the same bits for the same
    settings, versions and number of threads.
    """
    tokenizer = make_tokenizer(settings.family)
    generator = torch.Generator().manual_seed(settings.seed)
    source = batches(settings, tokenizer, Random(f"seedproof miniature pretraining {settings.seed}"))
    model: PairModel | None = None
    for stage in settings.stages:
        with own_generators(seed=settings.seed):
            model = PairModel(settings, stage.layers) if model is None else stack(model, settings, stage.layers)
        train_stage(model.train(), stage, source, settings, generator, report)
        yield stage, model.eval()
