"""Which learning rate a model's card is to set: the lowest searched one at which runs without bias correction fail.

    python benchmarks/real/rate.py SEARCH MODEL

SEARCH is the store of a study of ``devlin(learning_rate=...)`` with and without bias correction, on seeds of 1000 and up,
which no reported run has. The rule, written down before any such study was run: the lowest rate at which at least half of the
uncorrected runs failed; where there is none, the highest rate. It is printed with every cell, and written into the front
matter of MODEL/README.md, where recipes find it. The card is no part of a run's id.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import pandas as pd

import seedproof as sp

FAILING = 0.5
FRONT_MATTER = re.compile(r"\A---\n(.*?)---\n", re.DOTALL)
OURS = re.compile(r"^seedproof:\n(?:[ ]+.*\n)*", re.MULTILINE)


def chosen_rate(cells: pd.DataFrame) -> float:
    """The rate by the rule, from columns ``rate``, ``correction``, ``failed`` and ``finished``."""
    plain = cells[~cells["correction"]].sort_values("rate")
    failing = plain[plain["failed"] >= FAILING * plain["finished"]]
    return float(failing["rate"].iloc[0] if len(failing) else plain["rate"].iloc[-1])


def searched(results: sp.Results) -> pd.DataFrame:
    """A row per cell of a search, by rate and correction.

    Raises:
        SystemExit: a run is not finished, or has a seed that may be reported.
    """
    runs = results.runs()
    if (unfinished := int((runs["state"] != "finished").sum())) or runs.empty:
        raise SystemExit(f"{unfinished} of {len(runs)} runs are not finished; run the search again, it goes on")
    if (runs["seed"].astype(int) < 1000).any():
        raise SystemExit("the search has seeds under 1000, which are those that are reported")
    rates = runs["recipe"].str.extract(r"learning_rate=([^,)]+)")[0].astype(float)
    runs = runs.assign(rate=rates, correction=runs["recipe"].str.contains("bias_correction=True"))
    return (
        runs.groupby(["rate", "correction"])
        .agg(
            finished=("run", "size"),
            failed=("outcome", lambda outcomes: int((outcomes == "failed").sum())),
            scores=("score", lambda scores: " ".join(f"{score:.3f}" for score in scores)),
        )
        .reset_index()
    )


def set_rate(folder: Path, rate: float) -> None:
    """Write a learning rate into the front matter of a model's card, in place of the one there."""
    path = folder / "README.md"
    text = path.read_text(encoding="utf-8")
    match = FRONT_MATTER.match(text)
    kept, rest = (OURS.sub("", match[1]), text[match.end() :]) if match else ("", text)
    path.write_text(f"---\n{kept}seedproof:\n  learning_rate: {rate:g}\n---\n{rest}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("search", help="the store of the search")
    parser.add_argument("model", type=Path, help="the model's folder")
    given = parser.parse_args()
    cells = searched(sp.open_results(given.search))
    rate = chosen_rate(cells)
    set_rate(given.model, rate)
    print(cells.to_string(index=False))
    print(f"{given.model}: learning rate {rate:g}")


if __name__ == "__main__":
    main()
