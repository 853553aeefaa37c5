"""Labels in the words of a figure: what is a setting is said, and nothing else is touched."""

from __future__ import annotations

import pytest

from seedproof.report.wording import recipe_in_words


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("mosbach(epochs=10, select=best)", "mosbach, 10 epochs, best weights kept"),
        ("mosbach(epochs=10) + llrd(decay=0.9) + ema", "mosbach, 10 epochs + llrd, decay 0.9 + ema"),
        ("mosbach + llrd(decay=0.9) + reinit(layers=5)", "mosbach + llrd, decay 0.9 + reinit, layers 5"),
        ('devlin + freeze(modules="a, b")', 'devlin + freeze, modules "a, b"'),
        ("my recipe (v2)", "my recipe (v2)"),
        ("miniature/bert, 3 epochs", "miniature/bert, 3 epochs"),
    ],
)
def test_settings_of_recipe_and_methods_are_said_and_other_brackets_stay(label, words):
    """From the first bracket to the last everything was taken for one recipe's settings."""
    assert recipe_in_words(label) == words
