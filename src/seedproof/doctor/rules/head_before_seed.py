"""A head that is drawn before anything seeds."""

from __future__ import annotations

from collections.abc import Iterable

from seedproof.doctor.base import Finding, Rule, Unknown
from seedproof.doctor.facts import Facts
from seedproof.doctor.sources.models import model_in

SEEDING = ("set_seed", "enable_full_determinism", "manual_seed", "seed_everything")


class HeadBeforeSeed(Rule):
    """The model is made before the seed is set, and given to the Trainer."""

    id = "head-before-seed"
    severity = "serious"
    what = "The model, whose head is drawn at random, is made before anything seeds torch, and given to the Trainer as model=."
    why = (
        "The Trainer seeds when it is made, after the head was drawn: seed=1 does not give the same run twice, and runs with "
        "one seed differ by their heads. With model_init= the head is drawn right after the seed is set."
    )
    source = (
        "transformers.Trainer.__init__, which calls set_seed(args.seed); huggingface/sentence-transformers issue 3266"
    )
    change = "Give model_init= in place of model=, or call set_seed(seed) before from_pretrained."
    needs = ()
    of_trainer = True

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding for each model that no call seeds before it is made."""
        if (head := facts.get("head")) is not None:
            if head == "unknown":
                seen = "the head was drawn before the Trainer set its seed, as the callback saw"
                yield self.found(seen, numbers={"seeding calls before": 0}, place=facts.place("head"))
            return
        script = facts.code
        trainers = [call for call in script.calls if call.last.endswith("Trainer")]
        if not trainers:
            raise Unknown(f"{script.path} makes no Trainer that can be read")
        apart = {each.text for call in script.named("run_seeds") for each in call.positional if hasattr(each, "text")}
        for trainer in trainers:
            if trainer.inside in apart or "model_init" in trainer.keywords:
                continue
            model = model_in(trainer.argument("model", 0))
            if model is None:
                raise Unknown(f"{script.place(trainer.line)}: what the Trainer is given as model cannot be read")
            if not (model.reached and trainer.reached):
                raise Unknown(f"{script.place(model.line)}: the model is made in a function whose call cannot be seen")
            position = script.calls.index(model)
            seeds = [call for call in script.calls if call.last in SEEDING and call.reached]
            before = [call for call in seeds if script.calls.index(call) < position]
            if not before:
                later = f"; {seeds[0].last} stands in line {seeds[0].line}" if seeds else ""
                yield self.found(
                    f"the model is made in line {model.line}, and no call seeds torch before it{later}",
                    numbers={"seeding calls before": 0},
                    place=script.place(model.line),
                )
