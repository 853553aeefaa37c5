"""Notes of where a study found what lies outside of its store.

models.jsonl      where the weights of each model fingerprint were found
extensions.jsonl  where the user's own methods and probes were found
"""

from __future__ import annotations

from pathlib import Path

from seedproof.errors import UserError
from seedproof.extensions import Origin
from seedproof.store.journal import Journal
from seedproof.store.lock import adding_to


class Places:
    """The notes of one store.

    Args:
        store: its folder.
    """

    def __init__(self, store: Path) -> None:
        self._store = store
        self._models = Journal(store / "models.jsonl", may_be_lost=True)
        self._extensions = Journal(store / "extensions.jsonl", may_be_lost=True)

    def add_model(self, fingerprint: str, location: str) -> None:
        """Note that weights with this fingerprint were found at ``location`` (a folder or a name on the hub)."""
        with adding_to(self._store):
            if location not in self.model_locations(fingerprint):
                self._models.append({"fingerprint": fingerprint, "location": location})
                self._models.seal()

    def model_locations(self, fingerprint: str) -> list[str]:
        """Where weights with this fingerprint were found, the latest first."""
        records = list(self._models.read())
        for number, record in enumerate(records, start=1):
            if not isinstance(record.get("location"), str):
                raise UserError(f"{self._models.path}, line {number}, is damaged: it has no location; remove that line")
        return [record["location"] for record in reversed(records) if record.get("fingerprint") == fingerprint]

    def add_extension(self, origin: Origin) -> None:
        """Note where a class of the user's own was found."""
        with adding_to(self._store):
            if origin not in self.extensions()[-1:]:
                self._extensions.append(origin.to_json())
                self._extensions.seal()

    def extensions(self) -> list[Origin]:
        """Where classes of the user's own were found, the latest last.

        Raises:
            UserError: the file is damaged.
        """
        found = []
        for number, record in enumerate(self._extensions.read(), start=1):
            try:
                found.append(Origin.from_json(record))
            except (KeyError, TypeError):
                where = f"{self._extensions.path}, line {number}, is damaged"
                raise UserError(f"{where}: it has no name, folder, digest and version; remove that line") from None
        return found
