"""Settings in a model's card: which are read, and what is refused with the name of the file."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from seedproof.errors import UserError
from seedproof.models.source import find_model
from seedproof.recipes import recipe
from seedproof.recipes.card import settings_of_card
from seedproof.recipes.for_model import resolve_for


@pytest.fixture
def copied(tiny_model, tmp_path) -> Path:
    """A copy of the tiny model that a test may change."""
    return Path(shutil.copytree(tiny_model, tmp_path / "copy"))


@pytest.mark.parametrize(
    ("card", "settings"),
    [
        (None, {}),
        ("# A card without front matter", {}),
        ("---\nlicense: mit\n---\n", {}),
        (
            "---\nseedproof:\n  learning_rate: 3e-4\n---\ntext",
            {"learning_rate": 3e-4},
        ),  # a text for YAML, without a point
        ("---\nseedproof:\n  learning_rate: 0.0003\n  dropout: 0\n---\n", {"learning_rate": 3e-4, "dropout": 0.0}),
        ("---\nseedproof: {clip: none, weight_decay: 0.1}\n---\n", {"clip": "none", "weight_decay": 0.1}),
        ("---\nlicense: [mit\n---\n", {}),  # somebody else's broken card is no reason to stop
        ("---\n- a list\n---\n", {}),
        ("---\nseedproof: yes\n---\n", {}),
    ],
)
def test_settings_of_a_card(copied, card, settings):
    if card is not None:
        (copied / "README.md").write_text(card)
    source = find_model(str(copied))
    assert settings_of_card(source) == settings
    resolved = resolve_for(recipe("devlin"), source)
    assert {name for name, origin in resolved.origins.items() if origin == "model card"} == set(settings)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("learning_rate: fast", r"learning_rate = 'fast' is not valid; it must be a number above 0.*README.md"),
        ("dropout: 1.5", r"dropout = .*1.5.* is not valid; .*README.md"),
        ("drop_out: 0", r"unknown setting 'drop_out' in the front matter of .*README.md; did you mean 'dropout'"),
        ("epochs: 5", r"unknown setting 'epochs' in the front matter of .*README.md"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_its_file(copied, written, message):
    (copied / "README.md").write_text(f"---\nseedproof:\n  {written}\n---\n")
    with pytest.raises(UserError, match=message):
        settings_of_card(find_model(str(copied)))
