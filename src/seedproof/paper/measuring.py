"""Measurements for figures, kept in the store of a reproduction: asked for twice, they are measured once."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedproof.errors import UserError
from seedproof.paper.scale import Scale
from seedproof.recipes import from_json

if TYPE_CHECKING:
    import pandas as pd

    from seedproof.measure.plane import Surface
    from seedproof.spec import RunSpec
    from seedproof.store import Store

WIKITEXT = ("Salesforce/wikitext", "wikitext-2-raw-v1", "test")
"""Where the hub has the text of the paper."""
QUIET_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Measuring:
    """Measures weights of a store's runs."""

    store: Store
    scale: Scale
    text: Path | None = None
    """Text for forgetting; None: the miniature's held-out text, or WikiText-2 from the hub."""
    jobs: int | None = None
    """Processes at a time for surfaces; None is one per core."""
    say: Callable[[str], None] = lambda _text: None
    """Told what is being measured."""

    @property
    def text_name(self) -> str:
        """What the text for forgetting is called."""
        if self.text is not None:
            return self.text.name
        return "the miniature's held-out text" if self.scale.is_miniature else "WikiText-2 raw, test"

    def forgetting(self, run: str) -> pd.DataFrame:
        """Forgetting (:func:`seedproof.forgetting`) with every number of layers put back."""
        from seedproof.measure.forgetting import forgetting

        folder, spec = self._weights(run), self.store.run(run).spec
        return forgetting(
            folder,
            self._pretrained(spec),
            self._text(),
            device=self.store.numerics.device,
            folder=self.store.path,
            report=self._told(f"forgetting of run {run}"),
        )

    def surface(self, failed: str, successful: str) -> Surface:
        """Loss and gradient norm on the plane of two runs, with its edges."""
        return self._surface(failed, successful, side=self.scale.surface_points)

    def edges(self, failed: str, successful: str) -> Surface:
        """Loss and gradient norm on the edges between two runs and their common start.

        Raises:
            UserError: the scale has no points on an edge.
        """
        if self.scale.edge_points < 1:
            raise UserError(f"edge_points of the scale must be at least 1, but is {self.scale.edge_points}")
        # A surface wants a grid; the smallest, at the corners, costs four points.
        return self._surface(failed, successful, side=2)

    def _surface(self, failed: str, successful: str, *, side: int) -> Surface:
        from seedproof.measure.surface import surface
        from seedproof.tasks import Task

        spec, other = self.store.run(failed).spec, self.store.run(successful).spec
        if spec.seeds.head != other.seeds.head:
            raise UserError(
                f"the runs {failed} and {successful} start from different heads, so they share no plane with one"
            )
        recipe = from_json(spec.recipe, with_methods=False)
        what = "surface" if side > 2 else "edges"
        return surface(
            self._pretrained(spec),
            self._weights(failed),
            self._weights(successful),
            task=Task.read(self.store.task_folder(spec.task.fingerprint)),
            head_seed=spec.seeds.head,
            initializer_range=recipe.initializer_range,
            gradient_norm=True,
            side=side,
            edge=self.scale.edge_points,
            examples=self.scale.surface_examples,
            max_length=recipe.max_length,
            segment_ids=recipe.segment_ids,
            inputs=recipe.inputs,
            jobs=self.jobs,
            device=self.store.numerics.device,
            folder=self.store.path,
            report=self._told(f"{what} of the runs {failed} and {successful}"),
        )

    def _weights(self, run: str) -> Path:
        folder = self.store.run(run).weights
        if not folder.is_dir():
            raise UserError(
                f"the run {run} has no stored weights ({folder} is missing); give the command of the reproduction again "
                "without changing its folder"
            )
        return folder

    def _pretrained(self, spec: RunSpec) -> Path:
        from seedproof.execution.inputs import model_source

        return model_source(self.store, spec.model).folder

    def _text(self) -> Path | Sequence[str]:
        if self.text is not None:
            return self.text
        if self.scale.is_miniature:
            from seedproof.miniature.corpus import held_out_text

            return held_out_text()
        return _from_hub()

    def _told(self, what: str) -> Callable[[int, int], None]:
        """Say what is measured once it takes a while: what was all there already takes none."""
        started, said = time.monotonic(), set[str]()

        def report(done: int, of: int) -> None:
            if done < of and what not in said and time.monotonic() - started > QUIET_SECONDS:
                said.add(what)
                self.say(f"measuring: {what}, {done} of {of} parts done")

        return report


def _from_hub() -> list[str]:
    import datasets

    name, part, split = WIKITEXT
    try:
        lines: Any = datasets.load_dataset(name, part, split=split)["text"]
    except (OSError, ValueError) as error:
        raise UserError(
            f"cannot load {name} ({part}) from the hub ({error}); check the connection, or give the file with --text"
        ) from error
    return list(lines)
