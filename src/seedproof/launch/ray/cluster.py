"""A Ray cluster: how it is reached, and what its nodes have for runs."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import ray

from seedproof.errors import UserError
from seedproof.machine import Machine
from seedproof.spec import Numerics

REACH_SECONDS = 10.0
"""How long a cluster may take to answer at its address."""

CLIENT_PORT = 10001
"""Where a head node listens for programs outside of the cluster."""

_SETTINGS = bytes([4])
"""Type of the frame with which a gRPC server, as Ray's are, begins to speak (RFC 9113, section 6.5)."""

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])

_STARTS_ITSELF = (None, "local")
_NOT_ADDRESSES = (*_STARTS_ITSELF, "auto")


@dataclass(frozen=True)
class Needs:
    """What one worker takes of its node."""

    cpus: int
    gpus: int

    @classmethod
    def of(cls, numerics: Numerics) -> Needs:
        """Those of runs with these numerics: a core per thread, and a GPU where they compute on one."""
        return cls(numerics.threads, int(numerics.device != "cpu"))

    def __str__(self) -> str:
        return _count(self.cpus, "CPU") + (f" and {_count(self.gpus, 'GPU')}" if self.gpus else "")

    def slots(self, node: Mapping[str, float]) -> int:
        """Workers that a node with these resources holds."""
        cpus = int(node.get("CPU", 0) // self.cpus)
        return min(cpus, int(node.get("GPU", 0) // self.gpus)) if self.gpus else cpus


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Be connected to a cluster within a ``with`` block; a connection that the program has already is used, and left.

    Args:
        address: ``host:port``, ``ray://host:port`` (from outside of the cluster), ``auto`` (the one of this machine) or
            ``local`` (one of this machine alone, for the length of the block); None: what ``RAY_ADDRESS`` says, else that of
            this machine, else ``local``.

    Raises:
        UserError: it cannot be reached.
    """
    if ray.is_initialized():
        yield
        return
    with _own_signals():
        try:
            _connect(address or os.environ.get("RAY_ADDRESS"))
            yield
        finally:
            ray.shutdown()


def _connect(address: str | None) -> None:
    if address not in _NOT_ADDRESSES:
        _check_answers(str(address))
    try:
        if address is None:
            with suppress(ConnectionError):
                _init("auto")
                return
        _init("local" if address in _STARTS_ITSELF else str(address))
    except (ConnectionError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"no Ray cluster can be reached at {address or 'this machine'} ({reason}); start one with "
            "`ray start --head`, or give the address of one: --address HOST:6379"
        ) from error


def _init(address: str) -> None:
    own = {"include_dashboard": False} if address == "local" else {}
    with warnings.catch_warnings(), _without_last_words():
        # How later versions of Ray will show GPUs to workers that ask for none; ours say what they need.
        warnings.filterwarnings("ignore", "Tip: In future versions of Ray", FutureWarning)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **own)


@contextmanager
def _without_last_words() -> Iterator[None]:
    """Keep Ray from writing the last lines of the log of each lost node to standard output, where tables and JSON go. Ray has
    no switch for that; where it names the function otherwise, it writes."""
    name = "listen_error_messages"
    worker = ray._private.worker
    before = getattr(worker, name, None)
    try:
        setattr(worker, name, lambda *_: None)
        yield
    finally:
        setattr(worker, name, before)


def _check_answers(address: str) -> None:
    """Refuse an address where nothing like Ray answers: Ray itself would wait there for many minutes.

    Raises:
        UserError: nothing answers, or something else does.
    """
    host, _, port = address.rpartition("//")[2].rpartition(":")
    fix = "give --address HOST:6379, as `ray start --head` says it"
    if not host or not port.isdecimal():
        raise UserError(f"the address {address!r} of a Ray cluster is not valid; {fix}")
    if int(port) == CLIENT_PORT and "//" not in address:
        raise UserError(f"{address} is where Ray listens for programs outside of the cluster; write ray://{address}")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_SECONDS) as connection:
            connection.sendall(_PREFACE)
            answer = connection.recv(9)
    except (OSError, OverflowError) as error:
        raise UserError(f"no Ray cluster can be reached at {address} ({error}); {fix}") from error
    if answer[3:4] != _SETTINGS and not os.environ.get("RAY_USE_TLS"):
        raise UserError(f"what answers at {address} is no Ray cluster, but perhaps its dashboard; {fix}")


@contextmanager
def _own_signals() -> Iterator[None]:
    """Leave signals to whom they belong when a connection ends: Ray takes SIGTERM for itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def nodes() -> list[dict[str, float]]:
    """What each living node of the cluster has."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def whole_cluster() -> Machine:
    """All nodes together; the memory of a GPU is not known before a worker has one."""
    found = nodes()
    return Machine(
        cores=int(sum(node.get("CPU", 0) for node in found)), gpus=int(sum(node.get("GPU", 0) for node in found))
    )


def slots(needs: Needs) -> int:
    """Workers that the cluster holds when nobody else uses it."""
    return sum(needs.slots(node) for node in nodes())


def too_small(needs: Needs) -> UserError:
    """The error of a cluster that has no node for a worker."""
    found = [f"{_count(int(node.get('CPU', 0)), 'CPU')}, {_count(int(node.get('GPU', 0)), 'GPU')}" for node in nodes()]
    fix = "give fewer --threads, " if needs.cpus > 1 else ""
    return UserError(
        f"no node of the Ray cluster has what a run needs, {needs}; its nodes have: {'; '.join(found) or 'nothing'}; "
        f"{fix}add a node, or run elsewhere (--launcher local)"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
