"""What each signal of the first steps tells of whether a run will fail (docs/detector.md).

    python benchmarks/detector_signals.py STORE ...

Runs of seeds from 1000 on with `--record early`. At each decision of the detector within the recorded steps, a logistic
regression of the signal, alone and together with the detector's two, is fit to the runs of all other pairs of a model and a
task. Printed is the area under its ROC curve. Signals of batches are means over the last 20 steps.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
from detector import markdown
from detector_runs import FEATURES, Runs, gather, halves
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import LeaveOneGroupOut, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import seedproof as sp
from seedproof.alarms.doomed import FRACTIONS, WINDOW

SIGNALS = {
    "learned": "loss against label entropy (`learned`)",
    "vanished": "lower to upper gradient norms (`vanished`)",
    "spread": "spread of the outputs, logarithm",
    "largest_share": "share of the label predicted most",
    "entropy": "entropy of the predictions, of the label entropy",
    "saturated": "saturation of the pooler",
    "distance": "distance from the start, logarithm",
}


def signals(stores: Sequence[str], runs: Runs) -> pd.DataFrame:
    """A row per run and decision: what :data:`SIGNALS` names, whether it failed, and its pair of a model and a task."""
    early = pd.concat([sp.open_results(store).early() for store in stores], ignore_index=True)
    early = early.drop_duplicates(["run", "step"]).set_index("run").sort_values("step")
    endings = runs.table.set_index("run")["ending"].map(json.loads)
    rows = []
    for symptoms in runs.symptoms[runs.symptoms["run"].isin(early.index)].to_dict("records"):
        seen = early.loc[symptoms["run"]]
        if symptoms["step"] > seen["step"].max():
            continue
        window = seen[(seen["step"] <= symptoms["step"]) & (seen["step"] > symptoms["step"] - WINDOW)].mean(
            numeric_only=True
        )
        rows.append(
            {
                **symptoms,
                "spread": np.log10(max(window["spread"], 1e-8)),
                "largest_share": window["largest_share"],
                "entropy": window["entropy"] / endings[symptoms["run"]]["reference_loss"],
                "saturated": np.nan_to_num(window["saturated"]),
                "distance": np.log10(max(window["distance"], 1e-8)),
            }
        )
    about = runs.table.assign(
        cell=runs.table["model"] + " " + runs.table["task"], failed=runs.table["outcome"] == "failed"
    )
    return pd.DataFrame(rows).merge(about[["run", "cell", "failed"]], on="run")


def area(rows: pd.DataFrame, features: Sequence[str]) -> str:
    """Area under the ROC curve of a logistic regression, out of fold."""
    model = make_pipeline(StandardScaler(), LogisticRegression(C=100.0, max_iter=1000))
    folds = {"groups": rows["cell"], "cv": LeaveOneGroupOut(), "method": "predict_proba"}
    found = cross_val_predict(model, rows[list(features)], rows["failed"], **folds)
    return f"{roc_auc_score(rows['failed'], found[:, 1]):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stores", nargs="+", metavar="STORE")
    stores = parser.parse_args().stores
    rows = signals(stores, halves(gather(stores))[0])
    runs = rows.drop_duplicates("run")
    print(f"{len(runs)} runs, {int(runs['failed'].sum())} failed")
    parts = {f"{FRACTIONS[number]:.0%}": part for number, part in rows.groupby("decision")}
    tables = {name: [name] for name in SIGNALS} | {
        f"both and {n}": [*FEATURES, n] for n in SIGNALS if n not in FEATURES
    }
    tables = {"learned": ["learned"], "vanished": ["vanished"], "both": FEATURES, **tables}
    shown = [
        {"signal": SIGNALS.get(name, name), **{at: area(part, features) for at, part in parts.items()}}
        for name, features in tables.items()
    ]
    markdown("Area under the ROC curve", shown)


if __name__ == "__main__":
    main()
