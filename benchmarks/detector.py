"""The doomed-run detector (docs/detector.md): fit on some runs, measured on others, and written into the package.

    python benchmarks/detector.py STORE ... [--foreign STORE ...] [--write]

Runs of seeds from 1000 on are for training, those below for the test, wherever they are stored: no run is in both. Stores
need no recording beyond the default ones. All runs of foreign stores, of whatever seeds, are only tested. Printed are the
tables of docs/detector.md; ``--write`` puts coefficients, threshold and what was measured into
src/seedproof/alarms/doomed.json, and what they were fit to into the tests' assets.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import seedproof as sp
from seedproof.alarms import Signals, Stuck
from seedproof.alarms.base import TOLERATED
from seedproof.alarms.doomed import FRACTIONS, TABLE, Decision, Examination, Fit, Symptoms
from seedproof.analysis import alarm_rates, clopper_pearson_interval, halving_table
from seedproof.analysis.stored import stored_signals
from seedproof.store import Store

STORED = Path(__file__).resolve().parent.parent / "tests" / "assets" / "detector.parquet"
"""The symptoms of the training runs, from which the test makes the fit again."""
TRAINING = 1000
"""Seeds from here on are for training."""
FEATURES = ["learned", "vanished"]
LOOKS = 2
"""How often the test runs were counted to decide whether an alarm may stop a run: they share the 5 % of error (Bonferroni)."""
EPOCHS = (1 / 3, 2 / 3)
"""Fractions at which three epochs are evaluated: Dodge's rule can decide there."""


