"""Rules: each looks for one threat.

A rule is one file with a subclass of :class:`seedproof.doctor.base.Rule`, and its line here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from seedproof.doctor.base import Rule
from seedproof.lazy import named

_HERE = "seedproof.doctor.rules."
RULES: Mapping[str, str] = MappingProxyType(
    {
        # training
        "no-bias-correction": f"{_HERE}no_bias_correction:NoBiasCorrection",
        "too-few-steps": f"{_HERE}too_few_steps:TooFewSteps",
        "short-warmup": f"{_HERE}short_warmup:ShortWarmup",
        "rate-high-for-depth": f"{_HERE}rate_high_for_depth:RateHighForDepth",
        "eps-out-of-range": f"{_HERE}eps_out_of_range:EpsOutOfRange",
        "sixteen-bit-weights": f"{_HERE}sixteen_bit_weights:SixteenBitWeights",
        "no-clipping": f"{_HERE}no_clipping:NoClipping",
        "head-before-seed": f"{_HERE}head_before_seed:HeadBeforeSeed",
        "shared-data-orders": f"{_HERE}shared_data_orders:SharedDataOrders",
        "nan-filter": f"{_HERE}nan_filter:NanFilter",
        "lora-head": f"{_HERE}lora_head:LoraHead",
        # scores
        "majority-score": f"{_HERE}majority_score:MajorityScore",
        "constant-predictions": f"{_HERE}constant_predictions:ConstantPredictions",
        "small-development-set": f"{_HERE}small_development_set:SmallDevelopmentSet",
        "metric-hides-imbalance": f"{_HERE}metric_hides_imbalance:MetricHidesImbalance",
        # data
        "texts-cut": f"{_HERE}texts_cut:TextsCut",
        "duplicates": f"{_HERE}duplicates:Duplicates",
        "contradicting-labels": f"{_HERE}contradicting_labels:ContradictingLabels",
        "train-dev-overlap": f"{_HERE}train_dev_overlap:TrainDevOverlap",
        "special-tokens-in-texts": f"{_HERE}special_tokens_in_texts:SpecialTokensInTexts",
        "segment-ids-missing": f"{_HERE}segment_ids_missing:SegmentIdsMissing",
        "label-order": f"{_HERE}label_order:LabelOrder",
    }
)
"""All rules by id, and where they are."""


def load_rules() -> dict[str, Rule]:
    """A rule of each, by id."""
    return {id_: named(home)() for id_, home in RULES.items()}
