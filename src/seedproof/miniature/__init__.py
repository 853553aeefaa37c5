"""The miniature laboratory: a small language, four tasks in it, and encoders pre-trained on it.

A 24-layer, 64-wide BERT shows the failure and the cure of the paper in seconds on a CPU: a model organism.
"""
