"""The workloads that can be measured, each a list of trials for a machine."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from seedproof.bench.contenders import Contender, Problem, Ratio, Shape, Trial
from seedproof.errors import unknown

SMALL = Shape(layers=6, width=384, heads=12)
BASE = Shape(layers=12, width=768, heads=12)
LARGE = Shape(layers=24, width=1024, heads=16)
PADDED = 128
"""Tokens to which the Trainer's ``run_glue`` example pads."""
SEEDS = 24
LARGE_SEEDS = 25
SIDE = 40
"""Points of a side of a surface."""

SCRIPT, POINTS, ROW = "batches of 16", "point by point", "row as a fleet"
"""Ways to a surface: one model in batches as in training, one in batches by length (as `measure surface`), a stack."""
TRAINER, RUN_GLUE, PLAIN, FLEET = "Trainer", "Trainer as run_glue", "plain", "fleet"


Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The machine, and what the user chose."""

    cores: int
    """CPU cores. Contenders take turns, so each may use all of them."""
    device: str = "cpu"
    data_dir: str | None = None
    vocabulary: str | None = None
    whole: bool = False
    quick: bool = False
    has_bf16: bool = False
    """Whether the device computes matmuls in bf16 itself."""

    @property
    def processes(self) -> int:
        """Processes of a contender with one thread in each."""
        return self.cores if self.device == "cpu" else 1

    def problem(self, task: str, shape: Shape, batch: int = 16) -> Problem:
        """A task's problem, from the real files if there are any."""
        return Problem(shape=shape, data=task, batch=batch, data_dir=self.data_dir, vocabulary=self.vocabulary)


def _bounds(setting: Setting, members: int, *precisions: Precision, group: str = "lower bound") -> list[Contender]:
    return [
        Contender(
            name=f"{group}, {precision}",
            group=group,
            kind="rates",
            processes=setting.processes,
            members=members,
            precision=precision,
            device=setting.device,
        )
        for precision in precisions
    ]


def _trainers(setting: Setting, base: Contender) -> list[Contender]:
    """The Trainer in the layouts that may be its best: one process per core, and one process with all cores."""
    if setting.device != "cpu":
        return [base]
    wide = dataclasses.replace(base, name=f"{base.name}, 1 x {setting.cores}", threads=setting.cores)
    many = dataclasses.replace(base, name=f"{base.name}, {setting.cores} x 1", processes=setting.cores)
    return [many] if setting.cores == 1 or setting.quick else [many, wide]


def _ours(setting: Setting, members: int, precision: Precision = "fp32") -> list[Contender]:
    common = Contender(
        name=PLAIN, group=PLAIN, kind="plain", processes=setting.processes, precision=precision, device=setting.device
    )
    return [common, dataclasses.replace(common, name=FLEET, group=FLEET, kind="fleet", members=members)]


def _glue(task: str, over_padded: float, over_best: float) -> Callable[[Setting], list[Trial]]:
    def trials(setting: Setting) -> list[Trial]:
        best = Contender(name=TRAINER, group=TRAINER, kind="trainer", device=setting.device)
        padded = dataclasses.replace(best, name=RUN_GLUE, group=RUN_GLUE, pad_to=PADDED)
        contenders = [
            *_bounds(setting, 1, "fp32"),
            *_trainers(setting, best),
            *_trainers(setting, padded),
            *_ours(setting, 1),
        ]
        ratios = Ratio(over=RUN_GLUE, ours=FLEET, target=over_padded), Ratio(over=TRAINER, ours=FLEET, target=over_best)
        return [
            Trial(
                name=task,
                problem=setting.problem(task, SMALL),
                contenders=tuple(contenders),
                ratios=ratios,
                steps=8,
                warmup=8,
            )
        ]

    return trials


def _in(precision: Precision, contender: Contender) -> Contender:
    """The same in a precision that its name and group tell."""
    return dataclasses.replace(
        contender, precision=precision, name=f"{contender.name}, {precision}", group=f"{contender.group}, {precision}"
    )


