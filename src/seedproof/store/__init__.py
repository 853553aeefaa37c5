"""Run folders, journal, checkpoints and states: everything durable. It knows nothing of torch or of training."""

from seedproof.store.cells import Cell
from seedproof.store.files import disk_full_message, is_disk_full, move_folder, replacing, write_atomically
from seedproof.store.journal import Journal
from seedproof.store.lock import Held
from seedproof.store.run_folder import RunFolder
from seedproof.store.state import State
from seedproof.store.store import Store
from seedproof.store.tables import read_table, table_text, write_table

__all__ = [
    "Cell",
    "Held",
    "Journal",
    "RunFolder",
    "State",
    "Store",
    "disk_full_message",
    "is_disk_full",
    "move_folder",
    "read_table",
    "replacing",
    "table_text",
    "write_atomically",
    "write_table",
]
