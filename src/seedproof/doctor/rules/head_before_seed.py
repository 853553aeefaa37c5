"""A head that is drawn before anything seeds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from seedproof.doctor.base import Finding, Rule, Unknown
from seedproof.doctor.facts import Facts
from seedproof.doctor.sources.literals import Call, Named
from seedproof.doctor.sources.models import class_of, has_head, model_in

if TYPE_CHECKING:
    from seedproof.doctor.sources.script import Script

_SEEDING = ("set_seed", "enable_full_determinism", "manual_seed", "seed_everything")
_ELSEWHERE = re.compile(
    r"^(random\.seed$|np\.|numpy\.|tf\.|tensorflow\.|jax\.|(torch\.)?(cuda|mps|xpu)\.)|^(run_seeds|spaced_seed|initial_seed)$"
)
"""Calls by whose names they seed other generators than torch's on the CPU, which draws the head, or none."""


class HeadBeforeSeed(Rule):
    """The model is made before the seed is set, and given to the Trainer."""

    id = "head-before-seed"
    severity = "serious"
    what = (
        "The model, whose head is drawn at random, is made before anything seeds torch, or after an earlier run without seeding "
        "it again (a warning), and given to the Trainer as model=."
    )
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
        apart = {
            each.text
            for call in script.named("run_seeds")
            for each in (*call.positional, *call.keywords.values())
            if isinstance(each, Named)
        }
        for trainer in trainers:
            if trainer.inside in apart or "model_init" in trainer.keywords:
                continue
            model = model_in(trainer.argument("model", 0))
            if model is None:
                raise Unknown(f"{script.place(trainer.line)}: what the Trainer is given as model cannot be read")
            if not (model.reached and trainer.reached):
                raise Unknown(f"{script.place(model.line)}: the model is made in a function whose call cannot be seen")
            if has_head(class_of(model)):
                yield from self._of_model(model, trainers, script)

    def _of_model(self, model: Call, trainers: Sequence[Call], script: Script) -> Iterable[Finding]:
        """A finding where no call seeds torch between what ran before and the model."""
        order = {id(call): position for position, call in enumerate(script.calls)}
        position = order[id(model)]
        seeds = [call for call in script.calls if call.reached and _seeds_torch(call)]
        before = [call for call in seeds if order[id(call)] < position]
        earlier = [order[id(each)] for each in trainers if each.reached and order[id(each)] < position]
        last = max(earlier, default=-1)
        again = {*model.loops} & {line for trainer in trainers for line in trainer.loops}
        fresh = [call for call in before if order[id(call)] > last and again <= {*call.loops}]
        if fresh:
            return
        if (maybe := _may_seed(script.calls[:position])) is not None:
            where = script.place(maybe.line)
            raise Unknown(
                f"{where}: whether {maybe.name}, which the script does not define, seeds torch cannot be seen"
            )
        yield self.found(
            f"the model is made in line {model.line}{_in_words(before, seeds, is_repeated=bool(again))}",
            numbers={"seeding calls before": len(before)},
            severity="warning" if before else "serious",
            change="Call set_seed(seed) right before each from_pretrained, or give model_init=." if before else None,
            place=script.place(model.line),
        )


def _in_words(before: Sequence[Call], seeds: Sequence[Call], *, is_repeated: bool) -> str:
    if before:
        when = "in each turn of a loop" if is_repeated else "after an earlier run"
        last = f"{before[-1].last} stands in line {before[-1].line}"
        return f" {when}, and no call seeds torch after the run before ({last}): its head follows from that run"
    later = f"; {seeds[0].last} stands in line {seeds[0].line}" if seeds else ""
    return f", and no call seeds torch before it{later}"


def _seeds_torch(call: Call) -> bool:
    """Whether a call seeds the generator that draws a head; of a function of the script the calls in it are looked at."""
    is_method = call.base is not None and not isinstance(call.base, Named)  # torch.Generator().manual_seed
    return call.last in _SEEDING and not call.is_own and not is_method and not _ELSEWHERE.search(call.name)


def _may_seed(calls: Sequence[Call]) -> Call | None:
    """The last call whose name says that it seeds something, which may be torch."""
    for call in reversed(calls):
        is_named = "seed" in call.last.lower()
        is_plain = not call.is_own and (call.base is None or isinstance(call.base, Named))
        if is_named and is_plain and not _seeds_torch(call) and not _ELSEWHERE.search(call.name):
            return call
    return None
