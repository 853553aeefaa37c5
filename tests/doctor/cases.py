"""For every rule facts in which it must find something, and facts in which it must not."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from seedproof.doctor.base import Known, Place
from seedproof.doctor.facts import Facts, Run
from seedproof.doctor.sources.script import read_script
from seedproof.models.source import find_model
from seedproof.tasks import Split, Task

HERE = Place("here")


def known(**settings) -> dict[str, Known]:
    return {name: Known(value, HERE) for name, value in settings.items()}


def task(train=400, dev=400, *, pairs=False, share=0.5, texts=None, labels=None, **changes) -> Task:
    """Distinct texts of two classes, ``share`` of them of the first one."""

    def split(name: str, count: int) -> Split:
        words = [f"{name} number {index}" for index in range(count)]
        numbers = (np.arange(count) >= round(share * count)).astype(int)
        return Split(words, words if pairs else None, numbers)

    parts = {"train": split("train", train), "dev": split("dev", dev)}
    if texts is not None:
        parts["train"] = Split(texts, None, labels)
    whole = {"name": "made", "classes": ("no", "yes"), "metrics": ("accuracy",), **parts, **changes}
    return Task(**whole)


def run(**changes) -> Run:
    return Run(**{"name": "a run", "place": HERE, **changes})


def script(folder: Path, text: str) -> Facts:
    """Facts with a script alone."""
    path = folder / "script.py"
    path.write_text(text)
    return Facts(script=read_script(path))


TRAINER = "Trainer(model=model, args=args)\n"
LOAD = "model = AutoModelForSequenceClassification.from_pretrained('m')\n"


def with_model(name: str = "miniature/bert", **settings) -> Facts:
    return Facts(model=find_model(name), settings=known(**settings))


def evaluated(**scores) -> Facts:
    """A log of three evaluations with the same scores."""
    return Facts(data=task(), runs=(run(evaluations=tuple((step, scores) for step in (1, 2, 3))),))


CASES = {
    "no-bias-correction": (
        lambda _: Facts(settings=known(bias_correction=False)),
        lambda _: Facts(settings=known(bias_correction=True)),
    ),
    "too-few-steps": (
        lambda _: Facts(settings=known(epochs=3.0, batch_size=16, train_examples=2490)),
        lambda _: Facts(settings=known(epochs=20.0, batch_size=16, train_examples=600)),
    ),
    "short-warmup": (
        lambda _: Facts(settings=known(warmup=1.0)),
        lambda _: Facts(settings=known(warmup=0.1, epochs=3.0, batch_size=16, train_examples=2490)),
    ),
    "rate-high-for-depth": (lambda _: with_model(learning_rate=1e-3), lambda _: with_model(learning_rate=2e-5)),
    "eps-out-of-range": (
        lambda _: Facts(settings=known(eps=1e-8, weights_dtype="float16")),
        lambda _: Facts(settings=known(eps=1e-8, weights_dtype="float32")),
    ),
    "sixteen-bit-weights": (
        lambda _: with_model(weights_dtype="bfloat16", learning_rate=2e-5),
        lambda _: with_model(weights_dtype="auto", learning_rate=2e-5),
    ),
    "no-clipping": (
        lambda _: Facts(settings=known(max_grad_norm=0.0)),
        lambda _: Facts(settings=known(max_grad_norm=1.0)),
    ),
    "head-before-seed": (
        lambda folder: script(folder, LOAD + "set_seed(1)\n" + TRAINER),
        lambda folder: script(folder, "set_seed(1)\n" + LOAD + TRAINER),
    ),
    "shared-data-orders": (
        lambda _: Facts(settings=known(orders="trainer", seeds=tuple(range(25)), epochs=20.0)),
        lambda _: Facts(settings=known(orders="trainer", seeds=(0, 20, 40), epochs=20.0)),
    ),
    "nan-filter": (lambda _: Facts(settings=known(nan_filter=True)), lambda _: Facts(settings=known(nan_filter=False))),
    "lora-head": (
        lambda folder: script(folder, "get_peft_model(model, LoraConfig(r=8))"),
        lambda folder: script(folder, "get_peft_model(model, LoraConfig(r=8, task_type=TaskType.SEQ_CLS))"),
    ),
    "majority-score": (lambda _: evaluated(accuracy=0.5), lambda _: evaluated(accuracy=0.75)),
    "constant-predictions": (
        lambda _: Facts(runs=(run(predicted="yes"), run(predicted=""))),
        lambda _: Facts(runs=(run(predicted=""),)),
    ),
    "small-development-set": (lambda _: Facts(data=task(dev=100)), lambda _: Facts(data=task(dev=312))),
    "metric-hides-imbalance": (
        lambda _: Facts(data=task(share=0.9), settings=known(metric="eval_accuracy")),
        lambda _: Facts(data=task(share=0.9), settings=known(metric="matthews_correlation")),
    ),
    "texts-cut": (
        lambda _: Facts(data=task(), model=find_model("miniature/bert"), settings=known(max_length=3)),
        lambda _: Facts(data=task(), model=find_model("miniature/bert"), settings=known(max_length=128)),
    ),
    "duplicates": (
        lambda _: Facts(data=task(texts=["a", " a", "b", "c"], labels=[0, 0, 0, 1])),
        lambda _: Facts(data=task()),
    ),
    "contradicting-labels": (
        lambda _: Facts(data=task(texts=["a", "a", "b", "c"], labels=[0, 1, 0, 1])),
        lambda _: Facts(data=task()),
    ),
    "train-dev-overlap": (
        lambda _: Facts(data=task(texts=["dev number 1", "b"], labels=[0, 1])),
        lambda _: Facts(data=task()),
    ),
    "special-tokens-in-texts": (
        lambda _: Facts(data=task(texts=["a [SEP] b", "[UNK]"], labels=[0, 1]), model=find_model("miniature/bert")),
        lambda _: Facts(data=task(texts=["a sep b", "[UNK]"], labels=[0, 1]), model=find_model("miniature/bert")),
    ),
    "segment-ids-missing": (
        lambda _: Facts(data=task(pairs=True), model=find_model("miniature/bert"), settings=known(segments=False)),
        lambda _: Facts(data=task(pairs=True), model=find_model("miniature/roberta"), settings=known(segments=False)),
    ),
    "label-order": (
        lambda _: Facts(data=task(), settings=known(id2label=({"0": "yes", "1": "no"}, None), numbering=("no", "yes"))),
        lambda _: Facts(data=task(), settings=known(id2label=({"0": "No", "1": "Yes"}, {"No": 0, "Yes": 1}))),
    ),
}
