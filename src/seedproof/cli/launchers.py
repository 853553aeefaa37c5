"""The option ``--launcher``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedproof.errors import UserError

if TYPE_CHECKING:
    from seedproof.launch.base import Launcher


def chosen_launcher(name: str, jobs: int | None, address: str | None = None) -> Launcher:
    """The launcher of this name, which can have that many jobs; ``address`` is that of its cluster.

    Raises:
        UserError: nothing has that name, it is not installed, it has no address and one is given, or it cannot have so many jobs.
    """
    from seedproof.launch.base import launcher_of, launcher_options

    if address is not None and "address" not in launcher_options(name):
        raise UserError(
            f"--address {address} is for --launcher ray, and the launcher {name!r} has no address; leave it out, or give "
            "--launcher ray"
        )
    launcher = launcher_of(name, **({} if address is None else {"address": address}))
    launcher.check_jobs(jobs)
    return launcher
