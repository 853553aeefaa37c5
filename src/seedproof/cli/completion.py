"""What the shell offers on the tab key: names that the program knows; for everything else the shell's own files."""

from __future__ import annotations

from collections.abc import Iterable


def tasks(incomplete: str) -> list[str]:
    """Names of tasks."""
    from seedproof.tasks import TASKS

    return _beginning(incomplete, TASKS)


def models(incomplete: str) -> list[str]:
    """Names of shipped models."""
    from seedproof.models.source import MINIATURES

    return _beginning(incomplete, (f"miniature/{name}" for name in MINIATURES))


def recipes(incomplete: str) -> list[str]:
    """Names of recipes; behind a plus sign those of methods."""
    from seedproof.methods import METHODS
    from seedproof.recipes import RECIPES

    if "+" not in incomplete:
        return _beginning(incomplete, RECIPES)
    last = incomplete.rpartition("+")[2].lstrip()
    before = incomplete.removesuffix(last)  # as it was typed: the shell takes nothing else
    return [f"{before}{name}" for name in _beginning(last, METHODS)]


def fits(incomplete: str) -> list[str]:
    """Names of recipes, and the one that fits itself to the data."""
    return _beginning(incomplete, ["auto"]) + recipes(incomplete)


def settings(incomplete: str) -> list[str]:
    """Fields of recipes, with ``=`` behind."""
    from seedproof.recipes import setting_types

    return _beginning(incomplete, (f"{name}=" for name in setting_types()))


def recordings(incomplete: str) -> list[str]:
    """Names of recordings, and ``none``."""
    from seedproof.probes import PROBES

    return _beginning(incomplete, [*PROBES, "none"])


def studies(incomplete: str) -> list[str]:
    """Names of the paper's figures and tables."""
    from seedproof.paper import STUDIES

    return _beginning(incomplete, STUDIES)


def launchers(incomplete: str) -> list[str]:
    """Names of launchers."""
    from seedproof.launch.base import launcher_names

    return _beginning(incomplete, launcher_names())


def trackers(incomplete: str) -> list[str]:
    """Names of trackers, with ``:`` behind."""
    from seedproof.track.named import tracker_names

    return _beginning(incomplete, (f"{name}:" for name in tracker_names()))


def rules(incomplete: str) -> list[str]:
    """Rules of the doctor."""
    from seedproof.doctor.rules import RULES

    return _beginning(incomplete, RULES)


def kinds(incomplete: str) -> list[str]:
    """What ``ls`` lists."""
    from seedproof.cli.listing import KINDS

    return _beginning(incomplete, KINDS)


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
