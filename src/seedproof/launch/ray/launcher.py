"""Runs on a Ray cluster, by Ray core's actors: a worker per core or GPU, on whichever nodes have one."""

from __future__ import annotations

from contextlib import ExitStack

from seedproof.errors import UserError
from seedproof.events import Listener
from seedproof.launch.base import Launcher, Work
from seedproof.launch.placement import place
from seedproof.launch.ray.cluster import Needs, connected, slots, too_small, whole_cluster
from seedproof.launch.ray.driver import Driver
from seedproof.launch.ray.parcels import Parcels
from seedproof.launch.tally import Summary, Tally
from seedproof.machine import Machine
from seedproof.spec import Numerics
from seedproof.store import disk_full_message, is_disk_full

EXECUTOR = "seedproof.execution.plain:execute"


class RayLauncher(Launcher):
    """Workers on a Ray cluster, as many as it has cores (GPUs, for runs on these) unless told otherwise.

    Args:
        address: of the cluster; see :func:`seedproof.launch.ray.cluster.connected`. A program that has called ``ray.init``
            needs none.
        executor: ``module:function`` that executes one run, given its session.
    """

    name = "ray"

    def __init__(self, *, address: str | None = None, executor: str = EXECUTOR) -> None:
        self.address, self.executor = address, executor
        self._connection = ExitStack()

    def machine(self) -> Machine:
        """All nodes together; the connection stays until the runs are done."""
        self._connection.enter_context(connected(self.address))
        return whole_cluster()

    def default_jobs(self, numerics: Numerics) -> int:
        """Workers that the cluster's nodes hold."""
        self.machine()
        return slots(Needs.of(numerics))

    def run(self, work: Work, listener: Listener) -> Summary:
        """Execute runs on the cluster and wait for them.

        Raises:
            StudyInterrupted: as :meth:`Launcher.run`.
            UserError: as there, or the cluster cannot be reached, has no node for a run, or starts no worker.
        """
        self.check_jobs(work.jobs)
        tally = Tally(work)
        with self._connection as connection:
            if tally.left:
                connection.enter_context(connected(self.address))
                self._run(work, tally, listener)
        return tally.conclude()

    def _run(self, work: Work, tally: Tally, listener: Listener) -> None:
        needs = Needs.of(work.store.numerics)
        if not (room := slots(needs)):
            raise too_small(needs)
        parcels = Parcels(work.store)
        try:
            # What a GPU holds, its worker says.
            for placement in place(tally.left, work.jobs or room, work.weight_bytes, whole_cluster()):
                Driver(work, placement, self.executor, tally, listener, parcels).run()
        except OSError as error:
            if is_disk_full(error):
                raise UserError(disk_full_message(work.store.path)) from error
            raise
