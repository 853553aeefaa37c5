"""A metric that rewards the same answer for every text."""

from __future__ import annotations

from collections.abc import Iterable

from seedproof.doctor.base import Finding, Rule, Unknown
from seedproof.doctor.facts import Facts
from seedproof.doctor.rules.majority_score import ASSUMED
from seedproof.doctor.sources.finished import NAMES
from seedproof.errors import UserError

HIGH = 0.8


class MetricHidesImbalance(Rule):
    """A prediction that never changes scores high on these labels."""

    id = "metric-hides-imbalance"
    severity = "warning"
    what = f"On the development set a prediction that never changes has {HIGH:g} or more of the metric that judges."
    why = "A run that has learned nothing scores nearly as well as one that has, or better than one that finds the rare class."
    source = "Chicco and Jurman 2020, BMC Genomics 21:6; He and Garcia 2009, IEEE TKDE 21"
    change = "Judge by Matthews correlation, macro F1, or F1 of the rare class (--metric, metric_for_best_model)."
    needs = ("data", "metric")

    def check(self, facts: Facts) -> Iterable[Finding]:
        """A finding where the majority score is high."""
        written = str(facts.value("metric")).removeprefix("eval_")
        try:
            metric = facts.task.find_metric(NAMES.get(written, written))
        except UserError:
            raise Unknown(
                f"{facts.place('metric')}: the metric {written!r} is none that is known for this data"
            ) from None
        majority = metric.majority(facts.task.dev.labels)
        if majority >= HIGH:
            assumed = f"if the metric f1 is {metric.title}, " if written == ASSUMED else ""
            yield self.found(
                f"{assumed}a prediction that never changes has {metric.title} {majority:.3f} on the development set",
                numbers={"majority": majority, "limit": HIGH},
                place=facts.place("metric"),
            )
