"""Forgetting (paper, section 5 and Figure 2): masked-LM perplexity with the top k layers put back to pre-trained.

    import seedproof as sp

    table = sp.forgetting("out/first/runs/<id>/weights", "miniature/bert", "held-out.txt")

The masked-LM head and its decoder matrix are always the pre-trained ones, an untied copy. The layers below the top k
are fine-tuned, and so are the embeddings for k < L; at k = L, the number of layers, both embeddings are measured: with
the pre-trained ones the model is exactly the pre-trained one.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch

from seedproof.errors import UserError, unknown
from seedproof.measure.agreement import check_agreement
from seedproof.measure.checkpoints import check_same_architecture, encoder_of, fingerprint, load_as
from seedproof.measure.defaults import chosen_device, say_nothing
from seedproof.measure.masking import MaskedText, Masking, Text, mask_text, read_lines
from seedproof.measure.restored import Depth, LayeredEncoder, PlainRestoredLosses, RestoredLosses
from seedproof.models.checkpoint import open_configuration
from seedproof.models.loading import load_tokenizer
from seedproof.models.source import ModelSource, find_model
from seedproof.renamed import takes_former_names
from seedproof.spec import content_hash
from seedproof.store.measurements import Parts, kept_parts

if TYPE_CHECKING:
    import pandas as pd
    from transformers import PreTrainedModel

DEFAULT_LENGTH = 128
"""Tokens of a sequence where the model has as many positions: what the paper fine-tunes with."""

COLUMNS = ("layers_restored", "embeddings", "perplexity", "loss", "masked_tokens")


@takes_former_names(
    {"masked_share": "mlm_probability", "mask_share": "mask_replace_prob", "random_share": "random_replace_prob"}
)
def forgetting(
    model_dir: str | os.PathLike[str] | PreTrainedModel,
    pretrained: str | os.PathLike[str],
    text: Text,
    *,
    layers: Iterable[int] | None = None,
    embeddings: Literal["finetuned", "pretrained"] = "finetuned",
    mlm_probability: float = 0.15,
    mask_replace_prob: float = 0.8,
    random_replace_prob: float = 0.1,
    seed: int = 0,
    max_length: int | None = None,
    batch_size: int = 32,
    device: str | None = None,
    folder: str | os.PathLike[str] | None = None,
    report: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Measure what a fine-tuned encoder has forgotten, layer by layer.

    For BERT, RoBERTa, ALBERT and models built like them. ALBERT has one layer (or a few) that it applies L times: there
    it is applications that are put back. The top k of them use the pre-trained shared layer, the lower L - k the
    fine-tuned one, so that for 0 < k < L the model holds both. In its parameters every application was fine-tuned alike;
    the measurement says from which depth on the pre-trained layer can still read the hidden states.

    Args:
        model_dir: the fine-tuned model: a folder that ``save_pretrained`` wrote, or a model, which is not changed.
        pretrained: what it was fine-tuned from, with its masked-LM head: ``miniature/...``, a folder or a name on the hub.
        text: a text file, a sentence or a paragraph a line (WikiText-2 raw is one), or a list of such lines. Blank lines
            and headings (``= Title =``) are left out; each line is cut into pieces of ``max_length`` tokens.
        layers: the numbers k of top layers to put back; None is 0 to L.
        embeddings: those under the lowest layer for k < L. Word, position and segment embeddings, their norm, and
            ALBERT's projection go together. At k = L the pre-trained ones are measured in any case.
        mlm_probability: probability of each token to be predicted.
        mask_replace_prob: fraction of these that the mask token replaces.
        random_replace_prob: fraction of these that another token replaces; the rest stay.
        seed: of the masks; they depend on it, on the text and on the tokenizer alone.
        max_length: tokens of a sequence, special ones included; None is 128, or the model's positions if it has fewer.
        batch_size: sequences at a time.
        device: ``cpu`` or ``cuda``; None is a GPU where there is one.
        folder: where the measurement is kept and resumed, as ``measurements/<id>/``, a study's folder for one; None
            keeps nothing.
        report: called with the batches done and all batches.

    Returns:
        One row per k, and two for k = L: ``layers_restored`` (k), ``embeddings`` (``finetuned`` or ``pretrained``),
        ``perplexity`` (exp of the loss), ``loss`` (nats per masked token), ``masked_tokens``.

    Raises:
        UserError: a model or the text is missing or damaged, the pre-trained model has no masked-LM head, the two
            models differ in architecture or are none that can be taken apart (docs/models.md), or an option is outside its
            range.
    """
    source, masking = (
        find_model(os.fspath(pretrained)),
        Masking(
            mlm_probability=mlm_probability,
            mask_replace_prob=mask_replace_prob,
            random_replace_prob=random_replace_prob,
            seed=seed,
        ),
    )
    if batch_size < 1:
        raise UserError(f"batch_size = {batch_size} is not valid; give at least 1")
    depths = _depths(_layer_count(source), layers, embeddings)
    lines, length = read_lines(text), _length(max_length, source)
    device, tokenizer = chosen_device(device), load_tokenizer(source)
    description = {
        "kind": "forgetting",
        "version": 1,
        "finetuned": fingerprint(model_dir, "fine-tuned"),
        "pretrained": source.fingerprint,
        "text": content_hash(lines),
        "depths": [asdict(depth) for depth in depths],
        "masking": masking.to_json(),
        "max_length": length,
        "batch_size": batch_size,
        "device": device,
        # With a tokenizer in Python an earlier measurement has the first piece of each line alone.
        **({} if tokenizer.is_fast else {"cut": "whole"}),
    }
    with kept_parts(folder, description) as parts:
        masked = mask_text(lines, tokenizer, masking, length)
        sums, tokens = _measure(
            parts, masked, batch_size, lambda: _losses(model_dir, source, depths, device, masked), report or say_nothing
        )
    return _table(depths, sums, tokens)


