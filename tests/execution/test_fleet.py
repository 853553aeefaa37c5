"""Fleets in real worker processes: they end whole, whatever happens to a member, to memory, or to the process."""

from __future__ import annotations

import errno
import os
import queue
import signal
import threading
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path

import pytest
from tests.conftest import make_tiny_model

from seedproof import events
from seedproof.execution.arrivals import Arrivals
from seedproof.execution.fleet import Fleet
from seedproof.execution.recording import Recording
from seedproof.execution.run_session import RunSession
from seedproof.launch import StudyInterrupted
from seedproof.launch.base import Work
from seedproof.launch.local.launcher import LocalLauncher
from seedproof.launch.placement import most_members, place
from seedproof.machine import Machine
from seedproof.store import State, Store
from seedproof.study.results import open_results
from seedproof.study.study import Study

RECIPES = ["devlin", "mosbach-v1", "mixout"]


def make_study(model: Path, task, *, seeds=2, engine="fleet", epochs=4, **recording) -> Study:
    settings = {"learning_rate": 1e-3, "epochs": epochs}
    return Study(
        "fleet",
        tasks=[task],
        models=[str(model)],
        recipes=RECIPES,
        seeds=seeds,
        settings=settings,
        engine=engine,
        recording=Recording(**recording) if recording else None,
    )


def outcomes(folder: Path) -> dict[tuple[str, str], float]:
    runs = open_results(folder).runs()
    assert set(runs["state"]) == {"finished"}
    return {(row.recipe, row.seed): row.training_loss for row in runs.itertuples()}


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory, tiny_model) -> Path:
    """A fleet study, undisturbed, in one worker."""
    folder = tmp_path_factory.mktemp("fleet") / "study"
    make_study(tiny_model, small(), weights=True).run(folder, jobs=1, progress=False)
    return folder


def small():
    from seedproof.tasks import Split, Task, load_task

    whole = load_task("miniature/acceptability")
    train = Split(whole.train.texts[:40], None, whole.train.labels[:40])
    dev = Split(whole.dev.texts[:30], None, whole.dev.labels[:30])
    return Task(name="small", train=train, dev=dev, classes=whole.classes, metrics=("accuracy",))


@pytest.mark.slow
def test_a_fleet_study_is_like_one_of_the_plain_engine(study_folder, tiny_model, tmp_path):
    plain = tmp_path / "plain"
    make_study(tiny_model, small(), engine="plain", weights=True).run(plain, jobs=1, progress=False)
    first, second = open_results(study_folder), open_results(plain)
    kinds = [set(results.records(results.runs()["run"][0])["kind"]) for results in (first, second)]
    assert kinds[0] == kinds[1] == {"loss", "evaluation", "gradients", "pooler", "drift"}
    assert not set(first.runs()["run"]) & set(second.runs()["run"])  # the engine is part of the id
    losses = outcomes(study_folder), outcomes(plain)
    assert losses[0] == pytest.approx(losses[1], abs=0.1)  # other dropout masks


@pytest.mark.slow
def test_final_weights_open_in_stock_transformers(study_folder):
    from transformers import AutoModelForSequenceClassification

    run = open_results(study_folder).runs()["run"][0]
    model = AutoModelForSequenceClassification.from_pretrained(study_folder / "runs" / run / "weights")
    assert model.config.num_labels == 2


@pytest.mark.slow
def test_more_seeds_extend_a_fleet_study(study_folder, tiny_model):
    before = outcomes(study_folder)
    make_study(tiny_model, small(), seeds=3).run(study_folder, jobs=2, progress=False)
    after = outcomes(study_folder)
    assert len(after) == 9
    assert {key: after[key] for key in before} == before


@pytest.mark.slow
def test_what_a_fleet_does_not_know_runs_on_the_plain_engine(tmp_path):
    from transformers import BertConfig, BertForMaskedLM

    from seedproof.miniature.tokenizer import make_tokenizer

    tokenizer, model = make_tokenizer("bert"), tmp_path / "silu"
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = BertConfig(vocab_size=len(tokenizer), hidden_act="silu", **sizes)
    BertForMaskedLM(config).save_pretrained(model)
    tokenizer.save_pretrained(model)
    study = Study(
        "other",
        tasks=[small()],
        models=[str(model)],
        recipes=["devlin"],
        seeds=1,
        engine="fleet",
        settings={"max_steps": 2},
    )
    study.run(tmp_path / "study", progress=False)
    store = Store.open(tmp_path / "study")
    assert store.numerics.engine == "fleet"
    assert [store.run(id_).spec.numerics.engine for id_ in store.run_ids()] == ["plain"]
    assert {str(state) for state in store.states().values()} == {"finished"}


