"""The page of the reproduction: its verdicts are those that the tables beside it decide."""

import re

import pandas as pd
import pytest
from tests.conftest import REPOSITORY

from seedproof.analysis.claims import ledger, read_evidence
from seedproof.analysis.claims.losses import LOW, Pooled
from seedproof.analysis.generalization import HARM
from seedproof.analysis.ranks import SMALLEST_CORRELATION, rank_correlation
from seedproof.paper import planes
from seedproof.paper.sizes import MINI
from seedproof.store import read_table

FOLDER = REPOSITORY / "docs" / "reproduction"
NUMBERS = ["effect", "effect_low", "effect_high", "p_corrected", "p_against_corrected", "n_needed"]


@pytest.fixture(scope="module")
def printed():
    return read_table(FOLDER / "ledger.csv").set_index("claim")


@pytest.mark.slow
def test_every_verdict_is_recomputed_from_the_tables(printed):
    again = ledger(read_evidence(FOLDER / "evidence")).set_index("claim")
    for column in ("verdict", "why", "n", "threshold"):
        assert again[column].tolist() == printed[column].tolist(), column
    numbers = [table[NUMBERS].astype(float) for table in (again, printed)]
    pd.testing.assert_frame_equal(*numbers, rtol=1e-9)


def test_the_page_counts_its_verdicts(printed):
    counts = printed["verdict"].value_counts()
    said = ", ".join(f"{counts.get(verdict, 0)} {verdict}" for verdict in ("holds", "does not hold", "not decided"))
    assert f"Of {len(printed)} claims: {said}." in (FOLDER.parent / "reproduction.md").read_text()


def test_sentence_seven_says_what_the_strata_show():
    """The pooled correlation of Figure 8b hides that its halves differ in sign."""
    grid = read_table(FOLDER / "fig8.fig8b.csv").query("outcome == 'succeeded'")
    stratum = grid["recipe"].str.extract(r"lr (x[\d.]+), (\w+)").agg(" ".join, axis=1)
    found = {name: rows["training_loss"].corr(rows["score"], method="spearman") for name, rows in grid.groupby(stratum)}
    halves = {
        half: [value for name, value in found.items() if name.endswith(f" {half}")]
        for half in ("corrected", "uncorrected")
    }
    said = (FOLDER.parent / "reproduction.md").read_text()
    low, high = (f"{value:.2f}".lstrip("0") for value in (min(halves["corrected"]), max(halves["corrected"])))
    assert f"slightly worse ({low} to {high})" in said
    weakest = f"{max(halves['uncorrected']):.2f}".replace("-0", "-")
    assert f"the better ({weakest} to {min(halves['uncorrected']):.0f} by rate)" in said


def test_sentence_seven_says_what_a_stricter_reading_finds():
    """The premise, a very low loss, is met by half of the runs that the claim was decided on."""
    evidence = read_evidence(FOLDER / "evidence")
    runs = evidence.of("grid").query("outcome == 'succeeded'")
    stratum = runs["recipe"].map(dict(evidence.strata))

    def pooled(chosen):
        parts = [rank_correlation(part["fit_loss"], part["score"]) for _, part in chosen.groupby(stratum)]
        return Pooled([part for part in parts if part.n >= SMALLEST_CORRELATION])

    low, corrected = pooled(runs[runs["fit_loss"] <= LOW]), pooled(runs[stratum.str.endswith(", corrected")])
    assert 1 - low.p_above(HARM) == pytest.approx(0.055, abs=5e-4)
    assert (low.effect, *low.interval()) == pytest.approx((-0.03, -0.42, 0.37), abs=6e-3)
    assert (corrected.effect, *corrected.interval()) == pytest.approx((0.45, 0.14, 0.68), abs=6e-3)
    assert corrected.p_above(0.0) == pytest.approx(0.003, abs=5e-4)
    said = " ".join((FOLDER.parent / "reproduction.md").read_text().split())
    assert (
        "(-.03 [-.42, .37], p .055), and of the corrected ones alone it would find harm (.45 [.14, .68], p .003;"
        in said
    )


def test_the_hours_follow_from_the_times_that_are_printed(printed):
    """Runs that were looked through x steps x the time of a step of their model, as many times more as runs are missing."""
    page = (FOLDER.parent / "reproduction.md").read_text()
    times = re.findall(r"^\| miniature/(\w+) \| \d+ \| (\d+) \| ([\d.]+) \|", page, re.MULTILINE)
    seconds = {model: 60 * float(minutes) / int(steps) for model, steps, minutes in times}
    looked_through = {
        "forgetting-outcome": (
            "bert",
            (25 + 20 + 12) * 189,
        ),  # of devlin by seeds and for planes, and the corrected ones
        "gradients-vanish-roberta": ("roberta", 25 * 189),
        "gradients-vanish-albert": ("albert", 25 * 189),
    }
    of_planes = sum(block.steps(MINI) * len(block.seeds) for block in planes.blocks(MINI))
    looked_through |= dict.fromkeys(("ridge-gradient-norm", "barrier-loss"), ("bert", of_planes))
    for claim, (model, steps) in looked_through.items():
        row = printed.loc[claim]
        more = float(row["n_needed"]) / float(row["n"]) - 1
        assert float(row["hours_needed"]) == pytest.approx(more * steps * seconds[model] / 3600, rel=1e-3), claim
