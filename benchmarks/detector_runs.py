"""What the doomed-run detector is fit to and judged on: runs of stores, what is seen of them early, and the fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

import seedproof as sp
from seedproof.alarms import Signals, Stuck
from seedproof.alarms.base import TOLERATED
from seedproof.alarms.doomed import FRACTIONS, Decision, Examination, Fit, Symptoms
from seedproof.analysis import alarm_rates, clopper_pearson_interval
from seedproof.analysis.stored import stored_signals
from seedproof.store import Store

STORED = Path(__file__).resolve().parent.parent / "tests" / "assets" / "detector.parquet"
"""The symptoms of the training runs, from which the shipped fit can be made again."""
TRAINING = 1000
"""Seeds from here on are for training."""
FEATURES = ["learned", "vanished"]
LOOKS = 2
"""How often the test runs were counted to decide whether an alarm may stop a run: they share the 5 % of error (Bonferroni)."""


@dataclass(frozen=True)
class Runs:
    """Finished runs that did not diverge, and what is seen of them early."""

    table: pd.DataFrame
    """As ``Results.runs``, with ``fingerprint`` of the weights, ``number``, the seed, ``stuck``, the step of its alarm, and
    ``correction``, the model with whether the recipe has bias correction."""
    symptoms: pd.DataFrame
    """``run`` and the fields of :class:`Symptoms`, a row per run and decision."""
    scores: pd.DataFrame
    """As ``Results.scores``."""

    def only(self, is_kept: pd.Series) -> Runs:
        """Some of the runs, by rows of the table."""
        table = self.table[is_kept]
        return Runs(table, *(each[each["run"].isin(table["run"])] for each in (self.symptoms, self.scores)))

    @property
    def failed(self) -> pd.Series:
        """Whether each run failed, by run."""
        return self.table.set_index("run")["outcome"] == "failed"


def gather(stores: Sequence[str]) -> Runs:
    """Read the runs of stores; a run that is in several counts once. Models are those of the same weights."""
    parts = [_of_store(Path(store)) for store in stores]
    table = pd.concat([part.table for part in parts], ignore_index=True).drop_duplicates("run", ignore_index=True)
    symptoms = pd.concat([part.symptoms for part in parts], ignore_index=True)
    scores = pd.concat([part.scores for part in parts], ignore_index=True)
    models = table["fingerprint"].map(_names(table))
    return Runs(
        table.assign(model=models, correction=models + ", " + table["correction"]),
        symptoms.drop_duplicates(["run", "decision"], ignore_index=True),
        scores.drop_duplicates(["run", "step", "metric"], ignore_index=True),
    )


def _names(table: pd.DataFrame) -> dict[str, str]:
    """A name for each fingerprint, with its beginning where several weights have had the name."""
    found = {}
    for fingerprint, names in table.groupby("fingerprint")["model"]:
        found[fingerprint] = next((name for name in names if not Path(name).is_absolute()), Path(names.iloc[0]).name)
    shared = [name for name in found.values() if list(found.values()).count(name) > 1]
    return {print_: f"{name} ({print_[:6]})" if name in shared else name for print_, name in found.items()}


def _of_store(path: Path) -> Runs:
    store, results = Store.open(path), sp.open_results(path)
    runs = results.runs()
    signals = stored_signals(store, runs)
    runs = runs[runs["run"].isin(list(signals)) & (runs["reason"] != "diverged")].drop_duplicates("run")
    seen = {run: examine(signals[run]) for run in runs["run"]}
    symptoms = [{"run": run, **asdict(each)} for run, (found, _) in seen.items() for each in found]
    specs = [store.run(run).spec for run in runs["run"]]
    table = runs.assign(
        fingerprint=[spec.model.fingerprint for spec in specs],
        correction=["with" if spec.recipe["bias_correction"] else "without" for spec in specs],
        stuck=[seen[run][1] for run in runs["run"]],
        number=pd.to_numeric(runs["seed"], errors="coerce"),
    )
    columns = ["run", *Symptoms.__dataclass_fields__]
    return Runs(table, pd.DataFrame(symptoms, columns=columns), results.scores())


def examine(signals: Iterator[Signals]) -> tuple[list[Symptoms], float]:
    """The symptoms of a run at every decision, and the step at which :class:`Stuck` gives alarm, or NaN."""
    examination, rule, found, stuck = Examination(), Stuck(), [], np.nan
    for each in signals:
        if (symptoms := examination.see(each)) is not None:
            found.append(symptoms)
        if np.isnan(stuck) and rule.see(each) is not None:
            stuck = each.step
    return found, stuck


def stored_runs() -> Runs:
    """The training runs of the shipped fit, as far as a fit needs them."""
    rows = pd.read_parquet(STORED)
    table = rows[["run", "model", "task", "outcome"]].drop_duplicates("run", ignore_index=True)
    return Runs(table, rows.assign(step=0), pd.DataFrame(columns=["run"]))


def joined(*parts: Runs) -> Runs:
    """The runs of all parts, which have none in common."""
    tables = zip(*((part.table, part.symptoms, part.scores) for part in parts), strict=True)
    return Runs(*(pd.concat(each, ignore_index=True) for each in tables))


def halves(runs: Runs) -> tuple[Runs, Runs]:
    """The runs for training and those for the test, by their seeds; a run without a number as seed is in neither."""
    seed = runs.table["number"]
    return runs.only(seed >= TRAINING), runs.only(seed < TRAINING)


def fit(runs: Runs) -> tuple[Decision, ...]:
    """A logistic regression per decision."""
    made = []
    for number in range(len(FRACTIONS)):
        rows = runs.symptoms[runs.symptoms["decision"] == number]
        model = LogisticRegression(C=100.0, max_iter=1000).fit(rows[FEATURES], rows["run"].map(runs.failed))
        intercept, learned, vanished = (round(float(each), 3) for each in (*model.intercept_, *model.coef_[0]))
        made.append(Decision(intercept=intercept, learned=learned, vanished=vanished))
    return tuple(made)


def probabilities(symptoms: pd.DataFrame, decisions: Sequence[Decision]) -> pd.Series:
    """Probability of failing, by row of a table of symptoms."""
    rows = symptoms[list(Symptoms.__dataclass_fields__)].to_dict("records")
    return pd.Series([decisions[row["decision"]].probability(Symptoms(**row)) for row in rows], symptoms.index, float)


def out_of_fold(runs: Runs) -> pd.Series:
    """Probability of failing of every row of symptoms, by a fit to the runs of all other pairs of a model and a task."""
    cell = runs.table["model"] + " " + runs.table["task"]
    parts = []
    for name in cell.unique():
        held = runs.only(cell == name)
        parts.append(probabilities(held.symptoms, fit(runs.only(cell != name))))
    return pd.concat(parts).reindex(runs.symptoms.index)


def threshold(runs: Runs, found: pd.Series, tolerated: float = TOLERATED) -> tuple[float, int, int]:
    """The lowest probability for an alarm with which the upper 95 % end of the rate of false alarms stays in what is tolerated.

    Where there are too few successful runs for that, the lowest without a false alarm.

    Returns:
        It, the successful runs, and the false alarms that it makes of them.
    """
    highest = found.groupby(runs.symptoms["run"]).max()[lambda each: ~runs.failed.reindex(each.index)]
    highest, count = highest.sort_values(ascending=False).to_numpy(), int((~runs.failed).sum())
    allowed = 0
    while clopper_pearson_interval(allowed + 1, count)[1] <= tolerated:
        allowed += 1
    return float(np.floor(highest[allowed] * 1e4 + 1) / 1e4), count, allowed


def judged(runs: Runs, made: Fit, probability: float | None = None, found: pd.Series | None = None) -> pd.DataFrame:
    """What the detector says of runs, as :func:`seedproof.analysis.alarm_table`; ``found``: probabilities of another fit."""
    limit = made.threshold if probability is None else probability
    found = probabilities(runs.symptoms, made.decisions) if found is None else found
    first = runs.symptoms[found >= limit].groupby("run")["step"].min()
    return runs.table.assign(alarm=runs.table["run"].map(first).astype("Int64"))


def validation(test: Runs, made: Fit) -> dict[str, object]:
    """What the package says of its false alarms: those of each model that has enough runs of its own, lest models that never
    fail vouch for one that does; where none has, those of the model with the most."""
    table = judged(test, made)
    rates = {print_: alarm_rates(part) for print_, part in table.groupby("fingerprint")}
    most = max(rates, key=lambda each: rates[each]["succeeded"])
    kept = [each for each in rates if upper_end(rates[each]) <= TOLERATED] or [most]
    found = alarm_rates(table[table["fingerprint"].isin(kept)])
    return {
        "successful": found["succeeded"],
        "false_alarms": found["false"],
        "upper": upper_end(found),
        "models": sorted(kept),
    }


def upper_end(rates: Mapping[str, float]) -> float:
    """Upper end of the interval of a rate of false alarms, with the error of one of :data:`LOOKS` looks."""
    return clopper_pearson_interval(int(rates["false"]), int(rates["succeeded"]), 1 - 0.05 / LOOKS)[1]