@pytest.mark.slow
def test_two_architectures_share_a_worker(tmp_path, tiny_model):
    other = make_tiny_model("roberta", tmp_path / "roberta")
    study = Study(
        "two",
        tasks=[small()],
        models=[str(tiny_model), str(other)],
        recipes=["devlin"],
        seeds=2,
        engine="fleet",
        settings={"max_steps": 3},
    )
    results = study.run(tmp_path / "study", jobs=1, progress=False)
    assert set(results.runs()["state"]) == {"finished"}


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="finds the worker processes in /proc")
def test_a_killed_worker_is_replaced_by_one_with_fewer_members(tmp_path, tiny_model):
    store, runs = make_study(tiny_model, small(), epochs=60, checkpoint_seconds=0.05).prepare(tmp_path / "study")
    taken: list[str] = []
    killed = threading.Event()

    def kill_once(event: events.Event) -> None:
        taken.append(type(event).__name__)
        if isinstance(event, events.Progress) and event.step > 20 and not killed.is_set():
            killed.set()
            for entry in Path("/proc").iterdir():
                with suppress(OSError):
                    if str(store.path).encode() in (entry / "cmdline").read_bytes() and entry.name != str(os.getpid()):
                        os.kill(int(entry.name), signal.SIGKILL)

    summary = LocalLauncher().run(work_of(store, runs), kill_once)
    assert killed.is_set()
    assert len(summary.finished) == 6
    assert taken.count("Started") > 6
    steps = [[r["step"] for r in store.run(i).journal.read() if r["kind"] == "loss"] for i in store.run_ids()]
    assert all(listed == list(range(1, len(listed) + 1)) for listed in steps)  # nothing twice, nothing lost


@pytest.mark.slow
def test_interrupted_cleanly_and_continued(tmp_path, tiny_model):
    store, runs = make_study(tiny_model, small(), epochs=60, checkpoint_seconds=0.0).prepare(tmp_path / "study")

    def interrupt(event: events.Event) -> None:
        if isinstance(event, events.Progress) and event.step > 5:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(StudyInterrupted):
        LocalLauncher().run(work_of(store, runs), interrupt)
    assert State.INTERRUPTED in store.states().values()
    assert len(LocalLauncher().run(work_of(store, runs), lambda event: None).finished) == 6


def work_of(store: Store, runs) -> Work:
    specs = tuple(run.spec for run in runs)
    return Work(store=store, specs=specs, jobs=1, weight_bytes={specs[0].model.fingerprint: 100_000})


class Served:
    """A fleet in this process, with the names of the events of its runs."""

    def __init__(
        self, store: Store, ids: list[str], *, is_over: bool = True, should_stop: Callable[[], bool] = lambda: False
    ) -> None:
        self.told: list[tuple[str, str]] = []
        self.orders: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        for id_ in [*ids, None] if is_over else ids:
            self.orders.put(id_)

        def begin(id_: str) -> RunSession | None:
            session = RunSession(store, id_, lambda event: self.told.append((type(event).__name__, event.run)))
            return session if session.open() else None

        self.fleet = Fleet(Arrivals(self.orders, begin), should_stop)

    def count(self, kind: str) -> int:
        return [event for event, _ in self.told].count(kind)


def serve(store: Store, ids: list[str]) -> Served:
    served = Served(store, ids)
    served.fleet.execute()
    return served


@pytest.mark.slow
def test_where_memory_runs_out_half_steps_aside_and_all_finish(tmp_path, tiny_model, monkeypatch, study_folder):
    from seedproof.training.fleet.engine import FleetEngine

    largest: list[int] = []
    step = FleetEngine.train_step

    def hungry(engine):
        largest.append(len(engine.members))
        if len(engine.members) > 2:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 byte.")
        return step(engine)

    monkeypatch.setattr(FleetEngine, "train_step", hungry)
    store, runs = make_study(tiny_model, small()).prepare(tmp_path / "study")
    served = serve(store, [run.spec.id for run in runs])
    assert largest[0] == 6
    assert served.count("Finished") == 6
    again, first = outcomes(store.path), outcomes(study_folder)
    assert again == pytest.approx({key: first[key] for key in again}, abs=1e-3)


def test_where_memory_holds_no_more_members_new_ones_wait(tmp_path, tiny_model, monkeypatch):
    from seedproof.training.fleet.engine import FleetEngine

    join, refused = FleetEngine.join, []

    def full(engine, members):
        if len(engine.members) + len(members) > 4:
            refused.append(len(members))
            raise MemoryError
        return join(engine, members)

    monkeypatch.setattr(FleetEngine, "join", full)
    store, runs = make_study(tiny_model, small()).prepare(tmp_path / "study")
    ids = [run.spec.id for run in runs]
    served = Served(store, ids[:4], is_over=False)
    stepped, waiting = FleetEngine.train_step, [*ids[4:], None]

    def later(engine):
        for order in waiting:
            served.orders.put(order)
        waiting.clear()
        return stepped(engine)

    monkeypatch.setattr(FleetEngine, "train_step", later)
    served.fleet.execute()
    assert refused
    assert served.count("Finished") == 6


