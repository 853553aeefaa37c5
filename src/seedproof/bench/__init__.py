"""Benchmarks: our engines, the Transformers Trainer and the roofline side by side, taking turns in one run.

The parent (:mod:`~seedproof.bench.rounds`) trains nothing: it starts worker processes, lets one contender after the other
do a block of steps, and keeps every single time. What a block took is known per worker; numbers for people are medians.
"""
