"""Tiny random models of every family with a sequence classification class, and what a study gets from each.

As a command it writes the table of `docs/models.md`.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

from transformers import CONFIG_MAPPING, PreTrainedConfig
from transformers.models.auto.modeling_auto import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES

FAMILIES = tuple(MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES)
SIZES = (
    (r"(.*_)?vocab_size.*", 256),
    (r"num_experts_per_tok", 2),
    (r".*n_group|topk_group", 1),
    (r".*layers?|.*num_blocks|max_window_layers", 2),
    (r".*(heads?|n_head)", 4),
    (r".*(intermediate|ffn|inner|feed_forward|d_ff).*", 48),
    (r".*head_dim|d_kv|.*lora_rank|mamba_(d_state|dt_rank|d_head|headdim)|num_latents|attention_window", 8),
    (r".*(hidden_size|d_model|n_embd|embed_dim|embedding_size|emb_dim|d_latents)|dim", 32),
    (r"max_position_embeddings|n_positions|n_ctx|train_size", 128),
    (r".*experts", 4),
)
"""Largest values of the numbers of a configuration, by the first pattern that matches the name."""
TOKENS = {"pad_token_id": 0, "bos_token_id": 2, "cls_token_id": 2, "eos_token_id": 3, "sep_token_id": 3,
          "decoder_start_token_id": 0}  # fmt: skip
"""The special tokens of the miniature's tokenizer, which all of these models get."""
OWN: dict[str, dict[str, Any]] = {
    "deepseek_v2": {"num_experts_per_tok": 2},
    "esm": {"vocab_size": 256, "pad_token_id": 0},
    "esmc": {"vocab_size": 256},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "gptj": {"rotary_dim": 4},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "use_mamba_kernels": False},
    "layoutlmv3": {"coordinate_size": 4, "shape_size": 8},
    "lilt": {"hidden_size": 48},
    "nemotron": {"num_key_value_heads": 4},
    "qwen3_5_text": {"num_hidden_layers": 4},
    "qwen3_next": {"num_hidden_layers": 4},
    "reformer": {"axial_pos_embds": False},
    "t5": {"decoder_start_token_id": 0},
    "zamba": {"layers_block_type": ["mamba", "hybrid"], "use_mamba_kernels": False},
    "zamba2": {"layers_block_type": ["mamba", "hybrid"], "use_mamba_kernels": False, "num_hidden_layers": 2},
}
"""What a family needs beyond that."""


def tiny_configuration(family: str, **settings: Any) -> PreTrainedConfig:
    """A family's default configuration with every size shrunk and what follows from sizes left to it."""
    kind = CONFIG_MAPPING[family]
    return kind(**_small(kind()) | OWN.get(family, {}) | settings)


def _small(config: PreTrainedConfig) -> dict[str, Any]:
    """The arguments that make a small configuration of this kind."""
    given: dict[str, Any] = {}
    for field in dataclasses.fields(config):
        name, value = field.name, getattr(config, field.name, None)
        if isinstance(value, PreTrainedConfig):
            given[name] = type(value)(**_small(value))
        elif name in TOKENS and value is not None:
            given[name] = TOKENS[name]
        elif isinstance(value, int) and not isinstance(value, bool) and field.default is not None:
            limit = next((limit for pattern, limit in SIZES if re.fullmatch(pattern, name)), value)
            given[name] = min(value, limit)
        elif name == "head_dim":
            given[name] = 8
    return given
