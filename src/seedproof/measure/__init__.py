"""Measurements on stored weights: what a fine-tuned model has forgotten, and the loss between models.

They need weights and an engine, but no training. Each goes through a small function that does the arithmetic of one
part (:class:`seedproof.measure.restored.RestoredLosses`, :class:`seedproof.measure.plane.Evaluate`), which a faster
engine may replace, and is kept part by part (:mod:`seedproof.store.measurements`).
"""
