"""Figure 2 on the runs of a study with kept weights: what failed and successful runs have forgotten, layer by layer.

    python benchmarks/real/forgetting.py STORE MODEL TEXT OUT [--recipe devlin] [--runs 3]

Of each outcome the first runs are taken in the order of their seeds. OUT gets ``forgetting.svg`` and every number beside it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pandas as pd

import seedproof as sp
from seedproof.report.figures import draw_forgetting


def first_of_each(runs: pd.DataFrame, recipe: str, count: int) -> pd.DataFrame:
    """The first ``count`` failed and successful runs of a recipe, in the order of their seeds; a diverged run has no weights."""
    usable = runs[(runs["state"] == "finished") & (runs["recipe"] == recipe) & (runs["reason"] != "diverged")]
    ordered = usable.assign(number=usable["seed"].astype(int)).sort_values("number")
    return ordered.groupby("outcome", sort=False).head(count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path, help="of a study that ran with --weights")
    parser.add_argument("model", help="what was fine-tuned, with its masked-LM head")
    parser.add_argument("text", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--recipe", default="devlin")
    parser.add_argument("--runs", type=int, default=3, help="of each outcome")
    given = parser.parse_args()
    results = sp.open_results(given.store)
    runs = results.runs()
    chosen = first_of_each(runs, given.recipe, given.runs)
    tables, losses = [], []
    for run in chosen.to_dict("records"):
        about = {name: run[name] for name in ("task", "run", "seed", "outcome")}
        weights = given.store / "runs" / run["run"] / "weights"
        table = sp.forgetting(weights, given.model, given.text, folder=given.store)
        tables.append(table.assign(**about))
        losses.append(results.losses(run["run"]).rename(columns={"loss": "value"}).assign(**about))
        print(f"seed {run['seed']}, {run['outcome']}: perplexity {table['perplexity'].iloc[0]:.3g}")
    given.out.mkdir(parents=True, exist_ok=True)
    measured = pd.concat(tables, ignore_index=True)
    entropy = json.loads(chosen["ending"].iloc[0])["reference_loss"]
    drawn = given.out / "forgetting.svg"
    draw_forgetting(measured, pd.concat(losses, ignore_index=True), drawn, entropy=entropy)
    print(
        measured.pivot_table(index=["layers_restored", "embeddings"], columns=["outcome", "seed"], values="perplexity")
    )


if __name__ == "__main__":
    main()