@dataclass(frozen=True)
class Runs:
    """Finished runs that did not diverge, and what is seen of them early."""

    table: pd.DataFrame
    """As ``Results.runs``, with ``fingerprint`` of the weights, ``number``, the seed, and ``stuck``, the step of its alarm."""
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
    return Runs(
        table.assign(model=table["fingerprint"].map(_names(table))),
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
    table = runs.assign(
        fingerprint=[store.run(run).spec.model.fingerprint for run in runs["run"]],
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


def at_majority(runs: Runs, fraction: float) -> pd.DataFrame:
    """What a rule says that stops runs whose development score at an evaluation is not better than the majority."""
    scores = runs.scores.merge(runs.table[["run", "metric", "majority", "steps"]], on=["run", "metric"])
    behind = scores["step"] - fraction * scores["steps"].astype(float)
    named = scores[(behind.abs() <= 0.02 * scores["steps"].astype(float)) & ~(scores["score"] > scores["majority"])]
    return runs.table.assign(alarm=runs.table["run"].map(named.groupby("run")["step"].min()).astype("Int64"))


# The tables of docs/detector.md.


def markdown(title: str, rows: Sequence[dict[str, object]]) -> None:
    """Print a table."""
    print(f"\n{title}\n")
    names = list(rows[0])
    print(*(f"| {' | '.join(map(str, each))} |" for each in (names, ["---"] * len(names))), sep="\n")
    print(*(f"| {' | '.join(str(row[name]) for name in names)} |" for row in rows), sep="\n")


def in_words(table: pd.DataFrame) -> dict[str, object]:
    """The rates of a rule, for a row."""
    found = alarm_rates(table)
    percent = {name: "–" if np.isnan(value) else f"{100 * value:.1f} %" for name, value in found.items()}
    return {
        "failed": f"{found['failed']:.0f}",
        "named": f"{found['right']:.0f}",
        "recall": percent["recall"],
        "precision": percent["precision"],
        "false alarms": f"{found['false']:.0f} of {found['succeeded']:.0f}",
        "rate (95 %)": f"{percent['false_rate']} ({percent['false_low']} to {percent['false_high']})",
        "left at alarm": percent["lead"],
        "steps saved": f"{percent['saved']} of {percent['possible']}",
    }


def by(name: str, runs: Runs, judge: Callable[[Runs], pd.DataFrame]) -> Iterator[dict[str, object]]:
    """A row for every value of a column."""
    for value in sorted(runs.table[name].unique()):
        yield {name: value, **in_words(judge(runs.only(runs.table[name] == value)))}


def rules(test: Runs, made: Fit, found: pd.Series | None = None) -> Iterator[dict[str, object]]:
    """The detector beside other rules, on the same runs."""
    yield {"rule": "`Doomed`", **in_words(judged(test, made, None, found))}
    for probability in (0.9, 0.5):
        yield {"rule": f"`Doomed({probability:g})`", **in_words(judged(test, made, probability, found))}
    yield {"rule": "`Stuck`", **in_words(test.table.assign(alarm=test.table["stuck"].astype("Int64")))}
    for fraction in EPOCHS:
        where = f"after {fraction:.0%}"
        half = halving_table(test.table, test.scores, fraction)
        yield {"rule": f"Dodge's, {where}, the better half goes on", **in_words(half)}
        yield {"rule": f"not better than the majority {where}", **in_words(at_majority(test, fraction))}


def by_decision(test: Runs, made: Fit) -> Iterator[dict[str, object]]:
    """What is known at each fraction of the training."""
    for number, fraction in enumerate(FRACTIONS):
        rows = test.symptoms[test.symptoms["decision"] == number]
        found, failed = probabilities(rows, made.decisions), rows["run"].map(test.failed)
        until = judged(Runs(test.table, test.symptoms[test.symptoms["decision"] <= number], test.scores), made)
        rates = alarm_rates(until)
        bins = pd.cut(found, [0, 0.05, 0.2, 0.5, 0.8, 0.95, 1], include_lowest=True)
        calibration = [
            f"{found[bins == each].mean():.2f}: {failed[bins == each].mean():.2f} ({(bins == each).sum()})"
            for each in bins.cat.categories
            if (bins == each).any()
        ]
        yield {
            "at": f"{fraction:.0%}",
            "area under ROC": f"{roc_auc_score(failed.astype(int), found):.3f}",
            "right at .5, successful": f"{(found[~failed] < 0.5).mean():.1%}",
            "failed": f"{(found[failed] >= 0.5).mean():.1%}",
            "named by then": f"{rates['recall']:.1%}",
            "false alarms by then": f"{rates['false']:.0f}",
            "mean probability: share failed (runs)": "; ".join(calibration),
        }


def left_out(train: Runs, test: Runs, name: str, value: float) -> Iterator[dict[str, object]]:
    """The test runs of each task, or model, by a fit to the training runs of the others."""
    for each in sorted(set(test.table[name]) & set(train.table[name])):
        others = train.only(train.table[name] != each)
        if others.failed.nunique() < 2:
            continue
        made = Fit(decisions=fit(others), threshold=value)
        yield {f"{name} left out": each, **in_words(judged(test.only(test.table[name] == each), made))}


def by_kind(table: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Runs and alarms by how the runs ended."""
    for (outcome, kind), part in table.groupby(["outcome", "kind"]):
        yield {"outcome": outcome, "kind": kind, "runs": len(part), "alarms": int(part["alarm"].notna().sum())}


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


def show_test(train: Runs, test: Runs, made: Fit) -> None:
    """Print what the fit says of the test runs."""
    models = list(by("model", test, lambda each: judged(each, made)))
    markdown("Test runs", [*models, {"model": "all", **in_words(judged(test, made))}])
    markdown("By task", list(by("task", test, lambda each: judged(each, made))))
    markdown("By length", list(by("steps", test, lambda each: judged(each, made))))
    markdown("Rules", list(rules(test, made)))
    markdown("By fraction of the training", list(by_decision(test, made)))
    for name in ("task", "model"):
        if rows := list(left_out(train, test, name, made.threshold)):
            markdown(f"A {name} left out of the fit", rows)
    markdown("By kind", list(by_kind(judged(test, made))))


def written(train: Runs, made: Fit, measured: dict[str, object] | None) -> dict[str, object]:
    """The content of doomed.json."""
    of_training = {
        "failed": int(train.failed.sum()),
        "successful": int((~train.failed).sum()),
        "models": sorted(train.table["model"].unique()),
        "tasks": sorted(train.table["task"].unique()),
    }
    decisions = [asdict(each) for each in made.decisions]
    return {"decisions": decisions, "threshold": made.threshold, "training": of_training, "validation": measured}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="+", metavar="STORE")
    parser.add_argument("--foreign", nargs="*", default=[], metavar="STORE")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    train, test = halves(gather(args.stores))
    found = out_of_fold(train)
    value, count, false = threshold(train, found)
    made = Fit(decisions=fit(train), threshold=value)
    print(f"threshold {value:.4f}: {false} false alarms of {count} successful training runs, out of fold")
    markdown("The fit", [{"at": f"{f:.0%}", **asdict(d)} for f, d in zip(FRACTIONS, made.decisions, strict=True)])
    counts = train.table.groupby(["model", "task"])["outcome"].agg(
        runs="size", failed=lambda each: (each == "failed").sum()
    )
    markdown("Training runs", counts.reset_index().to_dict("records"))
    markdown("Rules, on the training runs; the detector out of fold", list(rules(train, made, found)))
    measured = None
    if len(test.table):
        show_test(train, test, made)
        measured = validation(test, made)
    for store in args.foreign:
        markdown(f"Foreign: {store}", list(rules(gather([store]), made)))
    if args.write:
        TABLE.write_text(json.dumps(written(train, made, measured), indent=1) + "\n", encoding="utf-8")
        stored = train.symptoms.merge(train.table[["run", "model", "task", "outcome"]], on="run").drop(columns="step")
        stored.assign(run=stored["run"].str[:12]).to_parquet(STORED, index=False)
        print(f"written: {TABLE}, {STORED}", file=sys.stderr)


if __name__ == "__main__":
    main()
