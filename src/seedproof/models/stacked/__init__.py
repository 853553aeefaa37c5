"""Many models of one architecture side by side: every tensor has one more dimension, and every step one operator call.

``layout`` says where each parameter of a stock model sits, ``stack`` holds weights and gradients, ``packing`` turns examples
into tokens without padding, ``functions`` and ``encoder`` are the arithmetic, and ``families`` says what differs in it.
"""
