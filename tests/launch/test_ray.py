"""The same study on a Ray cluster: nodes and workers may be lost, and its store is that of a local launch."""

from __future__ import annotations

import errno
import http.server
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from ray.cluster_utils import Cluster

import seedproof as sp
from seedproof import events
from seedproof.errors import UserError
from seedproof.events import Event
from seedproof.execution.recording import Recording
from seedproof.launch.ray.cluster import Needs, connected
from seedproof.launch.ray.launcher import RayLauncher
from seedproof.launch.ray.session import Message, Outbox, StreamedSession, portable, replay
from seedproof.store import Store, is_disk_full
from seedproof.testing import LauncherContract
from seedproof.training.engine import Record

MEMORY = 80 * 2**20
"""Object store of a node, bytes."""


def test_a_worker_waits_where_nobody_fetches_what_it_says() -> None:
    outbox = Outbox(limit=1000)
    done = threading.Event()

    def talk() -> None:
        for step in range(3):
            outbox.put(Message(1, "record", (step, 3, [Record(step, "evaluation", {"logits dev": np.ones(200)})])))
        done.set()

    threading.Thread(target=talk, daemon=True).start()
    assert not done.wait(0.2)
    assert [outbox.take(5)[0].arguments[0] for _ in range(3)] == [0, 1, 2]
    assert done.wait(5)


def test_folders_below_the_weights_travel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Message] = []
    sender = object.__new__(StreamedSession)
    monkeypatch.setattr(
        StreamedSession, "_send", lambda self, method, *arguments: sent.append(Message(1, method, arguments))
    )

    def write(folder: Path) -> None:
        (folder / "adapter").mkdir(parents=True)
        (folder / "config.json").write_text("{}")
        (folder / "adapter" / "adapter_config.json").write_text("[]")

    class Keeper:
        def keep_weights(self, write: Callable[[Path], None]) -> None:
            write(tmp_path / "kept")

    sender.keep_weights(write)
    replay(sent[0], Keeper())
    found = {path.relative_to(tmp_path).as_posix(): path.read_text() for path in tmp_path.rglob("*") if path.is_file()}
    assert found == {"kept/config.json": "{}", "kept/adapter/adapter_config.json": "[]"}


def test_an_error_travels_with_its_traceback_and_a_full_disk_of_a_node_is_not_the_stores() -> None:
    def fail() -> None:
        raise KeyError("here")

    with pytest.raises(KeyError) as raised:
        fail()
    carried = portable(raised.value)
    assert type(carried) is KeyError
    assert "in fail" in carried.__notes__[0]
    full = portable(OSError(errno.ENOSPC, "No space left on device"))
    assert not is_disk_full(full)
    assert "no space is left on the disk of" in str(full)


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:1", "no Ray cluster can be reached at 127.0.0.1:1"),
        ("head", "is not valid; give --address HOST:6379"),
        ("head:10001", "write ray://head:10001"),
    ],
)
def test_an_address_without_a_cluster_is_refused_at_once(address: str, said: str) -> None:
    with pytest.raises(UserError, match=said), connected(address):
        pass


def test_a_web_server_is_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        monkeypatch.setattr(server.RequestHandlerClass, "log_message", lambda *_: None)
        threading.Thread(target=server.handle_request, daemon=True).start()
        with (
            pytest.raises(UserError, match="is no Ray cluster, but perhaps its dashboard"),
            connected(f"127.0.0.1:{server.server_port}"),
        ):
            pass


