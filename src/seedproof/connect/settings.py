"""What is known of a Trainer's run as a run spec: read from its arguments, its optimizer and its model, never planned."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from seedproof.connect.data import ObservedData
from seedproof.errors import UserError
from seedproof.models.decay import NoDecay, without_decay
from seedproof.models.dropout import dropouts
from seedproof.models.source import ModelSource, check_weights
from seedproof.recipes.observed import Observed
from seedproof.spec import ModelReference, Numerics, RunSpec, Seeds, content_hash

NAME = "trainer"
"""Name of the recipe of a Trainer's runs; settings that differ from those of the first such run stand behind it."""
_SCHEDULES = {"linear": "linear", "constant": "constant", "constant_with_warmup": "constant"}
_LENGTH = 512
"""Tokens that are written down where the data sets hold texts and the tokenizer has no limit."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class ObservedSpec:
    """What a Trainer is about to do."""

    spec: RunSpec
    model: str | None
    """Folder of the pre-trained model; None: it is not known."""


def observed_spec(trainer: Any, data: ObservedData, *, name: str = NAME, draws_head: bool = False) -> ObservedSpec:
    """The spec of a Trainer's run.

    Args:
        trainer: about to train: its optimizer and its scheduler exist.
        data: of the Trainer.
        name: of the recipe.
        draws_head: the model was made after the Trainer's seed was set, so that its head follows from the seed.
    """
    args = trainer.args
    draws_head |= trainer.model_init is not None
    order = args.seed if args.data_seed is None else args.data_seed
    model, folder = _model(trainer.model)
    spec = RunSpec(
        task=data.task.reference(),
        model=model,
        recipe=_recipe(trainer, data, name, draws_head=draws_head).to_json(),
        seeds=Seeds(head=args.seed, order=order, dropout=args.seed),
        numerics=Numerics(
            engine="trainer",
            precision="bf16" if args.bf16 else "fp16" if args.fp16 else "fp32",
            device=args.device.type,
            threads=torch.get_num_threads(),
        ),
    )
    return ObservedSpec(spec=spec, model=folder)


def _no_decay(model: Any) -> NoDecay:
    """What a Trainer leaves alone: norms of every kind; left unsaid where all of them are LayerNorms."""
    return "layer_norms" if without_decay(model, "norms") == without_decay(model, "layer_norms") else "norms"


def _trained(model: Any) -> int | None:
    """How many numbers are trained where others stand still: an adapter's, or those of layers that are not frozen."""
    trained = [value.numel() for value in model.parameters() if value.requires_grad]
    return None if len(trained) == sum(1 for _ in model.parameters()) else sum(trained)


def _recipe(trainer: Any, data: ObservedData, name: str, *, draws_head: bool) -> Observed:
    args, steps, config = trainer.args, trainer.state.max_steps, getattr(trainer.model, "config", None)
    schedule = str(getattr(args.lr_scheduler_type, "value", args.lr_scheduler_type))
    drops = {p for site, p in dropouts(trainer.model).items() if site}
    clips = bool(args.max_grad_norm and args.max_grad_norm > 0)
    tokens = min(getattr(trainer.processing_class, "model_max_length", _LENGTH) or _LENGTH, _LENGTH)
    return Observed(
        name=name,
        epochs=float(args.num_train_epochs),
        max_steps=args.max_steps if args.max_steps > 0 else None,
        batch_size=trainer._train_batch_size * args.gradient_accumulation_steps * args.world_size,
        accumulation=args.gradient_accumulation_steps,
        warmup_ratio=min(args.get_warmup_steps(steps) / max(1, steps), 0.999),
        warmup_end="whole",
        schedule=_SCHEDULES.get(schedule, schedule),
        dropout=drops.pop() if len(drops) == 1 else None,
        dropout_scope="modules",
        max_length=max(2, data.longest or tokens),
        initializer_range=float(getattr(config, "initializer_range", None) or 0.02),
        clip="global" if clips else "none",
        max_grad_norm=float(args.max_grad_norm) if clips else 1.0,
        select="best" if args.load_best_model_at_end else "last",
        label_smoothing=float(args.label_smoothing_factor),
        loss=_loss_name(trainer),
        head="seeded" if draws_head else "unknown",
        select_metric="first",
        inputs="model",
        new_head=False,
        no_decay=_no_decay(trainer.model),
        trained=_trained(trainer.model),
        **_optimizer(trainer.optimizer, args),
    )


def _optimizer(optimizer: Any, args: Any) -> dict[str, Any]:
    """What a recipe says of an optimizer: of an Adam its betas, eps and decay."""
    while hasattr(optimizer, "optimizer"):  # of accelerate
        optimizer = optimizer.optimizer
    groups = optimizer.param_groups
    found: dict[str, Any] = {
        "optimizer": type(optimizer).__name__,
        "learning_rate": max(float(group.get("initial_lr", group["lr"])) for group in groups)
        or float(args.learning_rate),
        "weight_decay": max(float(group.get("weight_decay", 0.0)) for group in groups),
    }
    if "betas" in groups[0]:
        beta1, beta2 = groups[0]["betas"]
        corrects = groups[0].get("bias_correction", groups[0].get("correct_bias", True))
        place = {name: groups[0].get(name, usual) for name, usual in (("decay", "old"), ("eps_place", "after"))}
        found |= {
            "beta1": beta1,
            "beta2": beta2,
            "eps": float(groups[0]["eps"]),
            "bias_correction": bool(corrects),
            **place,
        }
    return found


def _loss_name(trainer: Any) -> str:
    """The function that computes the loss; ``model`` where the model does."""
    given = getattr(trainer, "loss", None) or getattr(trainer, "compute_loss_func", None)
    return "model" if given is None else str(getattr(given, "__name__", type(given).__name__))


def _model(model: Any) -> tuple[ModelReference, str | None]:
    """The pre-trained model by its files, where they are on this machine; else by its configuration alone."""
    config: Any = getattr(model, "config", None)
    values: Mapping[str, Any] = config.to_dict() if hasattr(config, "to_dict") else {"class": type(model).__name__}
    name = str(getattr(config, "_name_or_path", "") or type(model).__name__)
    family = str(values.get("model_type", "unknown"))
    if (folder := _folder_of(name)) is not None:
        source = ModelSource(name, folder)
        try:
            check_weights(source, f"the model folder {folder}")
            return dataclasses.replace(source.reference(), family=family), str(folder)
        except UserError:
            pass
    ignored = ("transformers_version", "_name_or_path", "id2label", "label2id")
    shape = {key: str(value) for key, value in values.items() if key not in ignored}
    return ModelReference(name=name, fingerprint=content_hash({"observed": name, "config": shape}), family=family), None


def _folder_of(name: str) -> Path | None:
    """The folder of a model that was loaded by this name, without asking the hub."""
    if Path(name).is_dir():
        return Path(name).resolve()
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json")
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None
