"""The doomed-run detector (docs/detector.md): fit on some runs, measured on others, and written into the package.

    python benchmarks/detector.py [STORE ...] [--foreign STORE ...] [--joined STORE] [--write]

Runs of seeds from 1000 on are for training, those below for the test, wherever they are stored: no run is in both. Stores
need no recording beyond the default ones. All runs of foreign stores, of whatever seeds, are only tested; where no others are
given, with the fit that the package has. Printed are the tables of docs/detector.md; ``--write`` puts coefficients, threshold
and what was measured into src/seedproof/alarms/doomed.json, and what they were fit to into the tests' assets.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
from detector_runs import (
    STORED,
    Runs,
    fit,
    gather,
    halves,
    joined,
    judged,
    out_of_fold,
    probabilities,
    stored_runs,
    threshold,
    validation,
)
from sklearn.metrics import roc_auc_score

from seedproof.alarms.doomed import FRACTIONS, TABLE, Fit, shipped
from seedproof.analysis import alarm_rates, halving_table

EPOCHS = (1 / 3, 2 / 3)
"""Fractions at which three epochs are evaluated: Dodge's rule can decide there."""


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


def at_majority(runs: Runs, fraction: float) -> pd.DataFrame:
    """What a rule says that stops runs whose development score at an evaluation is not better than the majority."""
    scores = runs.scores.merge(runs.table[["run", "metric", "majority", "steps"]], on=["run", "metric"])
    behind = scores["step"] - fraction * scores["steps"].astype(float)
    named = scores[(behind.abs() <= 0.02 * scores["steps"].astype(float)) & ~(scores["score"] > scores["majority"])]
    return runs.table.assign(alarm=runs.table["run"].map(named.groupby("run")["step"].min()).astype("Int64"))


def show_test(train: Runs, test: Runs, made: Fit) -> None:
    """Print what the fit says of the test runs."""
    models = list(by("model", test, lambda each: judged(each, made)))
    markdown("Test runs", [*models, {"model": "all", **in_words(judged(test, made))}])
    markdown("By bias correction", list(by("correction", test, lambda each: judged(each, made))))
    markdown("By task", list(by("task", test, lambda each: judged(each, made))))
    markdown("By length", list(by("steps", test, lambda each: judged(each, made))))
    markdown("Rules", list(rules(test, made)))
    markdown("By fraction of the training", list(by_decision(test, made)))
    for name in ("task", "model"):
        if rows := list(left_out(train, test, name, made.threshold)):
            markdown(f"A {name} left out of the fit", rows)
    markdown("By kind", list(by_kind(judged(test, made))))


def show_foreign(stores: Sequence[str], made: Fit) -> None:
    """Print what a fit says of the runs of each store."""
    for store in stores:
        markdown(f"Foreign: {store}", list(rules(gather([store]), made)))


def show_joined(store: str) -> None:
    """Print what is said of a store's runs of odd seeds: by the fit as it is, and by one to its runs of even seeds, too."""
    runs = gather([store])
    is_odd = runs.table["number"] % 2 == 1
    even, odd = runs.only(~is_odd), runs.only(is_odd)
    both = Fit(decisions=fit(joined(stored_runs(), even)), threshold=shipped().threshold)
    for said, made in (("as it is", shipped()), (f"and {len(even.table)} runs of even seeds", both)):
        markdown(f"{store}, odd seeds, by the fit {said}", list(rules(odd, made)))


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
    parser.add_argument("stores", nargs="*", metavar="STORE")
    parser.add_argument("--foreign", nargs="*", default=[], metavar="STORE")
    parser.add_argument("--joined", metavar="STORE", help="its even seeds join the fit, its odd ones are judged")
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    if not args.stores:
        if args.write or not (args.foreign or args.joined):
            parser.error("give stores to fit to, --foreign STORE or --joined STORE")
        show_foreign(args.foreign, shipped())
        if args.joined:
            show_joined(args.joined)
        return
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
    show_foreign(args.foreign, made)
    if args.write:
        TABLE.write_text(json.dumps(written(train, made, measured), indent=1) + "\n", encoding="utf-8")
        stored = train.symptoms.merge(train.table[["run", "model", "task", "outcome"]], on="run").drop(columns="step")
        stored.assign(run=stored["run"].str[:12]).to_parquet(STORED, index=False)
        print(f"written: {TABLE}, {STORED}", file=sys.stderr)


if __name__ == "__main__":
    main()
