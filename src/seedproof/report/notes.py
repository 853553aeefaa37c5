"""What a reader of a study's numbers should know of its tasks, in words; every form of a report shows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedproof.tasks.folder import read_notes

if TYPE_CHECKING:
    from seedproof.store import Store


def task_notes(store: Store) -> list[str]:
    """How a table was split, which rows were left out, which examples drawn.

    Returns:
        Each ``"task: note"`` once, in the order of the tasks; nothing for run folders that came without their task.
    """
    found: dict[str, None] = {}
    for fingerprint, name in store.names().tasks.items():
        place = store.task_folder(fingerprint)
        if place.is_dir():
            found |= dict.fromkeys(f"{name}: {note}" for note in read_notes(place))
    return list(found)
