"""Fixtures that several tests share."""

from __future__ import annotations

import os

# What a shell has set for its programs changes bits, and is read when NumPy and PyTorch are loaded: before the imports below.
for _name in list(os.environ):
    if _name.startswith(("ATEN_", "DNNL_", "MKL_", "NPY_", "ONEDNN_", "OPENBLAS_", "CUBLAS_")):
        del os.environ[_name]

import signal  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402
from tests import needs, shapes  # noqa: E402

shapes.install()
# How long an example takes says what else the machine does, not whether the program is right.
settings.register_profile("seedproof", deadline=None)
settings.load_profile("seedproof")

# One thread per process, here and in the workers that tests start: two cores shared by many test processes.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.pop("COLUMNS", None)  # a person's shell may have exported the width of its window

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_configure() -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell's background commands ignore Ctrl-C, and so would every process that a test starts.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    needs.required()  # a misspelt name must not pass for one that is met


@pytest.fixture(scope="session")
def glue_dir() -> Path:
    """The folder of real GLUE files in the download layout."""
    folder = Path(os.environ.get("SEEDPROOF_GLUE_DIR", REPOSITORY.parent / "shared" / "data" / "glue_data"))
    if not folder.is_dir():
        needs.lacking(
            "data", f"no GLUE files at {folder}; set SEEDPROOF_GLUE_DIR to a folder in the GLUE download layout"
        )
    return folder


@pytest.fixture(scope="session")
def vocabulary_dir() -> Path:
    """The folder of real vocabularies."""
    folder = Path(os.environ.get("SEEDPROOF_VOCAB_DIR", REPOSITORY.parent / "shared" / "data" / "vocab"))
    if not folder.is_dir():
        fix = "set SEEDPROOF_VOCAB_DIR to a folder that has bert-base-uncased/vocab.txt"
        needs.lacking("data", f"no vocabularies at {folder}; {fix}")
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT of random weights over the miniature language, in Transformers' layout: runs in milliseconds."""
    return make_tiny_model("bert", tmp_path_factory.mktemp("tiny") / "bert")


def make_tiny_model(family: str, folder: Path) -> Path:
    """Write a small model of a family with random weights and the miniature's tokenizer."""
    from seedproof.testing.tiny import tiny_model

    return tiny_model(folder, family)


@pytest.fixture(scope="session")
def small_task():
    """Forty training and thirty development pairs of the miniature's entailment task."""
    from seedproof.tasks import Split, Task, load_task

    whole = load_task("miniature/entailment")

    def first(split: Split, count: int) -> Split:
        return Split(split.texts[:count], split.pairs[:count], np.array(split.labels[:count]))

    return Task(
        name="small",
        train=first(whole.train, 40),
        dev=first(whole.dev, 30),
        classes=whole.classes,
        metrics=("accuracy",),
    )
