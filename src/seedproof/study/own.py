"""Methods and probes of the user's own in a study: noted in its store, and compared with what its runs were made with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from seedproof import extensions
from seedproof.execution.recording import Recording
from seedproof.extensions import Origin
from seedproof.probes import find_probe
from seedproof.recipes import from_json
from seedproof.store import Store
from seedproof.study.planning import PlannedRun


def origins(runs: Iterable[PlannedRun], recording: Recording) -> list[Origin]:
    """Where the classes of the user's own are that runs need, each once."""
    stored = {str(method["name"]): run.spec.recipe for run in runs for method in run.spec.recipe.get("methods", ())}
    methods = {
        name: type(method)
        for name, recipe in stored.items()
        if extensions.is_written(name)
        for method in from_json(recipe).methods
        if method.reference() == name
    }
    probes = {name: find_probe(name) for name in recording.probes if extensions.is_written(name)}
    return [extensions.origin(kind) for kind in (*methods.values(), *probes.values())]


def changed(store: Store, now: Sequence[Origin]) -> list[str]:
    """What is to be known of classes whose file is another than that of the study's runs: a sentence each."""
    before = {origin.name: origin for origin in store.places.extensions()}
    return [
        f"warning: the file of {one.name} has changed since runs of this study were made with its version {one.version}: if "
        "what it computes has changed, raise its version, and give its recipe a label or the study another folder"
        for one in now
        if (then := before.get(one.name)) and then.version == one.version and then.digest != one.digest
    ]