def _measure(
    parts: Parts,
    text: MaskedText,
    batch_size: int,
    make_losses: Callable[[], RestoredLosses],
    report: Callable[[int, int], None],
) -> tuple[np.ndarray, int]:
    """Sum the losses (depths,) and the asked tokens over all batches; the models are loaded only if a batch is missing."""
    batches, done = text.batches(batch_size), parts.done()
    losses: RestoredLosses | None = None
    for index, batch in enumerate(batches):
        if str(index) not in done:
            losses = losses or make_losses()
            done[str(index)] = {"losses": losses(batch), "tokens": len(batch.targets)}
            parts.add(str(index), done[str(index)])
        report(index + 1, len(batches))
    parts.finish({"batches": len(batches)})  # also where a process was killed between its last part and this
    ordered = [done[str(index)] for index in range(len(batches))]
    return np.sum([part["losses"] for part in ordered], axis=0), sum(part["tokens"] for part in ordered)


def _losses(
    model_dir: Any, source: ModelSource, depths: Sequence[Depth], device: str, text: MaskedText
) -> RestoredLosses:
    finetuned = encoder_of(model_dir, "fine-tuned").to(device)
    masked_lm, head = load_masked_lm(source)
    masked_lm.to(device)
    pretrained = LayeredEncoder(masked_lm.base_model)
    check_agreement(masked_lm, pretrained, head, text.unlike(), device)
    check_same_architecture({"pre-trained": _bare(masked_lm.base_model), "fine-tuned": _bare(finetuned)})
    return PlainRestoredLosses(LayeredEncoder(finetuned), pretrained, head, depths, device)


def load_masked_lm(source: ModelSource) -> tuple[PreTrainedModel, Callable[[Any], Any]]:
    """Load a pre-trained model in fp32 with its masked-LM head, from hidden states (tokens, width) to logits.

    Raises:
        UserError: the checkpoint has no such head, or no encoder.
    """
    from transformers import AutoModelForMaskedLM

    without = (
        f"the model {source.name!r} in {source.folder} has no masked-LM head, which forgetting is measured with; give the "
        "pre-trained model as it was published (a fine-tuned classifier has lost that head)"
    )
    if type(open_configuration(source)) not in AutoModelForMaskedLM._model_mapping:
        raise UserError(without)
    model, info = load_as(AutoModelForMaskedLM, source)
    prefix = f"{model.base_model_prefix}."
    heads = [module for name, module in model.named_children() if f"{name}." != prefix]
    if not heads or any(not name.startswith(prefix) for name in info["missing_keys"]):
        raise UserError(without)
    if info["missing_keys"]:
        raise UserError(
            f"the weights in {source.folder} lack parameters of the encoder: {sorted(info['missing_keys'])[0]!r}"
        )
    model.eval()
    return model, torch.nn.Sequential(*heads)  # ELECTRA has two modules, one behind the other


def _bare(encoder: PreTrainedModel) -> PreTrainedModel:
    """The encoder without its pooler, which has no part in masked-LM."""
    encoder.pooler = None
    return encoder


def _layer_count(source: ModelSource) -> int:
    count = source.config.get("num_hidden_layers")
    if not isinstance(count, int):
        raise UserError(
            f"{source.folder / 'config.json'} names no num_hidden_layers; give a BERT, RoBERTa or ALBERT model"
        )
    return count


def _depths(count: int, layers: Iterable[int] | None, embeddings: str) -> list[Depth]:
    if embeddings not in ("finetuned", "pretrained"):
        raise unknown("embeddings", embeddings, ("finetuned", "pretrained"))
    chosen = sorted(set(range(count + 1) if layers is None else layers))
    if not chosen:
        raise UserError("layers is empty; give at least one number of layers to put back")
    for k in chosen:
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or not 0 <= k <= count:
            raise UserError(f"layers has {k!r}, but the model has {count} layers: give whole numbers from 0 to {count}")
    depths = [Depth(int(k), embeddings) for k in chosen]
    return depths + [Depth(count, "pretrained")] * (count in chosen and embeddings == "finetuned")


def _length(max_length: int | None, source: ModelSource) -> int:
    positions = source.positions
    if max_length is None:
        return min(DEFAULT_LENGTH, positions or DEFAULT_LENGTH)
    if positions is not None and max_length > positions:
        raise UserError(f"max_length = {max_length}, but {source.name!r} has {positions} positions; give at most that")
    return max_length


def _table(depths: Sequence[Depth], sums: np.ndarray, tokens: int) -> pd.DataFrame:
    import pandas as pd

    losses = [float(value) / tokens for value in sums]
    rows = [(d.layers_restored, d.embeddings, _exp(loss), loss, tokens) for d, loss in zip(depths, losses, strict=True)]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _exp(loss: float) -> float:
    """The perplexity; infinite where it is too large for a number, not a number where the loss is none."""
    return math.inf if loss > 709 else math.exp(loss)
