"""``seedproof.diagnose``: read the sources, run every rule on every way of training, put together what they say."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from seedproof.doctor.base import SEVERITIES, Finding, Known, Place, Rule, Unknown
from seedproof.doctor.diagnosis import Diagnosis, NotChecked
from seedproof.doctor.facts import Facts
from seedproof.doctor.rules import RULES, load_rules
from seedproof.errors import UserError, unknown

if TYPE_CHECKING:
    from seedproof.tasks import Task


def diagnose(
    *sources: str | os.PathLike[str],
    recipes: Sequence[str] = (),
    task: Task | str | os.PathLike[str] | None = None,
    model: str | os.PathLike[str] | None = None,
    arguments: Sequence[str] = (),
    seeds: int | Sequence[int] | None = None,
    metric: str | None = None,
    difference: float = 0.05,
    ignore: Iterable[str] = (),
    **columns: Any,
) -> Diagnosis:
    """Diagnosis of a way of training: what threatens its stability, or the truth of its score.

    Nothing is trained, and no script is run.

    Args:
        sources: each a study's folder or file (``.toml``), a JSON of ``TrainingArguments``, a ``trainer_state.json`` or a
            folder where the Trainer has left one, or a Python script. What they say of one training is put together; the
            last one wins.
        recipes: of seedproof, as ``seedproof study run --recipe`` takes them; each is looked at.
        task: the data, as for :func:`seedproof.load_task`; where sources have their own, it takes its place.
        model: a folder, a name on the hub or ``miniature/...``.
        arguments: of a script: ``["--learning_rate", "2e-5"]``.
        seeds: that will be run: a number n stands for 0 to n - 1.
        metric: by which runs are judged; None: what the sources say, else the task's.
        difference: between two scores that is looked for.
        ignore: ids of rules that are left out.
        **columns: ``text``, ``text_pair``, ``label``, ``dev``, ``data_dir`` and the like, for :func:`seedproof.load_task`.

    Raises:
        UserError: nothing to look at, a source that cannot be read, an unknown rule, data or model.
    """
    left_out = list(ignore)
    for name in left_out:
        if name not in RULES:
            raise unknown("rule", name, RULES)
    if not 0 < difference < 1:
        raise UserError(f"the difference {difference} is not valid; give one between 0 and 1, such as 0.01 for a point")
    from seedproof.doctor.gather import gather

    known = gather(sources, recipes, task, model, arguments, columns)
    own: dict[str, Known] = {}
    if seeds is not None:
        listed = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
        if not listed:
            raise UserError(f"seeds={seeds!r} holds no seed; give at least one, or leave seeds out")
        own["seeds"] = Known(listed, Place("--seeds"))
    if metric is not None:
        own["metric"] = Known(metric, Place("--metric"))
    cases = [dataclasses.replace(_with(facts, own), difference=difference) for facts in known.facts]
    rules = [rule for name, rule in load_rules().items() if name not in left_out]
    return _put_together(rules, cases, left_out, known.read)


def _with(facts: Facts, own: dict[str, Known]) -> Facts:
    unread = {name: why for name, why in facts.unread.items() if name not in own}
    settings = {**facts.settings, **own}
    if facts.data is not None and "metric" not in settings:
        settings["metric"] = Known(facts.data.metric, Place(f"the task {facts.data.name}"))
    return dataclasses.replace(facts, settings=settings, unread=unread)


def _put_together(rules: list[Rule], cases: list[Facts], ignored: list[str], read: tuple[str, ...]) -> Diagnosis:
    findings: dict[tuple[str, str], list[tuple[Finding, str]]] = {}
    left: dict[tuple[str, str], list[str]] = {}
    clean: list[str] = []
    for rule in rules:
        is_seen = False
        for facts in cases:
            if rule.of_trainer and facts.engine == "seedproof":
                is_seen = True
                continue
            try:
                for need in rule.needs:
                    facts.require(need)
                for finding in rule.check(facts):
                    findings.setdefault((rule.id, finding.evidence), []).append((finding, facts.name))
                is_seen = True
            except Unknown as error:
                left.setdefault((rule.id, str(error)), []).append(facts.name)
        if is_seen and not any(name == rule.id for name, _ in findings):
            clean.append(rule.id)
    several = len(cases) > 1
    found = [
        dataclasses.replace(same[0][0], about=tuple(dict.fromkeys(name for _, name in same)) if several else ())
        for same in findings.values()
    ]
    not_checked = [
        NotChecked(name, why, tuple(about) if len(about) < len(cases) else ()) for (name, why), about in left.items()
    ]
    not_checked += [NotChecked(name, "left out with --ignore") for name in ignored]
    found.sort(key=lambda finding: SEVERITIES.index(finding.severity))
    return Diagnosis(tuple(found), tuple(clean), tuple(not_checked), read)
