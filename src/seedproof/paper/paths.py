"""Where the data, models and text of a reproduction are, as the user says; nothing given: the hub, or what is shipped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seedproof.errors import UserError, unknown
from seedproof.paper.blocks import Block
from seedproof.paper.scale import Scale, from_anywhere
from seedproof.tasks import Task, load_task
from seedproof.tasks.glue import PREFIX
from seedproof.tasks.subsample import subsample


@dataclass(frozen=True, kw_only=True)
class Paths:
    """Paths of data, models and text, as far as the user gave them."""

    data_dir: Path | None = None
    """Folder of the GLUE download; None: the hub."""
    models_dir: Path | None = None
    """Folder with a folder per model, called as on the hub; None: the hub."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Folders of single models by their names; they win."""
    text: Path | None = None
    """Text for forgetting; None: WikiText-2 from the hub, or the miniature's held-out text."""

    def check(self, scale: Scale) -> None:
        """Refuse what the scale would not use, and what is not there, before anything runs.

        Raises:
            UserError: names the option and what to give.
        """
        known = [model.name for model in scale.models.values()]
        for name in self.models:
            if name not in known:
                raise unknown("model", name, known, where="--model NAME=FOLDER")
        uses_glue = any(task.name.startswith(PREFIX) for task in scale.tasks.values())
        for option, value in (("--data-dir", self.data_dir), ("--models-dir", self.models_dir)):
            if value is not None and not uses_glue:
                raise UserError(
                    f"{option} is for --scale paper; --scale {scale.name} uses what is shipped: leave it out"
                )
            if value is not None and option == "--models-dir" and all(known.folder for known in scale.models.values()):
                raise UserError(f"{option} is for --scale paper; --scale {scale.name} has its model: leave it out")
            if value is not None and not value.is_dir():
                raise UserError(f"{option} {value}: there is no such folder")
        if self.text is not None and not self.text.is_file():
            raise UserError(f"--text {self.text}: there is no such file; give WikiText-2's wiki.test.raw, for example")

    def options(self) -> list[str]:
        """The same as options of the command, from wherever it is given."""
        given = {"--data-dir": self.data_dir, "--models-dir": self.models_dir, "--text": self.text}
        words = [word for flag, path in given.items() if path is not None for word in (flag, str(path.resolve()))]
        models = [("--model", f"{name}={from_anywhere(folder)}") for name, folder in self.models.items()]
        return words + [word for pair in models for word in pair]

    def model(self, scale: Scale, role: str) -> str:
        """The folder or name of the model that plays a role.

        Raises:
            UserError: ``models_dir`` has no such folder.
        """
        name, own = scale.model(role).name, scale.model(role).folder
        if name in self.models:
            return self.models[name]
        if own is not None:
            return own
        if self.models_dir is None or name.startswith("miniature/"):
            return name
        folder = self.models_dir / name
        if not folder.is_dir():
            raise UserError(
                f"--models-dir {self.models_dir} has no folder {name!r}; put the model there, or give --model {name}=FOLDER"
            )
        return str(folder)


class Tasks:
    """The tasks of a reproduction, each loaded and each subset drawn once."""

    def __init__(self, scale: Scale, paths: Paths) -> None:
        self._scale, self._paths = scale, paths
        self._tasks: dict[tuple[str, int | None, int], Task] = {}

    def of(self, block: Block) -> Task:
        """The task that a block runs on.

        Raises:
            UserError: its data cannot be loaded, or has fewer examples than the subset.
        """
        key = (block.task, block.examples, block.subset)
        if key not in self._tasks:
            self._tasks[key] = self._load(block)
        return self._tasks[key]

    def _load(self, block: Block) -> Task:
        if block.examples is not None:
            whole = self._tasks.get((block.task, None, 0)) or self._whole(block)
            return subsample(whole, block.examples, seed=block.subset)
        return self._whole(block)

    def _whole(self, block: Block) -> Task:
        name = self._scale.task(block.task).name
        return load_task(name, data_dir=self._paths.data_dir) if name.startswith(PREFIX) else load_task(name)
