"""A LoRA adapter without the head of the classifier."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from seedproof.doctor.base import Finding, Place, Rule, Unknown
from seedproof.doctor.facts import Facts
from seedproof.doctor.sources.literals import Call, Named, is_literal

CLASSIFYING = ("SEQ_CLS", "TOKEN_CLS")


class LoraHead(Rule):
    """The head is frozen at its random start, or is not in what is saved."""

    id = "lora-head"
    severity = "serious"
    what = (
        "A LoraConfig names neither a task type for classification nor modules_to_save, or a saved adapter has no tensor "
        "beside LoRA's own."
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
                if (seen := _missing(call, facts.script.place(call.line))) is not None:
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
        others = [name for name in names if "lora_" not in name]
        config = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        if not others and not config.get("modules_to_save"):
            yield self.found(
                f"the {len(names)} tensors of the adapter are all LoRA's own, and its configuration has no modules_to_save",
                numbers={"tensors": len(names), "tensors of a head": 0},
                place=Place(str(weights), weights),
            )


def _missing(call: Call, place: Place) -> str | None:
    """What is wrong with a LoraConfig, in words; raises Unknown where it cannot be read."""
    kind, modules = _text(call.keywords.get("task_type")), call.keywords.get("modules_to_save")
    if kind in CLASSIFYING:
        return None
    if (
        call.is_open
        or (kind is None and "task_type" in call.keywords)
        or (modules is not None and not is_literal(modules))
    ):
        raise Unknown(f"{place}: the task type or the modules to save of this LoraConfig cannot be read")
    if modules:
        return None
    return f"LoraConfig has {f'task_type={kind!r}' if kind else 'no task_type'} and no modules_to_save"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else value.text.rpartition(".")[2] if isinstance(value, Named) else None
