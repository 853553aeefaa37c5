"""The folder of a judged fit, written: what is shipped, opened again, what answering needs beside it, and its card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from seedproof.fitting.about import About
from seedproof.fitting.card.page import card
from seedproof.fitting.card.told import Told
from seedproof.fitting.folder import MEMBERS, appearing, average_models, check_answers, copy_model, folders_beside
from seedproof.fitting.judgement import Judgement, Run

if TYPE_CHECKING:
    from seedproof.fitting.asking import Request
    from seedproof.fitting.running import Ran


class Writer:
    """Writes the model's folder of a fit.

    Args:
        request: what was asked for.
        ran: its runs.
    """

    def __init__(self, request: Request, ran: Ran) -> None:
        self._target, self._task, self._source = request.target, request.task, request.source
        self._store, self._spec, self._notes = ran.store, ran.spec, ran.notes
        # A recipe may allow more tokens than the model has positions for, as long as no text of training has them.
        self._max_length = request.source.most_tokens(ran.spec.recipe["max_length"])

    def write(self, judgement: Judgement, table: Mapping[str, Any], said: str) -> Told:
        """Write, open again, compare, and move into place.

        Args:
            judgement: what is shipped.
            table: options of the table, of which answering needs some.
            said: what the card calls the command.

        Returns:
            What the card tells beside the judgement.
        """
        with appearing(self._target) as folder:
            differing = self._models(judgement, folder)
            members = tuple(f"{MEMBERS}/{path.name}" for path in sorted((folder / MEMBERS).glob("*")))
            self._about(table, members, judgement.numbers()).write(folder)
            told = self._told(said, differing, self._beside(judgement))
            (folder / "README.md").write_text(card(judgement, told), encoding="utf-8")
        return told

    def outputs_of_mean(self, runs: Sequence[Run]) -> NDArray[Any]:
        """Logits on the development set of the model whose weights are the mean of these runs'."""
        from seedproof.fitting.predicting import Predictor

        with TemporaryDirectory(dir=self._store.path, prefix=".mean-") as made:
            folder = Path(made)
            average_models([self._weights(run) for run in runs], folder, self._max_length)
            self._about({}, (), {}).write(folder)
            [outputs] = Predictor(folder, device="cpu").outputs(self._task.dev.texts, self._task.dev.pairs)
            return outputs

    def _models(self, judgement: Judgement, folder: Path) -> float:
        """What is shipped, in an ensemble of predictions the best first, and the others inside of it; how far they are off."""
        if judgement.shipped == "weights":
            average_models([self._weights(run) for run in judgement.members], folder, self._max_length)
            return self._check(folder, judgement.outputs)
        differing: list[float] = []
        for run in sorted(judgement.members, key=lambda run: run is not judgement.best):
            place = folder / MEMBERS / f"seed-{run.seed.replace('/', '-')}" if differing else folder
            copy_model(self._weights(run), place, self._max_length)
            differing.append(self._check(place, run.outputs))
        return max(differing)

    def _weights(self, run: Run) -> Path:
        return self._store.run(run.id).weights

    def _check(self, folder: Path, outputs: NDArray[Any]) -> float:
        return check_answers(folder, self._task.dev, outputs, self._task.problem_type, self._spec.numerics.precision)

    def _beside(self, judgement: Judgement) -> str:
        """What methods have kept beside the models that are shipped, in a sentence."""
        run = judgement.members[0]
        names = " and ".join(f"{name}/" for name in folders_beside(self._weights(run)))
        if not names:
            return ""
        runs = f"runs/{run.id}/weights" if len(judgement.members) == 1 else "weights/ of each run"
        recipe, study = self._spec.recipe["name"], self._store.path.name
        return (
            f"{recipe} keeps {names} beside a model, which stays in the study ({study}: {runs}); "
            "the model here answers as in training without it"
        )

    def _about(self, table: Mapping[str, Any], members: tuple[str, ...], found: Mapping[str, Any]) -> About:
        separator = table.get("label_separator")
        return About(
            problem_type=self._task.problem_type,
            max_length=self._max_length,
            text=table.get("text"),
            text_pair=table.get("text_pair"),
            id=table.get("id"),
            quoting=table.get("quoting"),
            is_pair=self._task.train.pairs is not None,
            members=members,
            found=found,
            **({"label_separator": separator} if separator else {}),
        )

    def _told(self, said: str, differing: float, beside: str) -> Told:
        from seedproof.models.loading import load_tokenizer
        from seedproof.models.tokens import count_cut

        tokenizer, length = load_tokenizer(self._source), self._max_length
        splits = {"train": self._task.train, "dev": self._task.dev}
        return Told(
            task=self._task,
            problem_type=self._task.problem_type,
            source=self._source,
            recipe=self._spec.recipe["name"],
            command=said,
            cut={name: count_cut(split, tokenizer, length) for name, split in splits.items()},
            max_length=length,
            notes=self._notes,
            differing=differing,
            beside=beside,
        )
