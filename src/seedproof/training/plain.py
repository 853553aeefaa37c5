"""The plain engine: one run, any sequence classification model of Transformers. The oracle for every other engine.

It executes a plan and yields records; it knows nothing of files. Same model, plan and data on the same machine: the same
bits, however often the run was stopped and went on from :meth:`PlainEngine.state`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from seedproof.generators import own_generators
from seedproof.training.average import Average
from seedproof.training.engine import Record, RunData, mean_loss, prediction_entropy, step_seed
from seedproof.training.observing import ModelView, Watch
from seedproof.training.treatments import Treatments
from seedproof.training.update import Update

if TYPE_CHECKING:
    from pathlib import Path

    from jaxtyping import Float32

    from seedproof.models.tokens import TokenizedSplit
    from seedproof.probes.base import Probe
    from seedproof.recipes import Recipe
    from seedproof.spec import Seeds
    from seedproof.training.plan import Plan

EVALUATION_BATCH = 64


class PlainEngine:
    """Executes one plan on one model.

    Args:
        model: With the weights that training starts from, in fp32. It is trained in place.
        recipe: Resolved; its methods start here.
        plan: From the same recipe.
        data: Tokenized examples.
        seeds: The dropout seed draws the masks of every step, and whatever methods draw in it.
        probes: What to record beyond loss, scores and predictions.
        precision: ``bf16`` is autocast over fp32 weights.
        device: Where to train.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        plan: Plan,
        data: RunData,
        *,
        seeds: Seeds,
        probes: Sequence[Probe] = (),
        precision: str = "fp32",
        device: str = "cpu",
    ) -> None:
        self.step = 0
        """Steps done."""
        self.diverged_at: int | None = None
        """The step whose loss was not finite; training ends there."""
        self.evaluated_at: int | None = None
        """The step whose weights are the result, once training has ended."""
        self.device = torch.device(device)
        self.model = model.to(self.device)
        self._recipe, self._plan, self._data = recipe, plan, data
        self._dropout_seed, self._precision = seeds.dropout, precision
        self._watch = Watch(probes, plan.evaluate_after, self.model)
        trained = {id(value) for value in self.model.parameters() if value.requires_grad}
        self._treatments = Treatments(self.model, recipe, plan, seeds, data)
        self._watch.compose(self._treatments.composed)
        self._view = ModelView(self.model, self._watch, self._treatments.composed)
        self._seen_at_start = self._watch.show("start", 0, self._view.see(self._watch.needs("start", 0)))
        self._update = Update(self.model, recipe, self._treatments.effects, trained)
        average = self._treatments.effects.average
        self._average = None if average is None else Average(self.model, average)
        self._own_losses: list[Tensor | None] = []
        """Losses of the model in the passes of this step."""
        self._best: tuple[float, int, dict[str, Tensor]] | None = None

    @property
    def steps(self) -> int:
        """Steps of the whole plan."""
        return self._plan.steps

    def run(self) -> Iterator[list[Record]]:
        """Train to the end of the plan, or to the first loss that is not finite, from wherever the engine stands.

        Yields what was recorded at a step when that step, its evaluation included, is wholly done; between two yields
        the engine's :meth:`state` may be taken, and nothing is lost if it is never asked for more.
        """
        if self.step == 0:
            yield self._seen_at_start + self._evaluate_if_planned()
        while self.step < self._plan.steps and self.diverged_at is None:
            yield self._train_step() + self._evaluate_if_planned()
        if self.diverged_at is None:
            self._end()
        with self._seeded():
            self._treatments.finish()

    def _train_step(self) -> list[Record]:
        batch = self._data.train.batch(self._plan.batches[self.step], self.device)
        self.step += 1
        needs = self._watch.needs("steps", self.step)
        self._view.begin(needs)
        self.model.train()
        with self._seeded():
            self._treatments.before_step(self.step)
            with self._autocast():
                loss = self._treatments.loss(batch, self.step, self._forward)
            value = self._recorded(loss)
            records = [Record(self.step, "loss", {"loss": value})]
            if not math.isfinite(value):
                self.diverged_at = self.step
                return records
            torch.autograd.backward(loss)
            self._treatments.after_gradient(self.step)
            records += self._watch.show("steps", self.step, self._view.see(needs, loss=value))
            self._update.step(float(self._plan.learning_rates[self.step - 1]))
            self._treatments.after_step(self.step)
        if self._average is not None:
            self._average.update(self.step)
        return records

    def _forward(self, batch: Mapping[str, Tensor]) -> Any:
        output = self.model(**batch)
        self._own_losses.append(output.loss)
        self._view.take_logits(output.logits)
        return output

    def _recorded(self, loss: Tensor) -> float:
        """The loss of a step as it is recorded: the model's own, the mean of its passes, so that losses of all recipes
        compare whatever a method adds; what is trained, where that is not finite."""
        own = [each.detach() for each in self._own_losses if each is not None and each is not loss]
        self._own_losses.clear()
        trained = float(loss.detach())
        return float(torch.stack(own).mean()) if own and math.isfinite(trained) else trained

    def _evaluate_if_planned(self) -> list[Record]:
        if self.step not in self._plan.evaluate_after or self.diverged_at is not None:
            return []
        with self._evaluated_weights():
            return self._evaluate()

    def _evaluate(self) -> list[Record]:
        needs = self._watch.needs("evaluations", self.step)
        self._view.begin(needs)
        logits = {name: self.predict(split) for name, split in self._data.evaluation.items()}
        scores = self._data.score(logits)
        self._keep_if_best(scores[self._data.metric])
        values: dict[str, Any] = {"scores": scores}
        if logits["dev"].shape[1] > 1:
            values["entropy"] = prediction_entropy(logits["dev"], several=self._data.train.labels.ndim == 2)
        values |= {f"logits {name}": array for name, array in logits.items()}
        seen = self._view.see(needs, scores=scores, logits=logits)
        records = [Record(self.step, "evaluation", values), *self._watch.show("evaluations", self.step, seen)]
        return records + self._see_end() if self.step == self._plan.steps else records

    def _see_end(self) -> list[Record]:
        """What probes record of the weights after the last step."""
        needs = self._watch.needs("end", self.step)
        train, known = self._data.train, dict[str, Any]()
        if "training_loss" in needs:
            known["training_loss"] = mean_loss(self.predict(train), train.labels)
        return self._watch.show("end", self.step, self._view.see(needs, **known))

    @torch.no_grad()
    def predict(self, split: TokenizedSplit) -> Float32[np.ndarray, "examples outputs"]:
        """Logits of every example of a split, dropout off."""
        self.model.eval()
        # Examples of like length together: the same batches at every evaluation, so the same bits.
        order = np.argsort([len(row) for row in split.ids], kind="stable")
        parts = []
        for start in range(0, len(order), EVALUATION_BATCH):
            batch = split.batch(order[start : start + EVALUATION_BATCH], self.device)
            del batch["labels"]
            with self._autocast():
                parts.append(self.model(**batch).logits.float())
        logits = np.empty((len(split), parts[0].shape[1]), np.float32)
        logits[order] = torch.cat(parts).cpu().numpy()
        return logits

    def _keep_if_best(self, score: float) -> None:
        """Keep the weights if the recipe selects the best and these are; NaN never is, the earlier of two equals is."""
        if self.step in self._plan.select_from and score > (self._best[0] if self._best else -math.inf):
            weights = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
            self._best = (score, self.step, weights)

    def _end(self) -> None:
        """Leave the result in the model: the best weights where the recipe selects, else the last evaluated ones."""
        self.evaluated_at = self.step
        if self._best is not None:
            _, self.evaluated_at, weights = self._best
            self.model.load_state_dict(weights)
        elif self._average is not None:
            self._average.swap()

    def write(self, folder: Path) -> None:
        """Write what methods keep beside the weights, into their folder, when training has ended."""
        self._treatments.write(folder)

    @contextmanager
    def _evaluated_weights(self) -> Iterator[None]:
        """The model as it is evaluated: with the average of its weights, or what methods make of it."""
        if self._average is not None:
            self._average.swap()
        with self._seeded():
            self._treatments.before_evaluation()
        yield
        with self._seeded():
            self._treatments.after_evaluation()
        if self._average is not None:
            self._average.swap()

    def _seeded(self) -> AbstractContextManager[None]:
        """Seed the default generators for this step; what the surrounding program draws from them is untouched."""
        return own_generators(self.device, step_seed(self._dropout_seed, self.step))

    def _autocast(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self._precision == "bf16")

    # Going on later: everything that the next step depends on.

    def state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Weights, optimizer state and best weights as arrays, and what else is needed as JSON values."""
        tensors = {f"model/{name}": value for name, value in self.model.state_dict().items()}
        moments, counters = self._update.state()
        tensors |= {f"optimizer/{name}": value for name, value in moments.items()}
        extra: dict[str, Any] = {"counters": counters}
        if self._best is not None:
            score, step, weights = self._best
            extra["best"] = {"score": score, "step": step}
            tensors |= {f"best/{name}": value for name, value in weights.items()}
        if self._average is not None:
            tensors |= {f"averaged/{name}": value for name, value in self._average.weights.items()}
        arrays, methods = self._treatments.state()
        extra |= {"methods": methods} if methods else {}
        return {
            **{name: value.detach().cpu().numpy() for name, value in tensors.items()},
            **{f"method/{name}": value for name, value in arrays.items()},
        }, extra

    def load_state(self, step: int, tensors: Mapping[str, np.ndarray], extra: Mapping[str, Any]) -> None:
        """Go back to a state that :meth:`state` gave after ``step``.

        Raises:
            Damaged: it was written by another version of a method; the engine stays at its start.
        """
        arrays = {name.removeprefix("method/"): value for name, value in tensors.items() if name.startswith("method/")}
        if "methods" in extra:
            self._treatments.load_state(arrays, extra["methods"])
        self.step = step
        self.model.load_state_dict(_under(tensors, "model/"))
        self._update.load_state(_under(tensors, "optimizer/"), extra["counters"])
        if best := extra.get("best"):
            self._best = (best["score"], best["step"], _under(tensors, "best/"))
        if self._average is not None:
            self._average.load(_under(tensors, "averaged/"))


def _under(tensors: Mapping[str, np.ndarray], prefix: str) -> dict[str, Tensor]:
    """The tensors whose names begin with ``prefix``, which is cut off."""
    return {n.removeprefix(prefix): torch.from_numpy(np.array(v)) for n, v in tensors.items() if n.startswith(prefix)}
