"""Readers of what there is to look at, a kind of source each: they give facts, and say what they could not read."""