def test_where_memory_holds_not_even_the_first_members_half_of_them_begin(tmp_path, tiny_model, monkeypatch):
    """Another program has the rest: all of them crashed, with the advice of fewer jobs where there was one."""
    from seedproof.training.fleet.engine import FleetEngine

    join, joined = FleetEngine.join, []

    def full(engine, members):
        if len(engine.members) + len(members) > 1:
            raise MemoryError
        joined.append(len(members))
        return join(engine, members)

    monkeypatch.setattr(FleetEngine, "join", full)
    store, runs = make_study(tiny_model, small(), epochs=1).prepare(tmp_path / "study")
    served = serve(store, [run.spec.id for run in runs])
    assert joined == [1] * 6
    assert served.count("Finished") == 6


def test_an_error_in_a_step_crashes_the_fleet_and_is_kept(tmp_path, tiny_model, monkeypatch):
    from seedproof.training.fleet.engine import FleetEngine

    monkeypatch.setattr(FleetEngine, "train_step", lambda engine: 1 / 0)
    store, runs = make_study(tiny_model, small()).prepare(tmp_path / "study")
    serve(store, [run.spec.id for run in runs])
    assert set(store.states().values()) == {State.CRASHED}


def test_a_run_that_cannot_be_loaded_crashes_alone(tmp_path, tiny_model, monkeypatch):
    from seedproof.execution import fleet

    store, runs = make_study(tiny_model, small()).prepare(tmp_path / "study")
    prepare, bad = fleet.prepare, runs[1].spec.id

    def failing(spec, *others):
        if spec.id == bad:
            raise ValueError("no such weights")
        return prepare(spec, *others)

    monkeypatch.setattr(fleet, "prepare", failing)
    served = serve(store, [run.spec.id for run in runs])
    assert [run for event, run in served.told if event == "Crashed"] == [bad]
    assert served.count("Finished") == 5


@pytest.mark.parametrize("is_second", [False, True])
def test_ctrl_c_while_runs_are_loaded_is_heeded_and_lets_go_of_each(tmp_path, tiny_model, monkeypatch, is_second):
    """The first one ends the loading; a second one, where this is the process of a person, is raised in the middle of it."""
    from seedproof.execution import fleet

    prepare, loaded = fleet.prepare, []

    def counted(*given):
        loaded.append(given)
        if is_second and len(loaded) == 2:
            raise KeyboardInterrupt
        return prepare(*given)

    monkeypatch.setattr(fleet, "prepare", counted)
    store, runs = make_study(tiny_model, small()).prepare(tmp_path / "study")
    served = Served(store, [run.spec.id for run in runs], should_stop=lambda: len(loaded) == 1 and not is_second)
    with pytest.raises(KeyboardInterrupt) if is_second else nullcontext():
        served.fleet.execute()
    assert len(loaded) == 1 + is_second
    assert sorted(run for event, run in served.told if event == "Interrupted") == sorted(store.run_ids())
    assert set(store.states().values()) == {State.INTERRUPTED}


def test_runs_are_divided_between_workers():
    store = Store.open(Path(__file__).parent.parent / "assets" / "first" / "fleet")
    specs = [store.run(id_).spec for id_ in store.run_ids()]
    sizes = {specs[0].model.fingerprint: 5_000_000}
    machine = Machine(cores=2)
    (placement,) = place(specs, 2, sizes, machine)
    assert (placement.jobs, placement.members) == (2, -(-len(specs) // 2))
    (placement,) = place(specs, 2, {specs[0].model.fingerprint: 400_000_000}, machine)
    assert (placement.jobs, placement.members) == (2, 1)
    assert most_members("cpu", 5_000_000, machine) == 16
    assert most_members("cuda", 5_000_000, Machine(cores=2, gpus=1, gpu_bytes=400_000_000)) == 10


@pytest.mark.slow
def test_a_full_disk_interrupts_a_fleet_and_crashes_no_run(tmp_path, tiny_model, monkeypatch):
    """A run has no fault where the disk is full; it goes on from its last checkpoint when there is room."""
    record, kept = RunSession.record, []

    def full(session, *given):
        kept.append(session.id)
        if len(kept) > 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        record(session, *given)

    monkeypatch.setattr(RunSession, "record", full)
    store, runs = make_study(tiny_model, small()).prepare(tmp_path / "study")
    served = serve(store, [run.spec.id for run in runs])
    assert [event for event, _ in served.told if event not in ("Started", "Progress")] == ["Interrupted"] * len(runs)
    assert set(store.states().values()) == {State.INTERRUPTED}
    monkeypatch.undo()
    serve(store, [run.spec.id for run in runs])
    assert set(store.states().values()) == {State.FINISHED}
