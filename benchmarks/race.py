"""What a race of seeds is worth (docs/race.md): replayed on runs that all went to their end.

    python benchmarks/race.py STORE ... [--race 10:5 ...] [--stop-doomed] [--draws 5000] [--smallest 20]

Each draw takes as many of a recipe's stored seeds as the race starts, without replacement, decides the race by their
stored evaluations, and compares the best final score among those that go on with the best of all that were drawn, and with
the best of as many whole runs as the race's compute pays for. A race without ``@`` is decided at the first evaluation from 30 %
of training on; one is always decided at an evaluation that all runs have. A diverged run has no final score and is never the
best; early it counts as the last. With ``--stop-doomed`` a run ends where the detector of doomed runs sounds, takes no place
in the race if that is before its decision, and has no final score; what every study records is enough for that.
"""

from __future__ import annotations

import argparse
import dataclasses
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

import seedproof as sp
from seedproof.alarms import Doomed
from seedproof.execution.race import Race

CELL = ["task", "model", "recipe"]
RACES = ("10:5", "10:3", "10:2", "20:5", "5:2")


@dataclass(frozen=True, eq=False)
class Cell:
    """Whole runs of one task, model and recipe, in the order of their seeds."""

    name: str
    final: np.ndarray
    """Final scores, (runs,); -inf of a diverged run."""
    failed: np.ndarray
    """Whether each run failed, (runs,)."""
    fractions: np.ndarray
    """Fractions of the training at which all runs were evaluated, rising, without 0 and 1, (evaluations,)."""
    early: np.ndarray
    """Best score so far, (runs, evaluations); -inf where there is none."""
    alarms: np.ndarray
    """Fraction of the training at which the detector called the run doomed, (runs,); inf where it did not."""
    majority: float
    """Score of a prediction that never changes: that of a draw in which no run gets to its end."""


@dataclass(frozen=True)
class Replayed:
    """What a race was worth over many draws."""

    race: Race
    share: float
    """Mean of the steps, of those of all runs to their end."""
    whole: float
    """Mean best score of all runs that start, to their end."""
    raced: float
    """Mean best score of those that go on."""
    same_compute: float
    """Mean best score of as many whole runs as the race's steps pay for, a fraction interpolated."""
    loss: tuple[float, float]
    """5th percentile and mean of the race's best minus the best of all."""
    stopped: float
    """Fraction of draws in which the best run was stopped, and none as good went on."""
    none: tuple[float, float]
    """Fraction of draws in which no run succeeded: of all that start, and of those that go on."""


def cells_of(stores: Sequence[str]) -> list[Cell]:
    """The cells of stores; a run that is in several counts once."""
    opened = [sp.open_results(store) for store in stores]
    runs = pd.concat([each.runs() for each in opened]).drop_duplicates("run")
    scores = pd.concat([each.scores() for each in opened]).drop_duplicates(["run", "step", "metric"])
    alarms = pd.concat([each.alarms(Doomed) for each in opened]).drop_duplicates("run").set_index("run")["alarm"]
    whole = runs[runs["outcome"].isin(["succeeded", "failed"])].join(alarms, on="run")
    return [_cell(" ".join(key), part, scores) for key, part in whole.groupby(CELL, sort=False)]


def _cell(name: str, runs: pd.DataFrame, scores: pd.DataFrame) -> Cell:
    runs = runs.sort_values("seed", key=lambda seeds: seeds.str.split("/").str[0].astype(int))
    metric, steps = runs["metric"].iloc[0], int(runs["steps"].iloc[0])
    own = scores[scores["run"].isin(runs["run"]) & (scores["metric"] == metric)]
    table = own.pivot_table(index="run", columns="step", values="score", aggfunc="first").reindex(runs["run"])
    lasting = table[(runs["reason"] != "diverged").to_numpy()]
    looks = [step for step in table if 0 < step < steps and lasting[step].notna().all()]
    early = np.maximum.accumulate(table[looks].fillna(-np.inf).to_numpy(float), axis=1)
    final = np.where(np.isfinite(runs["score"]), runs["score"], -np.inf).astype(float)
    return Cell(
        name=name,
        final=final,
        failed=(runs["outcome"] == "failed").to_numpy(),
        fractions=np.array(looks) / steps,
        early=early,
        alarms=runs["alarm"].to_numpy(float, na_value=np.inf) / steps,
        majority=float(runs["majority"].iloc[0]),
    )


def with_doomed_stopped(cell: Cell) -> Cell:
    """The cell as it is where runs end at their alarm: they have no score from then on, and none at the end."""
    doomed = np.isfinite(cell.alarms)
    early = np.where(cell.alarms[:, None] <= cell.fractions, -np.inf, cell.early)
    return dataclasses.replace(
        cell, final=np.where(doomed, -np.inf, cell.final), failed=cell.failed | doomed, early=early
    )


