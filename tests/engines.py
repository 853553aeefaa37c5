"""Plain engines on small models, for tests of the engine and of probes."""

from __future__ import annotations

import torch

from seedproof.models.loading import load_classifier, load_tokenizer
from seedproof.models.source import find_model
from seedproof.models.tokens import tokenize
from seedproof.probes import make_probes
from seedproof.recipes import recipe, resolve
from seedproof.spec import Seeds
from seedproof.training.engine import RunData
from seedproof.training.plain import PlainEngine
from seedproof.training.plan import make_plan

ALL_PROBES = {"gradients": 2, "pooler": 1, "drift": 1}


def make_engine(
    folder, task, name="devlin", *, seeds=None, probes=ALL_PROBES, precision="fp32", evaluations=None, **settings
):
    source = find_model(str(folder))
    seeds = seeds or Seeds.from_number(3)
    chosen = resolve(recipe(name, **{"learning_rate": 1e-3, "epochs": 2, **settings}), source.family, None).recipe
    tokenizer = load_tokenizer(source)
    tokens = [tokenize(split, tokenizer, max_length=64, positions=source.positions) for split in (task.train, task.dev)]
    data = RunData(train=tokens[0], evaluation={"dev": tokens[1]}, score=task.score, metric=task.metrics[0])
    loaded = load_classifier(
        source, labels=task.num_labels, problem_type=task.problem_type, head_seed=seeds.head, dropout=chosen.dropout
    )
    plan = make_plan(chosen, seeds, len(task.train), evaluations)
    return PlainEngine(loaded.model, chosen, plan, data, seeds=seeds, probes=make_probes(probes), precision=precision)


def records(engine):
    return [record for step in engine.run() for record in step]


def losses(engine):
    return [record.values["loss"] for record in records(engine) if record.kind == "loss"]


def weights(engine):
    return {name: value.clone() for name, value in engine.model.state_dict().items()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
