"""What of a scale differs from the paper stands beside the paper's value."""

import dataclasses

from seedproof.paper.sizes import MINI, PAPER


def test_every_scaling_stands_beside_the_papers_value():
    table = MINI.table().set_index("quantity")
    row = table.loc["epochs, long recipe"]
    assert (row["paper"], row["here"]) == ("20", "20")
    row = table.loc["precision, miniature/albert"]
    assert (row["paper"], row["here"]) == ("-", "fp32")
    row = table.loc["small training set, CoLA"]
    assert (row["paper"], row["here"]) == ("1,000 of 8,551", "250 of 1,000")
    row = table.loc["runs of the grid"]
    assert (row["paper"], row["here"]) == ("450", "90")
    same = PAPER.table()
    different = same[(same["paper"] != same["here"]) & (same["paper"] != "not known")]
    assert different.empty, different


def test_the_rates_are_those_that_the_scale_has():
    """A scale of one rate, as --scale real is, was said to have the paper's three where the model's card sets none."""
    rates = dataclasses.replace(PAPER, rates=(1.0,)).table().set_index("quantity").loc["learning rates"]
    assert (rates["paper"], rates["here"]) == ("1e-5, 2e-5, 3e-5", "2e-5")
