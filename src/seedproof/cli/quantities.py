"""Numbers of runs and sizes on the disk, as a person writes them."""

from __future__ import annotations

from seedproof.printable import counted


def runs_in_words(count: int) -> str:
    """A number of runs: ``1 run``, ``2,500 runs``."""
    return counted(count, "run")


def disk_in_words(size: float) -> str:
    """A size in bytes, in the unit that leaves a number from 1 to 1023: ``12 KiB``, ``340 MiB``, ``1.5 GiB``."""
    kibibytes = round(size / 2**10)
    if kibibytes < 2**10:
        return f"{kibibytes} KiB"
    mebibytes = round(size / 2**20)
    return f"{mebibytes} MiB" if mebibytes < 2**10 else f"{size / 2**30:,.1f} GiB"
