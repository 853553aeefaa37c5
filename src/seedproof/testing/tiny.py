"""Studies that take seconds: a model of two tiny layers, forty sentences, two runs."""

from __future__ import annotations

from pathlib import Path

from seedproof.events import Event
from seedproof.execution.recording import Recording
from seedproof.launch.base import Work
from seedproof.models.source import find_model
from seedproof.store import RunFolder, Store
from seedproof.store.encoding import loads
from seedproof.study.study import Study
from seedproof.tasks import Split, Task, load_task

RUNS = 2
STEPS = 80


def tiny_model(folder: Path, family: str = "bert") -> Path:
    """Write a model of random weights, a few layers and 16 units wide, over the miniature language: its steps take
    milliseconds."""
    from seedproof.generators import own_generators
    from seedproof.miniature.pretrain import PairModel, Pretraining
    from seedproof.miniature.tokenizer import make_tokenizer

    settings = Pretraining(family=family, stages=(), hidden_size=16, feed_forward=32)
    with own_generators(seed=0):
        PairModel(settings, 2).model.save_pretrained(folder)
    make_tokenizer(family).save_pretrained(folder)
    return folder


def tiny_task() -> Task:
    """Forty training and twenty development sentences of the miniature's acceptability task."""
    whole = load_task("miniature/acceptability")

    def first(split: Split, count: int) -> Split:
        return Split(split.texts[:count], None, split.labels[:count])

    return Task(
        name="tiny",
        train=first(whole.train, 40),
        dev=first(whole.dev, 20),
        classes=whole.classes,
        metrics=("accuracy",),
    )


def ignore(event: Event) -> None:
    """A listener that has no use for events."""


def contract_study(model: Path, engine: str = "plain", race: str | None = None) -> Study:
    """A study of two runs, saved every twentieth of a second."""
    return Study(
        "contract",
        tasks=[tiny_task()],
        models=[str(model)],
        seeds=RUNS,
        settings={"learning_rate": 1e-3, "max_steps": STEPS},
        engine="fleet" if engine == "fleet" else "plain",
        device="cpu",
        recording=Recording(checkpoint_seconds=0.05, evaluations=2),
        race=race,
    )


def prepared(folder: Path, model: Path, engine: str = "plain") -> Store:
    """The study of two runs, none of which was started."""
    return contract_study(model, engine).prepare(folder)[0]


def work_of(store: Store, jobs: int | None) -> Work:
    """All runs of a store."""
    specs = tuple(store.run(run_id).spec for run_id in store.run_ids())
    sizes = {
        spec.model.fingerprint: find_model(store.places.model_locations(spec.model.fingerprint)[0]).weight_bytes
        for spec in specs
    }
    return Work(store=store, specs=specs, jobs=jobs, weight_bytes=sizes)


def folders(store: Store) -> list[RunFolder]:
    """Folders of all runs."""
    return [store.run(run_id) for run_id in store.run_ids()]


def journals(store: Store) -> dict[str, bytes]:
    """Journals of all runs by id, to the last bit."""
    return {folder.id: folder.journal.path.read_bytes() for folder in folders(store)}


def losses_of(store: Path, run_id: str) -> list[float]:
    """The loss of every step that a run of a store has recorded."""
    return losses_in(Store.open(store).run(run_id).journal.path.read_bytes())


def losses_in(journal: bytes) -> list[float]:
    """The loss of every step in the content of a journal."""
    records = map(loads, journal.decode().splitlines())
    return [record["loss"] for record in records if record["kind"] == "loss"]
