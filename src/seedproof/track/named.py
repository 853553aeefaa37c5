"""Trackers by their names: ``tensorboard:DIR`` on the command line and in Python."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points

from seedproof.errors import UserError, unknown
from seedproof.extensions import is_written, load
from seedproof.launch.base import Known
from seedproof.track.base import Tracker

ENTRY_POINTS = "seedproof.trackers"
"""Group of entry points in which packages name trackers of their own: ``comet = "my_package:Comet"``."""

TRACKERS: Mapping[str, Known] = {
    "tensorboard": Known(
        target="seedproof.track.tensorboard:TensorBoard",
        description="tensorboard:DIR, a folder per task, model, recipe and seed; runs and settings under HPARAMS",
        needs="tensorboard",
    ),
    "wandb": Known(
        target="seedproof.track.wandb:WeightsAndBiases",
        description="wandb:DIR, Weights & Biases, offline: nothing is sent before you say wandb sync",
        needs="wandb",
    ),
    "mlflow": Known(
        target="seedproof.track.mlflow:MLflow",
        description="mlflow:DIR, a database in a folder, or mlflow:URI of a server; a parent run per recipe",
        needs="mlflow",
    ),
    "trackio": Known(
        target="seedproof.track.trackio:Trackio", description="trackio:DIR, Trackio's local databases", needs="trackio"
    ),
}
"""The trackers of this package by name."""


def tracker_names() -> list[str]:
    """Names of all trackers: of this package and of those that are installed beside it."""
    return [*TRACKERS, *installed_trackers()]


def installed_trackers() -> dict[str, str]:
    """Targets of trackers that other installed packages name; a name of ours stays ours."""
    return {point.name: point.value for point in entry_points(group=ENTRY_POINTS) if point.name not in TRACKERS}


def tracker_of(written: str | Tracker) -> Tracker:
    """A tracker, ready to be written to; one that is made already as it is.

    Args:
        written: ``NAME:PLACE``, or ``module:Class:PLACE`` for one of the user's own.

    Raises:
        UserError: as :func:`check_tracker`, or its place cannot be used.
    """
    if isinstance(written, Tracker):
        return written
    kind, place = _parted(written)
    try:
        return kind(place)
    except UserError:
        raise
    except Exception as error:  # a package, a disk or a server, each with errors of its own
        from seedproof.models.checkpoint import reason  # names are completed without torch

        raise UserError(
            f"the tracker {kind.name!r} cannot write to {place!r}: {reason(error)}; choose another place"
        ) from error


def check_tracker(written: str) -> None:
    """Refuse what names no tracker, without touching its place.

    Raises:
        UserError: nothing has that name (the nearest is said), the package that it needs is not installed (with the line that
            installs it), its module cannot be imported, or the place is missing.
    """
    _parted(written)


def _parted(written: str) -> tuple[type[Tracker], str]:
    """The class of a tracker and its place."""
    name, colon, place = written.partition(":")
    known = [*TRACKERS, *(installed := installed_trackers())]
    target = installed.get(name)
    if name in TRACKERS:
        ours = TRACKERS[name]
        if not ours.is_installed():
            raise UserError(
                f"the tracker {name!r} needs the package {ours.needs}, which is not installed; install it: {ours.installation}"
            )
        target = ours.target
    elif target is None:
        own, colon, rest = place.partition(":")
        if not (colon and is_written(f"{name}:{own}")):
            raise unknown("tracker", name, [*known, "module:Class of your own"])
        name = target = f"{name}:{own}"
        place = rest
    if not (colon and place):
        raise UserError(f"the tracker {written!r} has no place; write {name}:DIR")
    return load(target, Tracker, "tracker"), place  # type: ignore[type-abstract]
