"""A store of made records with everything that can go wrong in it, hostile names, and a browser to look at its report."""

from __future__ import annotations

import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests import needs

from seedproof.recipes import recipe, resolve
from seedproof.spec import ModelReference, Numerics, RunSpec, Seeds
from seedproof.store import Store
from seedproof.store.cells import Cell
from seedproof.tasks import Split, Task

HOSTILE = "</script><script>document.title='owned'</script><!-- <img src=x onerror=\"document.title='owned'\"> & $x$"
STEPS, LAYERS, EXAMPLES = 40, 3, 30
NAMES = [
    "bert.embeddings.word_embeddings.weight",
    *(
        f"bert.encoder.layer.{layer}.{kind}.{part}"
        for layer in range(LAYERS)
        for kind in ("attention.self.query", "output.dense")
        for part in ("weight", "bias")
    ),
    "bert.pooler.dense.weight",
    "classifier.weight",
]


def make_task(name: str = "made") -> Task:
    """Thirty examples with hostile texts and classes."""
    texts = tuple(f"sentence {number} {HOSTILE if number == 1 else ''}" for number in range(EXAMPLES))
    split = Split(texts, None, np.arange(EXAMPLES) % 2)
    return Task(name=name, train=split, dev=split, classes=("no", HOSTILE), metrics=("accuracy",))


def made_records(outcome: str, task: Task, seed: int = 0, steps: int = STEPS) -> list[dict]:
    """A journal as a run writes it: losses, gradients every tenth step, two evaluations."""
    random = np.random.default_rng(seed)
    records: list[dict] = [{"step": 0, "kind": "gradients", "names": NAMES}]
    for step in range(1, steps + 1):
        loss = 0.69 if outcome == "majority" else 0.69 * math.exp(-step / 20)
        diverges = outcome == "diverged" and step == steps // 2
        records.append({"step": step, "kind": "loss", "loss": math.nan if diverges else loss})
        if diverges:
            return records
        if step == 1 or step % 10 == 0:
            norms = (0.1 * random.random(len(NAMES)) * (1e-4 if outcome == "majority" and step > 10 else 1)).astype(
                np.float32
            )
            records.append({"step": step, "kind": "gradients", "norms": norms, "total": float(np.linalg.norm(norms))})
        if step in (steps // 2, steps):
            logits = np.zeros((EXAMPLES, 2), np.float32)
            logits[np.arange(EXAMPLES), task.dev.labels if outcome == "succeeded" else 0] = 2 * step / steps
            records.append(
                {"step": step, "kind": "evaluation", "scores": task.score({"dev": logits}), "logits dev": logits}
            )
    return records


def made_result(outcome: str, records: list[dict], task: Task, recordings: dict, *, fit: bool = False) -> dict:
    """The result of such a run."""
    last = [record for record in records if record["kind"] == "evaluation"][-1:] if outcome != "diverged" else []
    score = last[0]["scores"]["accuracy"] if last else math.nan
    losses = [record["loss"] for record in records if record["kind"] == "loss"]
    return {
        "outcome": "succeeded" if outcome == "succeeded" else "failed",
        "reason": None if outcome == "succeeded" else outcome,
        "diverged_at": len(losses) if outcome == "diverged" else None,
        "metric": "accuracy",
        "score": score,
        "majority": 0.5,
        "metrics": {"accuracy": score} if last else {},
        "majorities": task.majority,
        "training_loss": float(np.mean(losses[-10:])),
        **({"fit_loss": losses[-1]} if fit else {}),
        "steps": STEPS,
        "steps_per_epoch": 2,
        "evaluated_step": last[0]["step"] if last else None,
        "missing_parameters": [],
        "truncated_examples": 0,
        "recordings": recordings,
        "execution": {"seconds": 1.5, "python": "3", "processor": HOSTILE, "version_torch": "2"},
    }


def make_store(
    folder: Path, *, gradients: bool = True, fit: bool = False, outcomes: dict[str, list[str]] | None = None
) -> Store:
    """A study of two recipes; outcomes are succeeded, majority, diverged, crashed, interrupted or pending."""
    task, store = make_task(), Store.create(folder, f"study {HOSTILE}", Numerics())
    task.write(store.task_folder(task.fingerprint))
    cells = []
    planned = outcomes or {
        "devlin": ["majority", "succeeded", "diverged", "crashed"],
        f"corrected {HOSTILE}": ["succeeded", "succeeded", "interrupted", "pending"],
    }
    for number, (label, wanted) in enumerate(planned.items()):
        values = resolve(
            recipe("devlin", max_steps=STEPS, bias_correction=number == 1), "bert", {"learning_rate": 1e-4}, {}
        ).recipe.to_json()
        for seed, outcome in enumerate(wanted):
            spec = RunSpec(
                task=task.reference(),
                model=ModelReference(name="miniature/bert", fingerprint="b" * 64, family="bert"),
                recipe={**values, "name": label},
                seeds=Seeds.from_number(seed),
                numerics=Numerics(),
            )
            folder_of_run = store.add(spec)
            cells.append(Cell(task="made", model="miniature/bert", recipe=label, seed=str(seed), id=folder_of_run.id))
            _fill(folder_of_run, outcome, task, seed, gradients=gradients, fit=fit)
    store.add_cells(cells)
    store.add_definition('name = "made"\ntasks = ["made"]\nmodels = ["miniature/bert"]\n')
    return store


def _fill(run, outcome: str, task: Task, seed: int, *, gradients: bool, fit: bool) -> None:
    if outcome == "pending":
        return
    records = made_records(outcome if outcome in ("majority", "diverged") else "succeeded", task, seed)
    for record in records[: 15 if outcome in ("crashed", "interrupted") else None]:
        if gradients or record["kind"] != "gradients":
            run.journal.append(record)
    run.journal.flush()
    if outcome in ("crashed", "interrupted"):
        run.add_attempt_event("start")
        run.add_attempt_event(outcome, message=f"out of luck {HOSTILE}")
        return
    recordings = {"gradients": 10} if gradients else {"evaluations": None}
    run.finish(made_result(outcome, records, task, recordings, fit=fit))


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    """One for all tests of a module, which only read it."""
    return make_store(tmp_path_factory.mktemp("made") / "store")


@pytest.fixture(scope="session")
def browser():
    """A headless Chromium."""
    try:
        from playwright import sync_api as api
    except ImportError:
        needs.lacking("browser", "playwright is not installed; make install brings it")
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        needs.lacking("browser", "no Chromium on this machine: apt-get install chromium, or put one on the PATH")
    with api.sync_playwright() as playwright:
        # No sandbox, because containers have none; the page is our own. WebGL in software, for the surfaces.
        started = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox", "--enable-unsafe-swiftshader"]
        )
        yield started
        started.close()
