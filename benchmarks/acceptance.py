"""The acceptance table of the miniatures (docs/miniature.md): what a model organism of the instability must show.

    python benchmarks/acceptance.py STORE [STORE ...] [--model miniature/bert] [--grid STORE]
    python benchmarks/acceptance.py --search STORE

Stores are read together, and of a run that several have, the first one's counts; their runs are devlin,
devlin(bias_correction=True) and mosbach on the four tasks with the recording fit. Every finished run of a seed below 1000
counts: seeds from there on chose the cards' settings, and ``--search`` prints what they show, a row a recipe.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

import seedproof as sp
from seedproof.analysis.curves import label_entropy

TASKS = tuple(f"miniature/{name}" for name in ("acceptability", "paraphrase", "entailment", "answer"))
DEFAULT, CORRECTED, BASELINE = "devlin", "devlin(bias_correction=True)", "mosbach"
CHOOSING = 1000
"""Seeds from here on chose the settings."""


def runs_of(stores: list[str]) -> pd.DataFrame:
    """The finished runs of coupled seeds below :data:`CHOOSING`, with the entropy ``entropy`` of their labels in nats."""
    runs = pd.concat([sp.open_results(store).runs() for store in stores], ignore_index=True)
    # One store may have finished what another has only begun.
    runs = runs[(runs["state"] == "finished") & runs["seed"].str.fullmatch(r"\d{1,3}")]
    _say_which_count(runs)
    return _with_entropy(runs.drop_duplicates("run"))


def _with_entropy(runs: pd.DataFrame) -> pd.DataFrame:
    entropy = {task: label_entropy(sp.load_task(task).train.labels) for task in TASKS}
    return runs[runs["task"].isin(TASKS)].assign(entropy=lambda table: table["task"].map(entropy))


def _say_which_count(runs: pd.DataFrame) -> None:
    """A fleet's bits depend on its company, so two stores may have ended the same run otherwise; the first store's counts."""
    ends = runs.drop_duplicates(["run", "outcome"]).groupby("run")["outcome"].agg(list)
    names = runs.drop_duplicates("run").set_index("run")
    for run, outcomes in ends[ends.map(len) > 1].items():
        row = names.loc[run]
        print(
            f"{row['task']}, {row['model']}, {row['recipe']}, seed {row['seed']}: {outcomes[0]} counts, another store has "
            f"{outcomes[1]}",
            file=sys.stderr,
        )


class Organism:
    """The runs of one model, by task and recipe."""

    def __init__(self, runs: pd.DataFrame, model: str) -> None:
        self._runs = runs[runs["model"] == model]

    def of(self, task: str, recipe: str, outcome: str | None = None) -> pd.DataFrame:
        """The runs of a cell, of one outcome or all."""
        cell = self._runs[(self._runs["task"] == task) & (self._runs["recipe"] == recipe)]
        return cell if outcome is None else cell[cell["outcome"] == outcome]

    def failed(self, recipe: str) -> list[str]:
        """Failed of finished runs, a text per task."""
        return [f"{len(self.of(t, recipe, 'failed'))} of {len(self.of(t, recipe))}" for t in TASKS]

    def rate(self, task: str, recipe: str) -> float:
        """The fraction of failed runs."""
        cell = self.of(task, recipe)
        return float((cell["outcome"] == "failed").mean())

    def reach(self, task: str) -> float:
        """How far the successful default runs come from the majority to the baseline's mean."""
        majority = self.of(task, DEFAULT)["majority"].iloc[0]
        good, best = self.of(task, DEFAULT, "succeeded")["score"].mean(), self.of(task, BASELINE)["score"].mean()
        return float((good - majority) / (best - majority))

    def at_most(self, count: int, recipe: str) -> bool | None:
        """Whether no more runs of a recipe failed; None while a task has no runs and not more did."""
        if sum(len(self.of(task, recipe, "failed")) for task in TASKS) > count:
            return False
        return None if any(self.of(task, recipe).empty for task in TASKS) else True

    def loss(self, task: str, recipe: str, *, relative: bool) -> float:
        """The median training loss of successful runs, in nats or relative to the label entropy."""
        cell = self.of(task, recipe, "succeeded")
        return float((cell["fit_loss"] / (cell["entropy"] if relative else 1.0)).median())


VERDICTS = {True: "met", False: "missed", None: "open"}


