"""CamemBERT (Martin et al. 2020): RoBERTa's computation, and in Transformers its names of parameters."""

from seedproof.models.stacked.families.roberta import architecture

__all__ = ["architecture"]
