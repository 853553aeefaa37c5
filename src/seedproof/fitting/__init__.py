"""The way from a table to a model one can ship: a study over a few seeds, its best run chosen, and judged on data that did not.

``seedproof.fit`` makes the model's folder, ``seedproof.predict`` answers with it. Neither trains: the study does.
"""
