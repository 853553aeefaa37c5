"""Small models of each family, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.measure.made import make_classifier, make_pretrained, without_tokenizer

FAMILIES = ("bert", "roberta", "albert")


@pytest.fixture(scope="session")
def pretrained(tmp_path_factory) -> dict[str, Path]:
    """Folders of pre-trained models with masked-LM heads, by family."""
    root = tmp_path_factory.mktemp("pretrained")
    return {family: make_pretrained(family, root / family) for family in FAMILIES}


@pytest.fixture(scope="session")
def finetuned(pretrained, tmp_path_factory) -> dict[str, Path]:
    """Folders of classifiers, by family, without a tokenizer."""
    root = tmp_path_factory.mktemp("finetuned")
    for family, folder in pretrained.items():
        make_classifier(folder, seed=5).save_pretrained(root / f"{family}-saved")
    return {family: without_tokenizer(root / f"{family}-saved", root / family) for family in pretrained}
