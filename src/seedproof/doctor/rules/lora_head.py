"""A LoRA adapter without the head of the classifier."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedproof.doctor.base import Finding, Place, Rule, Unknown
from seedproof.doctor.facts import Facts
from seedproof.doctor.sources.literals import Call, Named, is_literal
from seedproof.doctor.sources.models import class_of, has_head

if TYPE_CHECKING:
    from seedproof.doctor.sources.script import Script

SAVING = ("SEQ_CLS", "TOKEN_CLS", "QUESTION_ANS")
"""Task types with which PEFT trains and saves the head (its modules classifier and score, or qa_outputs)."""
HEADLESS = ("CAUSAL_LM", "SEQ_2_SEQ_LM", "FEATURE_EXTRACTION")
"""Task types of models that have no new head."""


class LoraHead(Rule):
    """The head is frozen at its random start, or is not in what is saved."""

    id = "lora-head"
    severity = "serious"
    what = (
        "A LoraConfig names neither a task type whose head PEFT saves nor modules_to_save, or a saved adapter has no tensor "
        "beside LoRA's own. A model without a new head (generation, feature extraction) needs neither."
    )
    why = (
        "PEFT freezes everything but the adapter unless it is told of the head: the head then stays at its random start, and "
        "where it was unfrozen by hand it is not saved with the adapter, so a reloaded model has another one."
    )
    source = "peft.LoraConfig; huggingface/sentence-transformers issues 3980 and 3936"
    change = 'Give LoraConfig(task_type="SEQ_CLS"), or modules_to_save=["classifier"] (the name that the head has in the model).'

    needs = ()
    of_trainer = True

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding for each adapter without a head."""
        adapter = facts.get("adapter")
        if adapter is None and facts.script is None:
            raise Unknown("neither a script nor a folder with an adapter is given")
        if facts.script is not None:
            for call in facts.script.named("LoraConfig"):
                if (seen := _missing(call, facts.script)) is not None:
                    yield self.found(seen, place=facts.script.place(call.line), numbers={"modules to save": 0})
        if adapter is not None:
            yield from self._saved(Path(adapter))

    def _saved(self, folder: Path) -> Iterable[Finding]:
        weights = folder / "adapter_model.safetensors"
        if not weights.is_file():
            raise Unknown(f"{folder} has no adapter_model.safetensors")
        from safetensors import safe_open

        with safe_open(weights, framework="numpy") as file:
            names = list(file.keys())
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        if not _has_head(config):
            return
        others = [name for name in names if "lora_" not in name]
        if not others and not config.get("modules_to_save"):
            yield self.found(
                f"the {len(names)} tensors of the adapter are all LoRA's own, and its configuration has no modules_to_save",
                numbers={"tensors": len(names), "tensors of a head": 0},
                place=Place(str(weights), weights),
            )


def _has_head(config: Mapping[str, Any]) -> bool:
    """Whether the model of a saved adapter has a head of its own, as far as the adapter's configuration says what it is."""
    made = (config.get("auto_mapping") or {}).get("base_model_class")
    return config.get("task_type") not in HEADLESS and (not isinstance(made, str) or has_head(made))


def _missing(call: Call, script: Script) -> str | None:
    """What is wrong with a LoraConfig, in words; raises Unknown where it cannot be read."""
    kind, modules = _text(call.keywords.get("task_type")), call.keywords.get("modules_to_save")
    if kind in SAVING:
        return None
    if (
        call.is_open
        or (kind is None and call.keywords.get("task_type") is not None)
        or (modules is not None and not is_literal(modules))
    ):
        raise Unknown(
            f"{script.place(call.line)}: the task type or the modules to save of this LoraConfig cannot be read"
        )
    model = _adapted(call, script)
    if modules or (model is not None and not has_head(model)) or (model is None and kind in HEADLESS):
        return None
    return f"LoraConfig has {f'task_type={kind!r}' if kind else 'no task_type'} and no modules_to_save"


def _adapted(config: Call, script: Script) -> str | None:
    """The class of the model that gets an adapter of this configuration; None where that cannot be read."""
    for call in script.named("get_peft_model"):
        model = call.argument("model", 0)
        if call.argument("peft_config", 1) is config and isinstance(model, Call):
            return class_of(model)
    return None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else value.text.rpartition(".")[2] if isinstance(value, Named) else None