def _seeds(setting: Setting) -> list[Trial]:
    members = (8 if setting.quick else SEEDS) // setting.processes or 1
    trainers = _trainers(setting, Contender(name=TRAINER, group=TRAINER, kind="trainer", device=setting.device))
    plain, fleet = _ours(setting, members)
    precisions: tuple[Precision, ...] = ("fp32", "bf16") if setting.has_bf16 else ("fp32",)
    contenders = [*_bounds(setting, members, *precisions), _in("fp32", plain)]
    for precision in precisions:
        contenders += [_in(precision, one) for one in (trainers if precision == "fp32" else trainers[:1])]
        contenders.append(_in(precision, fleet))
    if setting.whole:
        each = -(-SEEDS // setting.processes)
        counts = {c.name: SEEDS if c.processes == 1 else each for c in contenders}
        contenders = [c if c.kind == "rates" else dataclasses.replace(c, whole=counts[c.name]) for c in contenders]
    note = f"{SEEDS} whole runs" if setting.whole else "steps of runs; --whole times whole runs with their evaluations"
    ratios = [Ratio(over=f"{TRAINER}, {each}", ours=f"{FLEET}, {each}", target=2.5) for each in precisions]
    ratios += [Ratio(over=f"{TRAINER}, fp32", ours=f"{FLEET}, {each}") for each in precisions[1:]]
    ratios.append(Ratio(over=f"{PLAIN}, fp32", ours=f"{FLEET}, fp32"))
    problem = Problem(data="miniature")
    return [
        Trial(
            name="seeds",
            problem=problem,
            contenders=tuple(contenders),
            ratios=tuple(ratios),
            notes=(note,),
            unit="one run" if setting.whole else "step of one run",
            steps=5 if setting.quick else 20,
        )
    ]


def _bf16(setting: Setting) -> list[Trial]:
    precisions: tuple[Precision, ...] = ("fp32", "bf16")
    contenders = _bounds(setting, 1, *precisions)
    # One process with all cores: contenders wait for their turns beside each other, and each holds several gigabytes.
    threads = setting.cores if setting.device == "cpu" else 1
    contenders += [
        dataclasses.replace(_in(precision, one), processes=1, threads=threads)
        for precision in precisions
        for one in _ours(setting, 1)
    ]
    ratios = [Ratio(over=f"{kind}, fp32", ours=f"{kind}, bf16", target=1.7) for kind in (PLAIN, FLEET)]
    problem = Problem(shape=BASE, data=PADDED)
    return [Trial(name="bf16", problem=problem, contenders=tuple(contenders), ratios=tuple(ratios), steps=3, warmup=2)]


def _surface(setting: Setting) -> list[Trial]:
    single = Contender(
        name=POINTS, group=POINTS, kind="points", processes=setting.processes, members=SIDE, device=setting.device
    )
    script = dataclasses.replace(single, name=SCRIPT, group=SCRIPT, kind="script points")
    stacked = dataclasses.replace(single, name=ROW, group=ROW, kind="stacked points")
    bounds = _bounds(setting, SIDE, "fp32", group="lower bound of points")
    ratios = (
        Ratio(over=SCRIPT, ours=POINTS, target=3.0),
        Ratio(over=SCRIPT, ours=ROW, target=3.0),
        Ratio(over=POINTS, ours=ROW, target=3.0),
    )
    note = f"rows of {SIDE} points are timed; a surface has {SIDE * SIDE} points"
    problem = Problem(data="miniature", batch=128)
    return [
        Trial(
            name="surface",
            problem=problem,
            contenders=(*bounds, script, single, stacked),
            ratios=ratios,
            unit="point",
            notes=(note,),
        )
    ]


def _memory(setting: Setting) -> list[Trial]:
    members = 12
    alone, fleet = _ours(dataclasses.replace(setting, cores=1), members)
    one = dataclasses.replace(fleet, name="fleet of 1", group="fleet of 1", members=1)
    ratios = [Ratio(over=over, ours=FLEET, target=1 / 1.15, of="memory") for over in (PLAIN, "fleet of 1")]
    note = (
        "memory beyond what a process has before its model is made; ratios of what one run needs alone and in a fleet"
    )
    return [
        Trial(
            name="memory",
            problem=Problem(data="miniature"),
            contenders=(alone, one, fleet),
            ratios=tuple(ratios),
            steps=10,
            notes=(note,),
        )
    ]


def _large(setting: Setting) -> list[Trial]:
    best = Contender(name=TRAINER, group=TRAINER, kind="trainer", precision="bf16", device=setting.device)
    compiled = dataclasses.replace(best, name="Trainer, torch_compile", group="Trainer, torch_compile", compiles=True)
    padded = dataclasses.replace(best, name=RUN_GLUE, group=RUN_GLUE, pad_to=PADDED, precision="fp32")
    ours = _ours(setting, LARGE_SEEDS, "bf16")
    bounds = _bounds(setting, 8, "fp32", "bf16")
    ratios = (
        Ratio(over=TRAINER, ours=FLEET, target=5.0),
        Ratio(over="Trainer, torch_compile", ours=FLEET, target=2.0),
        Ratio(over=RUN_GLUE, ours=FLEET),
    )
    first = Trial(
        name="large",
        problem=setting.problem("rte", LARGE),
        ratios=ratios,
        steps=12,
        warmup=8,
        contenders=(*bounds, best, compiled, padded, *ours),
    )
    others = [
        Trial(name=f"large {task}", problem=setting.problem(task, LARGE), contenders=(bounds[1], ours[1]), steps=8)
        for task in ("mrpc", "cola")
    ]
    return [first, *others]


def _growth(setting: Setting) -> list[Trial]:
    alone = dataclasses.replace(setting, cores=1)
    plain, fleet = _ours(alone, 1)
    fleets = [
        dataclasses.replace(fleet, name=f"fleet of {m}", group=f"fleet of {m}", members=m)
        for m in (1, 2, 4, 8, 16, 32, 64)
    ]
    ratios = tuple(Ratio(over="fleet of 1", ours=one.group) for one in fleets[1:])
    trials = [
        Trial(
            name="growth: seeds",
            problem=Problem(data="miniature"),
            contenders=(*_bounds(alone, 64, "fp32"), plain, *fleets),
            ratios=ratios,
            steps=5,
        )
    ]
    eight = dataclasses.replace(fleet, members=8)
    for layers in (6, 12, 18, 24):
        problem = Problem(shape=Shape(layers=layers, width=64, heads=4, words=200), data=32)
        trials.append(
            Trial(
                name=f"growth: {layers} layers",
                problem=problem,
                contenders=(*_bounds(alone, 8, "fp32"), plain, eight),
                steps=5,
            )
        )
    trainer = Contender(name=TRAINER, group=TRAINER, kind="trainer", device=setting.device)
    contenders = (*_bounds(alone, 1, "fp32"), trainer, plain, fleet)
    ratios = (Ratio(over=TRAINER, ours=FLEET),)
    for length in (16, 32, 64, 128, 256, 512):
        problem = Problem(shape=SMALL, data=length)
        name = f"growth: {length} tokens"
        trials.append(Trial(name=name, problem=problem, contenders=contenders, ratios=ratios, steps=2, warmup=1))
    return trials


WORKLOADS: dict[str, Callable[[Setting], list[Trial]]] = {
    "cola": _glue("cola", 9.0, 1.45),
    "rte": _glue("rte", 1.7, 1.4),
    "mrpc": _glue("mrpc", 2.4, 1.3),
    "seeds": _seeds,
    "bf16": _bf16,
    "surface": _surface,
    "memory": _memory,
    "large": _large,
    "growth": _growth,
}


def trials_of(name: str, setting: Setting) -> list[Trial]:
    """The trials of a workload.

    Raises:
        UserError: there is no such workload.
    """
    if name not in WORKLOADS:
        raise unknown("workload", name, WORKLOADS)
    return WORKLOADS[name](setting)
