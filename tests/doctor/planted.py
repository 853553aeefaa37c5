"""Faults that can be planted into a stock script of the Trainer (``stock_script.py``), and what the script wants to run."""

from __future__ import annotations

from pathlib import Path

from tests.conftest import make_tiny_model

CLEAN = Path(__file__).with_name("stock_script.py").read_text(encoding="utf-8")
"""A script that runs, and in which the doctor finds nothing. It wants the files of :func:`prepare` in its working folder."""

FAULTS = {
    "no-bias-correction": ("args=args,", "args=args, optimizers=(BertAdam(model.parameters(), lr=2e-5), None),"),
    "too-few-steps": ("num_train_epochs=20", "num_train_epochs=3"),
    "short-warmup": ("warmup_steps=0.1", "warmup_steps=1"),
    "rate-high-for-depth": ("learning_rate=2e-5", "learning_rate=1e-3"),
    "eps-out-of-range": ("batch_size=16,", "batch_size=16,\n        adam_epsilon=0.1,"),
    "sixteen-bit-weights": ("dtype=torch.float32", "dtype=torch.bfloat16"),
    "no-clipping": ("seed=seed,", "seed=seed, max_grad_norm=0,"),
    "head-before-seed": ("model_init=model_init", "model=model_init()"),
    "shared-data-orders": ("range(0, 2000, 1000)", "range(2)"),
    "nan-filter": ('    trainer.add_callback(StabilityCallback("out/stability"))\n', ""),
    "metric-hides-imbalance": ('"matthews_correlation"', '"accuracy"'),
    "texts-cut": ("max_length=128", "max_length=4"),
    "label-order": ('{0: "no", 1: "yes"}', '{0: "yes", 1: "no"}'),
}
"""Text of the script that each rule finds nothing in, and what to write in its place; for ``metric-hides-imbalance`` nine of
ten rows must be of one class."""


def with_faults(*names: str) -> str:
    """The script with some of the faults."""
    text = CLEAN
    for name in names:
        right, wrong = FAULTS[name]
        assert text.count(right) == 1
        text = text.replace(right, wrong)
    return text


def rows(count: int, name: str, share: float = 0.5) -> str:
    """A table of distinct texts, ``share`` of them of the class no."""
    lines = [
        f"a {name} text of some words {index},{'no' if index < share * count else 'yes'}" for index in range(count)
    ]
    return "\n".join(["text,label", *lines]) + "\n"


def prepare(folder: Path, *, train: int = 96, dev: int = 400, share: float = 0.5) -> None:
    """Write the model and the tables that the script opens: 20 epochs of 96 texts are 120 steps, of which 12 warm up."""
    make_tiny_model("bert", folder / "encoder")
    (folder / "train.csv").write_text(rows(train, "training", share))
    (folder / "dev.csv").write_text(rows(dev, "development", share))
