"""Trackers: where else the runs of a study are shown, live or from its store afterwards; one file each.

To add one, write its file and add a line to :data:`seedproof.track.named.TRACKERS`. A tracker's package is loaded when it is
used.
"""
