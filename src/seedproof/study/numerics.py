"""How the arithmetic of a study is done: what was asked for, and the defaults of this machine."""

from __future__ import annotations

from collections.abc import Mapping

from seedproof.errors import UserError, unknown
from seedproof.launch.base import Launcher
from seedproof.spec import Numerics
from seedproof.store import Store

WORDS: Mapping[str, tuple[str, ...]] = {
    "engine": ("plain", "fleet"),
    "precision": ("fp32", "bf16"),
    "device": ("cpu", "cuda"),
}
"""What the options of the arithmetic may be; None is the default of each."""


def choose_numerics(
    launcher: Launcher, *, precision: str | None, device: str | None, threads: int | None, engine: str | None = None
) -> Numerics:
    """Numerics with the defaults where nothing is asked for: plain, fp32, one thread, a GPU where there is one.

    Args:
        launcher: executes the runs; what its machine has decides, not what this one has.
        precision, device, threads, engine: what was asked for.

    Raises:
        UserError: an unknown value.
    """
    check_words(engine=engine, precision=precision, device=device)
    if device is None:
        device = "cuda" if launcher.machine().gpus else "cpu"
    check_device(device, launcher)
    return Numerics(
        engine="fleet" if engine == "fleet" else "plain",
        precision="bf16" if precision == "bf16" else "fp32",
        device=device,
        threads=threads or 1,
    )


def numerics_of(store: Store, wanted: Mapping[str, str | int | None], launcher: Launcher) -> Numerics:
    """The numerics of a study that exists, which its runs keep.

    Args:
        store: of the study.
        wanted: what was asked for, by the names of the fields; None where nothing was.
        launcher: will execute the runs; it knows whether there is a GPU.

    Raises:
        UserError: another value than the study's was asked for, or the study is one that was watched.
    """
    if store.is_watched:
        raise UserError(
            f"the runs in {store.path} are those of a Trainer that was watched, so no study makes them or goes on with them: "
            "run the script that trains again, with StabilityCallback, or choose another folder"
        )
    for name, value in wanted.items():
        kept = getattr(store.numerics, name)
        if value is not None and value != kept:
            raise UserError(
                f"the study in {store.path} was made with {name} = {kept}, which is part of every run's id; "
                f"leave out {name} = {value}, or choose another folder"
            )
    check_device(store.numerics.device, launcher)
    return store.numerics


def check_words(**given: object) -> None:
    """Refuse a word that an option of the arithmetic does not know.

    Raises:
        UserError: the nearest word is named.
    """
    for option, word in given.items():
        if word is not None and word not in WORDS[option]:
            raise unknown(option, word, WORDS[option])


def check_device(device: str, launcher: Launcher) -> None:
    """Refuse a GPU where runs would execute without one; every run would crash by itself.

    Raises:
        UserError: ``device`` is cuda, and there is none.
    """
    if device == "cuda" and not launcher.machine().gpus:
        where = "here" if launcher.is_here else f"where the launcher {launcher.name!r} executes runs"
        raise UserError(
            f"the device is cuda, but PyTorch finds no GPU {where}; use a machine that has one and PyTorch's CUDA build, or "
            "make a study for --device cpu in another folder"
        )