def test_a_node_holds_as_many_workers_as_its_scarcest_resource() -> None:
    assert Needs(cpus=2, gpus=0).slots({"CPU": 5.0}) == 2
    assert Needs(cpus=2, gpus=1).slots({"CPU": 16.0, "GPU": 3.0}) == 3
    assert Needs(cpus=2, gpus=1).slots({"CPU": 16.0}) == 0


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A head without cores and a node with one; it notices within seconds that a node is gone."""
    noticing = {"health_check_initial_delay_ms": 0, "health_check_period_ms": 500, "health_check_failure_threshold": 4}
    made = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 0,
            "object_store_memory": MEMORY,
            "include_dashboard": False,
            "_system_config": noticing,
        },
    )
    try:
        made.add_node(num_cpus=1, object_store_memory=MEMORY)
        yield made
    finally:
        made.shutdown()


@pytest.mark.long
@pytest.mark.slow
class TestRay(LauncherContract):
    launcher = "ray"

    @pytest.fixture(autouse=True)
    def on_the_cluster(self, cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(self), "options", {"address": cluster.address})


def study(model: Path, task: sp.Task, engine: str, **recording: object) -> sp.Study:
    return sp.Study(
        "small",
        tasks=[task],
        models=[model],
        recipes=[sp.recipe("devlin", epochs=10, batch_size=4)],
        seeds=2,
        engine=engine,
        recording=Recording(**recording),
    )


def loss_steps(store: Store, run_id: str) -> list[int]:
    return [record["step"] for record in store.run(run_id).records() if record["kind"] == "loss"]


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("engine", ["plain", "fleet"])
def test_a_node_that_is_killed_costs_no_run(
    cluster: Cluster, engine: str, tiny_model: Path, small_task: sp.Task, tmp_path: Path
) -> None:
    [node] = cluster.worker_nodes
    asked = study(tiny_model, small_task, engine, weights=True, checkpoint_seconds=0)
    heard: list[Event] = []

    def kill_node(event: Event) -> None:
        heard.append(event)
        if node in cluster.worker_nodes and isinstance(event, events.Progress) and event.step > 20:
            cluster.remove_node(node, allow_graceful=False)
            cluster.add_node(num_cpus=1, object_store_memory=MEMORY)

    results = asked.run(
        tmp_path / "ray", launcher=RayLauncher(address=cluster.address), listeners=[kill_node], progress=False
    )
    assert node not in cluster.worker_nodes
    lost = [event.run for event in heard if isinstance(event, events.Note) and "its node is gone" in event.message]
    assert lost
    check_complete_once(tmp_path / "ray")
    if engine == "plain":
        local = asked.run(tmp_path / "local", progress=False)
        for run_id in lost:
            assert local.losses(run_id).equals(results.losses(run_id))


def check_complete_once(folder: Path) -> None:
    store = Store.open(folder)
    for run_id in store.run_ids():
        result = store.run(run_id).result()
        assert loss_steps(store, run_id) == list(range(1, result["steps"] + 1))
        assert (store.run(run_id).weights / "model.safetensors").is_file()


@pytest.mark.long
@pytest.mark.slow
def test_a_method_of_the_users_own_travels(
    cluster: Cluster, tiny_model: Path, small_task: sp.Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "half_of_ray.py").write_text("HALF = 0.5\n")
    (folder / "halving_for_ray.py").write_text(METHOD)
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(folder)
    asked = sp.Study(
        "own",
        tasks=[small_task],
        models=[tiny_model],
        recipes=["devlin + halving_for_ray:Halving"],
        seeds=1,
        settings={"epochs": 1},
    )
    there = asked.run(tmp_path / "ray", launcher=RayLauncher(address=cluster.address), progress=False)
    here = asked.run(tmp_path / "here", launcher="inline", progress=False)
    [run_id] = Store.open(tmp_path / "ray").run_ids()
    assert there.losses(run_id).equals(here.losses(run_id))


METHOD = """
from dataclasses import dataclass

from half_of_ray import HALF
from seedproof.methods.base import Method, Start, Treatment


@dataclass(frozen=True)
class Halving(Method):
    def start(self, start: Start) -> Treatment:
        return Halved(start.model)


class Halved(Treatment):
    def __init__(self, model):
        self.model = model

    def after_gradient(self, step):
        for parameter in self.model.parameters():
            if parameter.grad is not None:
                parameter.grad *= HALF
"""


@pytest.mark.long
@pytest.mark.slow
def test_a_cluster_that_is_too_small_is_refused(
    cluster: Cluster, tiny_model: Path, small_task: sp.Task, tmp_path: Path
) -> None:
    asked = sp.Study("big", tasks=[small_task], models=[tiny_model], seeds=1, threads=64)
    with pytest.raises(UserError, match="has what a run needs, 64 CPUs; its nodes have: "):
        asked.run(tmp_path / "ray", launcher=RayLauncher(address=cluster.address), progress=False)