def replay(cell: Cell, race: Race, *, draws: int, stop_doomed: bool = False, seed: int = 0) -> Replayed | None:
    """Replay a race; None where the cell has too few runs, or no evaluation where it would be decided.

    Args:
        cell: of whole runs.
        race: decided at the first evaluation from its fraction on.
        draws: of the seeds that start.
        stop_doomed: whether runs end at their alarm.
        seed: of the draws.
    """
    looks = np.flatnonzero(cell.fractions >= race.at - 0.005)
    if len(cell.final) < race.started or not len(looks):
        return None
    look, generator = int(looks[0]), np.random.default_rng(seed)
    at, runs = float(cell.fractions[look]), len(cell.final)
    # In the order of the seeds, which decides between equals.
    drawn = np.sort(np.argsort(generator.random((draws, runs)), axis=1)[:, : race.started], axis=1)
    seen = with_doomed_stopped(cell) if stop_doomed else cell
    ranked = np.take_along_axis(drawn, np.argsort(-seen.early[drawn, look], axis=1, kind="stable"), axis=1)
    going_on = ranked[:, : race.finished]
    best, raced = (scores.max(axis=1) for scores in (cell.final[drawn], seen.final[going_on]))
    best, raced = (np.where(np.isfinite(each), each, cell.majority) for each in (best, raced))
    ends = np.where(np.arange(race.started) < race.finished, 1.0, at)
    share = float((np.minimum(ends, cell.alarms[ranked]) if stop_doomed else ends).mean())
    none = (float(cell.failed[drawn].all(axis=1).mean()), float(seen.failed[going_on].all(axis=1).mean()))
    return Replayed(
        race=Race(started=race.started, finished=race.finished, at=at),
        share=share,
        whole=float(best.mean()),
        raced=float(raced.mean()),
        same_compute=expected_best(cell.final, share * race.started),
        loss=(float(np.percentile(raced - best, 5)), float((raced - best).mean())),
        stopped=float((raced < best).mean()),
        none=none,
    )


def expected_best(scores: np.ndarray, runs: float) -> float:
    """The exact mean of the best of so many runs, drawn without replacement; between two whole numbers interpolated.

    >>> expected_best(np.array([0.0, 1.0]), 1.5)  # one of two: .5; two of two: 1
    0.75
    """
    lower = math.floor(runs)
    means = [_best_of(np.sort(scores), count) for count in (lower, min(lower + 1, len(scores)))]
    return means[0] + (runs - lower) * (means[1] - means[0])


def _best_of(rising: np.ndarray, count: int) -> float:
    """The i-th smallest of n is the best of a draw if the other count - 1 are below it: C(i, count - 1) of C(n, count) draws."""
    weights = np.array([math.comb(index, count - 1) for index in range(len(rising))], float)
    kept = weights > 0
    return float((weights[kept] / math.comb(len(rising), count)) @ rising[kept])


HEADINGS = (
    *("race", "steps", "best, all to the end", "best, raced", "best, same steps in whole runs"),
    *("raced - all: mean (5 %)", "best run stopped", "none succeeded: all, raced"),
)


def row_of(worth: Replayed) -> tuple[str, ...]:
    """The cells of a race under :data:`HEADINGS`."""
    race = worth.race
    return (
        f"{race.started}:{race.finished}@{race.at:.2f}",
        f"{worth.share:.0%}",
        *(f"{score:.3f}" for score in (worth.whole, worth.raced, worth.same_compute)),
        f"{worth.loss[1]:+.4f} ({worth.loss[0]:+.3f})",
        f"{worth.stopped:.0%}",
        f"{worth.none[0]:.1%}, {worth.none[1]:.1%}",
    )


def main() -> None:
    """Print a table per cell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="+")
    parser.add_argument("--race", action="append", help=f"K:M[@F] [default: {', '.join(RACES)}]")
    parser.add_argument("--stop-doomed", action="store_true", help="runs end where the detector calls them doomed")
    parser.add_argument("--draws", type=int, default=5000)
    parser.add_argument("--smallest", type=int, default=20, help="fewest whole runs of a cell")
    options = parser.parse_args()
    races = [Race.parse(text) for text in options.race or RACES]
    found = [cell for cell in cells_of(options.stores) if len(cell.final) >= options.smallest]
    if not found:
        sys.exit(f"no cell has {options.smallest} whole runs; give --smallest, or other stores")
    for cell in found:
        print(f"\n{cell.name}: {len(cell.final)} whole runs, {cell.failed.mean():.0%} failed; {options.draws} draws\n")
        print(*(f"| {' | '.join(row)} |" for row in (HEADINGS, ["---"] * len(HEADINGS))), sep="\n")
        for race in races:
            if (worth := replay(cell, race, draws=options.draws, stop_doomed=options.stop_doomed)) is None:
                print(f"{race}: too few runs, or no evaluation from {race.at:.0%} of training on", file=sys.stderr)
            else:
                print(f"| {' | '.join(row_of(worth))} |")


if __name__ == "__main__":
    main()
