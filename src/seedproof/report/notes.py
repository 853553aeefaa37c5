"""What a reader of a study's numbers should know of its data, in words: before anything runs, and in every report."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from seedproof.errors import command
from seedproof.printable import counted
from seedproof.tasks.folder import read_decisions, read_notes, read_overlooked_class
from seedproof.tasks.rarity import JUDGED_BY

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from seedproof.models.source import ModelSource
    from seedproof.spec import RunSpec
    from seedproof.store import Store
    from seedproof.tasks import Task

WARNING = "warning: "

MOST_UNKNOWN = 0.1
"""Fraction of unknown words above which a study begins with a warning."""


def task_notes(store: Store, *, decisions: bool = False) -> list[str]:
    """How a table was read and split, which examples were drawn, what is doubtful in the data, how many texts were cut.

    Args:
        store: of the study.
        decisions: also the sizes of the tasks and their classes with counts.

    Returns:
        Each ``"task: note"`` once, in the order of the tasks; nothing for run folders that came without their task.
    """
    found: dict[str, None] = {}
    for fingerprint, name in store.names().tasks.items():
        folder = store.task_folder(fingerprint)
        if folder.is_dir():
            notes = (*(read_decisions(folder) if decisions else ()), *read_notes(folder), *_overlooked(store, folder))
            found |= dict.fromkeys(_of_task(name, note) for note in notes)
    return [*found, *_cut_in_runs(store)]


def _overlooked(store: Store, folder: Path) -> list[str]:
    """Warning that a task of an older study, or by the user's choice, is judged by accuracy though a class is rare."""
    found = read_overlooked_class(folder)
    if found is None:
        return []
    return [
        f"{WARNING}judged by accuracy though the class {found[0]!r} is rare ({found[1]:.1%} of the development set), so a run "
        f"that finds it may fail beside one that never does; another metric: "
        f"{command('study', 'summary', store.path, '--metric', 'matthews')}"
    ]


def _of_task(name: str, note: str) -> str:
    """A note with the name of its task; a warning begins as one."""
    return f"{WARNING}{name}: {note.removeprefix(WARNING)}" if note.startswith(WARNING) else f"{name}: {note}"


def _cut_in_runs(store: Store) -> list[str]:
    """How many texts were cut, from the results of the runs; one finished run tells it for all of its recipe."""
    found: dict[str, None] = {}
    seen: set[tuple[str, str, str]] = set()
    for cell in store.cells():
        key = (cell.task, cell.model, cell.recipe)
        if key in seen or not store.run(cell.id).is_finished:
            continue
        seen.add(key)
        run = store.run(cell.id)
        if cut := run.result().get("truncated_examples", 0):
            length = run.spec.recipe["max_length"]
            texts = f"{counted(cut, 'text')} {'was' if cut == 1 else 'were'}"
            found[f"{cell.task}: {texts} cut at the {length} tokens that {cell.model} was given"] = None
    return list(found)


def notes_before(tasks: Iterable[Task], models: Mapping[str, ModelSource], specs: Iterable[RunSpec]) -> list[str]:
    """What is to be known of tasks before anything runs: decisions about the data, and where models do not fit it.

    Args:
        tasks: of the study.
        models: by name.
        specs: of the runs, which say how many tokens a model is given.
    """
    from seedproof.models.loading import load_tokenizer

    tokenizers = {name: load_tokenizer(source) for name, source in models.items()}
    names = {source.fingerprint: name for name, source in models.items()}
    lengths = dict.fromkeys((s.task.fingerprint, names.get(s.model.fingerprint), s.recipe["max_length"]) for s in specs)
    notes = []
    for task in tasks:
        report = task.data_report
        warnings = [f"{WARNING}{warning}" for warning in report.warnings]
        judged = () if any(note.startswith(JUDGED_BY) for note in task.notes) else (_judge(task),)
        notes += [_of_task(task.name, note) for note in (*report.decisions, *judged, *task.notes, *warnings)]
        for name, tokenizer in tokenizers.items():
            notes += _unknown_words(task, name, tokenizer)
            for length in [length for print_, model, length in lengths if (print_, model) == (task.fingerprint, name)]:
                notes += _cut(task, name, tokenizer, length, models[name].positions)
    return notes


def _judge(task: Task) -> str:
    return f"{JUDGED_BY}{task.judge.title}; a prediction that never changes scores {task.majority[task.metric]:.3f}"


def _unknown_words(task: Task, name: str, tokenizer: PreTrainedTokenizerBase) -> list[str]:
    from seedproof.models.tokens import unknown_fraction

    fraction = unknown_fraction(task.train, tokenizer)
    if fraction <= MOST_UNKNOWN:
        return []
    hint = "; the miniatures know their own language only" if name.startswith("miniature/") else ""
    return [
        f"warning: {name} knows only {1 - fraction:.0%} of the words of {task.name}, so what fails there fails for "
        f"want of words, not by its seed{hint}; choose a model of the texts' language"
    ]


def _cut(task: Task, name: str, tokenizer: PreTrainedTokenizerBase, length: int, positions: int | None) -> list[str]:
    from seedproof.models.tokens import count_cut

    splits = [task.train, *task.evaluation_splits.values()]
    cuts = [count_cut(split, tokenizer, length) for split in splits]
    examples, longest = sum(cut.examples for cut in cuts), max(cut.longest for cut in cuts)
    if not examples:
        return []
    about = "about " if any(cut.estimated for cut in cuts) else ""
    enough = min(longest, positions or longest)
    hint = f"; --set max_length={enough} cuts fewer" if enough > length else f"; {name} has no more positions"
    return [
        f"{task.name}: {about}{examples} of {counted(sum(map(len, splits)), 'text')} {'is' if examples == 1 else 'are'} cut at "
        f"{length} tokens, which is what {name} is "
        f"given (the longest has {longest}){hint}"
    ]
