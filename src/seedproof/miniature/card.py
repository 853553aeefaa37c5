"""The model card of a miniature: what it is, how it was made, and its settings for fine-tuning."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedproof.miniature.pretrain import Pretraining

SETTINGS: Mapping[str, Mapping[str, float]] = {
    "bert": {"learning_rate": 1.8e-4, "dropout": 0.0},
    "roberta": {"learning_rate": 4e-4, "dropout": 0.0},
    "albert": {"learning_rate": 2e-4},  # its family has no dropout
    "bert-shallow": {"learning_rate": 1.8e-4, "dropout": 0.0},
}
"""Settings for fine-tuning each miniature where they are not its family's, chosen on seeds from 1000 on; why these, and what
else was tried, is in ``docs/miniature.md``."""

_CARD = """---
license: apache-2.0
library_name: transformers
tags: [seedproof, miniature, {family}]
seedproof:
{settings}
---

# miniature/{name}

A {family}-style encoder of {layers} layers, {width} wide, pre-trained on the miniature language of seedproof: a model
organism for the instability of fine-tuning. It knows about 150 words and nothing of English. Results on it are results
on the miniature, not on the models that it resembles.

- **Architecture**: that of Transformers' {family}, {layers} layers, hidden size {width}, {heads} heads, feed-forward
  {feed_forward}, one token a word, up to 64 tokens.
- **Pre-training**: masked words ({masked:.0%}) and sentence pairs (does the second text continue the first?), AdamW
  (.9, .98), dropout 0, batch {batch}, by stacking: {stages}.
- **Data**: drawn from the grammar while training; no data of other people.
- **Made again** by `seedproof miniature pretrain {name} --out FOLDER` (seed {seed}, one thread).
- **Settings for fine-tuning**: {listed}. What comes of them over 25 seeds, with and without bias correction, is in
  `docs/miniature.md` of seedproof.
- **Licence**: Apache-2.0, as seedproof.
"""


def write_card(name: str, settings: Pretraining, folder: Path) -> None:
    """Write ``README.md`` into the model's folder."""
    chosen = SETTINGS[name]
    stages = ", ".join(f"{s.layers} layers {s.steps} steps at {s.learning_rate:g}" for s in settings.stages)
    card = _CARD.format(
        name=name,
        family=settings.family,
        settings="\n".join(f"  {field}: {value:g}" for field, value in chosen.items()),
        listed=", ".join(f"{field.replace('_', ' ')} {value:g}" for field, value in chosen.items()),
        layers=settings.stages[-1].layers,
        width=settings.hidden_size,
        heads=settings.heads,
        feed_forward=settings.feed_forward,
        masked=settings.mlm_probability,
        batch=settings.batch_size,
        stages=stages,
        seed=settings.seed,
    )
    (folder / "README.md").write_text(card, encoding="utf-8")
