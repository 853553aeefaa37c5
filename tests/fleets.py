"""Small random models, ragged data, and both engines on them, for tests of the fleet and of what it is made of."""

from __future__ import annotations

import copy
import dataclasses
import itertools
from functools import lru_cache

import numpy as np
import pytest
import torch
from transformers import CONFIG_MAPPING, AutoModelForSequenceClassification

from seedproof.methods.mixing import MixLinear, _LegacyMix, _mix
from seedproof.models.dropout import set_named
from seedproof.models.layers import locate
from seedproof.models.tokens import TokenizedSplit
from seedproof.probes import make_probes
from seedproof.recipes import recipe, resolve
from seedproof.spec import Seeds
from seedproof.training.engine import RunData, step_seed
from seedproof.training.fleet.engine import FleetEngine
from seedproof.training.fleet.member import Member
from seedproof.training.plain import PlainEngine
from seedproof.training.plan import make_plan

LIKE_ROBERTA = ("roberta", "xlm-roberta", "camembert")
"""Positions begin behind the padding's, whose id is 1."""
FAMILIES = ("bert", "albert", "electra", "distilbert", *LIKE_ROBERTA)
families = pytest.mark.parametrize(
    "family",
    [pytest.param(each, marks=() if each in ("bert", "albert", "roberta") else pytest.mark.slow) for each in FAMILIES],
)
"""The three of the paper are fast tests; the others compute as one of them does, and are slow ones."""
HAVE_SEGMENTS = ("bert", "albert", "electra")
WORDS, LONGEST = 37, 14
_SHARED = {
    "vocab_size": WORDS,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": LONGEST + 2,
}
_OWN = {
    "albert": {"embedding_size": 8, "num_hidden_groups": 2},
    "electra": {"embedding_size": 8},
    "distilbert": {"hidden_dim": 24},
    **{family: {"type_vocab_size": 1} for family in LIKE_ROBERTA},
}
ALL_PROBES = {"gradients": 1, "pooler": 1, "drift": 1}


def make_model(family, seed=0, *, dropout=0.0, labels=2, several=False, **settings):
    """Every weight far from its initial value, norms and biases too, so that a wrong use of any of them shows."""
    problem = "regression" if labels == 1 else f"{'multi' if several else 'single'}_label_classification"
    own = _OWN.get(family, {}) | {"num_labels": labels, "problem_type": problem}
    config = CONFIG_MAPPING[family](**_SHARED | own | settings)
    set_named(config, dropout)
    model = AutoModelForSequenceClassification.from_config(config)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, value in model.named_parameters():
            size = 1.0 if locate(name).kind == "pooler" else 0.25  # some units saturate
            value.copy_((value if value.ndim == 1 else 0) + size * torch.randn(value.shape, generator=generator))
    return model


def make_split(family, lengths, seed=0, labels=2, several=False):
    generator = np.random.RandomState(seed)
    ids = [generator.randint(4, WORDS, size=length).tolist() for length in lengths]
    segments = [[int(2 * i >= len(row)) for i in range(len(row))] for row in ids] if family in HAVE_SEGMENTS else None
    targets = generator.randn(len(ids)) if labels == 1 else generator.randint(0, labels, len(ids))
    targets = generator.randint(0, 2, (len(ids), labels)) if several else targets
    return TokenizedSplit(ids, segments, targets, 0, int(family in LIKE_ROBERTA))


def ragged(count, seed, longest=LONGEST):
    lengths = np.random.RandomState(seed).randint(1, longest + 1, count)
    lengths[:2] = 1, longest
    return lengths


@lru_cache
def make_data(family, seed=0, labels=2, longest=LONGEST, several=False):
    """Thirty training and nine development examples, of 1 to ``longest`` tokens."""

    def score(logits):
        return {"score": -float(np.abs(logits["dev"]).mean())}

    train, dev = (make_split(family, ragged(n, seed + n, longest), seed + n, labels, several) for n in (30, 9))
    return RunData(train=train, evaluation={"dev": dev}, score=score, metric="score")