def entries(organism: Organism) -> Iterator[tuple[str, str, list[str], bool | None]]:
    """Each entry's number, what it asks, the values by task, and whether it is met; None while missing runs could change it."""
    rates = [organism.rate(task, DEFAULT) for task in TASKS]
    yield (
        "O1",
        "default recipe fails, 20 to 70 % on 3 of 4",
        organism.failed(DEFAULT),
        on_three(rates, lambda rate: 0.2 <= rate <= 0.7),
    )
    reach = [organism.reach(task) for task in TASKS]
    yield (
        "O2",
        "its successful runs' way to the baseline, at least 60 % on 3 of 4",
        percents(reach),
        on_three(reach, lambda way: way >= 0.6),
    )
    fit = [organism.loss(task, DEFAULT, relative=True) for task in TASKS]
    yield (
        "O3",
        "their median loss over the label entropy, at most .5 on 3 of 4",
        numbers(fit),
        on_three(fit, lambda loss: loss <= 0.5),
    )
    yield "O4", "with correction fails, at most 2 of 100", organism.failed(CORRECTED), organism.at_most(2, CORRECTED)
    yield "O5", "the 20-epoch baseline fails, 0 of 100", organism.failed(BASELINE), organism.at_most(0, BASELINE)
    low = [organism.loss(task, BASELINE, relative=False) for task in TASKS]
    yield "", "its median loss, below .05 nats on 3 of 4", numbers(low), on_three(low, lambda loss: loss < 0.05)
    means = [(organism.of(t, BASELINE)["score"].mean(), organism.of(t, CORRECTED)["score"].mean()) for t in TASKS]
    shown = [f"{long:.3f}, {short:.3f}".replace("nan", "–") for long, short in means]
    yield (
        "",
        "its mean, and that of 3 corrected epochs: not lower",
        shown,
        False if any(long < short for long, short in means) else None if np.isnan(means).any() else True,
    )


def percents(values: list[float]) -> list[str]:
    """Fractions as whole percents; a dash where there are no runs."""
    return [f"{value:.0%}".replace("%", " %") if math.isfinite(value) else "–" for value in values]


def numbers(values: list[float]) -> list[str]:
    """Losses with two digits; a dash where there are no runs."""
    return [f"{value:.2g}" if math.isfinite(value) else "–" for value in values]


def grid(store: str, model: str) -> str:
    """O6: the range of the training losses of successful runs on entailment, over every rate, length and correction."""
    runs = runs_of([store])
    chosen = runs[
        (runs["task"] == "miniature/entailment") & (runs["model"] == model) & (runs["outcome"] == "succeeded")
    ]
    chosen = chosen[chosen["recipe"].str.startswith(("devlin", "mosbach"))]
    low, high = chosen["fit_loss"].min(), chosen["fit_loss"].max()
    what, is_met = (
        f"losses of {len(chosen)} successful runs on entailment, below .001 to above .3",
        low < 1e-3 and high > 0.3,
    )
    return f"| O6 | {what} | | | {low:.2g} to {high:.2g} | | {'met' if is_met else 'missed'} |"


def search(store: str) -> Iterator[str]:
    """What a search for a rate shows, by recipe: failed runs, and by task the means of all runs, how far those that succeed
    have come from the majority to those of the same rate with correction, and their median loss over the entropy."""
    runs = _with_entropy(sp.open_results(store).runs())
    good = runs[runs["outcome"] == "succeeded"].assign(loss=lambda table: table["fit_loss"] / table["entropy"])
    means = good.groupby(["recipe", "task"])["score"].mean().unstack()[list(TASKS)]
    losses = good.groupby(["recipe", "task"])["loss"].median().unstack()[list(TASKS)]
    majority = runs.groupby("task")["majority"].first()[list(TASKS)]
    yield "| recipe | failed | means | way | loss |\n| --- | --- | --- | --- | --- |"
    for recipe, part in runs.groupby("recipe", sort=False):
        corrected = str(recipe).replace(")", ", bias_correction=True)")
        way = (
            (means.loc[recipe] - majority) / (means.loc[corrected] - majority)
            if corrected in means.index
            else majority * math.nan
        )
        scores = part.groupby("task")["score"].mean()[list(TASKS)]
        failed = f"{(part['outcome'] == 'failed').sum()} of {len(part)}"
        cells = [
            " ".join(f"{score:.3f}" for score in scores),
            " ".join(percents(list(way))),
            " ".join(numbers(list(losses.loc[recipe]))),
        ]
        yield f"| {recipe} | {failed} | {' | '.join(cells)} |"


def on_three(values: list[float], is_good: Callable[[float], bool]) -> bool | None:
    """Whether at least three of the tasks' values are good; None while those that are missing could decide it."""
    good, missing = sum(map(is_good, values)), sum(map(math.isnan, values))
    return True if good >= 3 else None if good + missing >= 3 else False


def main() -> None:
    """Print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="*")
    parser.add_argument("--model", default="miniature/bert")
    parser.add_argument("--grid", help="the store of a reproduction, for O6")
    parser.add_argument("--search", help="the store of a search for a rate")
    given = parser.parse_args()
    if given.search:
        print("\n".join(search(given.search)))
        return
    if not given.stores:
        parser.error("give a store")
    print("| # | quantity | " + " | ".join(task.partition("/")[2] for task in TASKS) + " | |")
    print("| --- " * (len(TASKS) + 3) + "|")
    for number, quantity, values, is_met in entries(Organism(runs_of(given.stores), given.model)):
        print(f"| {number} | {quantity} | {' | '.join(values)} | {VERDICTS[is_met]} |")
    if given.grid:
        print(grid(given.grid, given.model))


if __name__ == "__main__":
    main()
