"""What takes part in a benchmark, as plain values that can be sent to a worker process."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

Kind = Literal["trainer", "plain", "fleet", "rates", "script points", "points", "stacked points"]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """A BERT with random weights."""

    layers: int
    width: int
    heads: int
    words: int = 30522
    positions: int = 512

    def __str__(self) -> str:
        return f"BERT of {self.layers} layers x {self.width}, random weights"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What is trained: the same model, data and batches for every contender."""

    shape: Shape | None = None
    """None: the miniature BERT."""
    data: str | int
    """``cola``, ``rte`` or ``mrpc``; ``miniature``; a number: every example has that many tokens."""
    batch: int = 16
    data_dir: str | None = None
    """Folder of the GLUE download; None: token lengths are generated."""
    vocabulary: str | None = None
    """Vocabulary of BERT, for the GLUE files."""

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read back what :func:`dataclasses.asdict` gave."""
        shape = value["shape"]
        return cls(**{**value, "shape": None if shape is None else Shape(**shape)})

    def __str__(self) -> str:
        model = "miniature/bert" if self.shape is None else str(self.shape)
        if isinstance(self.data, int):
            data = f"sequences of {self.data} tokens"
        elif self.data == "miniature":
            data = "miniature/entailment"
        else:
            source = "the GLUE files" if self.data_dir else "token lengths generated after the published means"
            data = f"{self.data} ({source})"
        return f"{model}; {data}; batch {self.batch}"


@dataclass(frozen=True, kw_only=True)
class Contender:
    """One way of doing the work."""

    name: str
    group: str
    """Contenders of one group are layouts of one thing; the best of them counts."""
    kind: Kind
    processes: int = 1
    threads: int = 1
    """Threads of each process."""
    members: int = 1
    """Runs (or points of a surface) of each process at a time."""
    pad_to: int | None = None
    """None: to the longest of the batch."""
    precision: Literal["fp32", "bf16"] = "fp32"
    compiles: bool = False
    device: str = "cpu"
    whole: int = 0
    """Whole runs of each process in a block, with their evaluations; 0: a block is a number of steps."""

    @property
    def layout(self) -> str:
        """Processes x threads and members, as the table shows them."""
        cores = f"{self.processes} x {self.threads}" if self.device == "cpu" else self.device
        return f"{cores}, {self.members} at a time" if self.members > 1 else cores

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A ratio of medians that a trial is made for."""

    over: str
    """Group in the numerator, usually the slower one."""
    ours: str
    target: float | None = None
    """Least value of the ratio that is aimed at."""
    of: Literal["time", "memory"] = "time"


@dataclass(frozen=True, kw_only=True)
class Trial:
    """Contenders that take turns at one problem: one table."""

    name: str
    problem: Problem
    contenders: tuple[Contender, ...]
    ratios: tuple[Ratio, ...] = ()
    steps: int = 10
    """Steps of a block."""
    warmup: int = 3
    """Steps before the first block, not counted."""
    unit: str = "step of one run"
    notes: tuple[str, ...] = ()