@dataclasses.dataclass
class Run:
    """What both engines are given."""

    model: torch.nn.Module
    recipe: object
    plan: object
    data: RunData
    seed: int
    probes: dict

    def member(self, **given):
        return Member(
            model=copy.deepcopy(self.model),
            recipe=self.recipe,
            plan=self.plan,
            data=self.data,
            seeds=Seeds.from_number(self.seed),
            probes=make_probes(self.probes),
            **given,
        )

    def plain(self, precision="fp32", device="cpu"):
        dtype = torch.float64 if precision == "fp64" else torch.float32
        return PlainEngine(
            copy.deepcopy(self.model).to(dtype),
            self.recipe,
            self.plan,
            self.data,
            seeds=Seeds.from_number(self.seed),
            probes=make_probes(self.probes),
            precision="bf16" if precision == "bf16" else "fp32",
            device=device,
        )


def make_run(
    family,
    name="devlin",
    seed=0,
    *,
    labels=2,
    several=False,
    probes=ALL_PROBES,
    data=None,
    model=None,
    evaluations=None,
    **settings,
):
    """A run of a named recipe; dropout 0 unless said."""
    given = {"dropout": 0.0, "learning_rate": 1e-3, "batch_size": 7, "epochs": 3.0, **settings}
    chosen = resolve(recipe(name, **given), family, None).recipe
    data = data or make_data(family, labels=labels, several=several)
    plan = make_plan(chosen, Seeds.from_number(seed), len(data.train), evaluations)
    model = model or make_model(family, seed, labels=labels, several=several, dropout=chosen.dropout)
    return Run(model, chosen, plan, data, seed, dict(probes))


def make_fleet(runs, precision="fp32", device="cpu", **given):
    """An engine, its members, and what was recorded when they joined."""
    members = [run.member(**given) for run in runs]
    engine = FleetEngine(members[0].model, precision=precision, device=device)
    return engine, members, engine.join(members)


def capture_gradients(engine):
    """Let a fleet keep each step's gradients by name, per member: (before clipping, after it)."""
    kept = []
    optimizer = engine._state.optimizer
    clip = optimizer.clip

    def clip_and_keep(recipes, norms=None):
        before = [engine._state.stack.read(engine._state.stack.gradients, index) for index in range(len(recipes))]
        clip(recipes, norms)
        after = [engine._state.stack.read(engine._state.stack.gradients, index) for index in range(len(recipes))]
        kept.append(list(zip(before, after, strict=True)))

    optimizer.clip = clip_and_keep
    return kept


def plain_steps(engine, steps):
    """Losses of the plain engine's next steps, and its gradients by name: (before clipping, after it)."""
    losses, gradients = [], []
    clip = engine._update._clip

    def read():
        return {n: value.grad.clone() for n, value in engine.model.named_parameters() if value.grad is not None}

    def clip_and_keep():
        before = read()
        clip()
        gradients.append((before, read()))

    engine._update._clip = clip_and_keep
    for _ in range(steps):
        losses += [record.values["loss"] for record in engine._train_step() if record.kind == "loss"]
    return losses, gradients


def use_masks_of_fleet(plain, engine, index):
    """Let a plain engine's Mixout take the masks that a fleet draws for its member ``index`` in the same step."""
    layers = [
        (getattr(n, f.name), use) for use, n in enumerate(engine._architecture.layers) for f in dataclasses.fields(n)
    ]
    for name, module in plain.model.named_modules():
        if isinstance(module, MixLinear):
            uses = [use for layer, use in layers if layer == name] or [0]
            module.forward = _mixed_forward(module, name, uses, plain, engine, index)


def _mixed_forward(module, name, uses, plain, engine, index):
    stem, _, last = name.rpartition(".")
    attention = ("query", "key", "value")
    joined = tuple(f"{stem}.{part}" for part in attention) if last in attention else (name,)
    calls = itertools.count()

    def forward(x):
        weight = module.weight
        if module.training:
            use = uses[next(calls) % len(uses)]
            seeds = np.array([step_seed(member.seeds.dropout, plain.step) for member in engine.members], np.uint64)
            mix = engine._mixed.at(engine._state.stack, seeds).of(joined, use)
            mask = (mix.scale[index, joined.index(name), 0] > 0).to(weight.dtype)
            mixer = _LegacyMix.apply if module.legacy_gradient else _mix
            weight = mixer(weight, module.target, mask, module.p)
        return torch.nn.functional.linear(x, weight, module.bias)

    return forward
