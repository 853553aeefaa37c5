"""The command that adds a recording to the runs of a study."""

from __future__ import annotations

import shlex

from seedproof.errors import command
from seedproof.store import Store
from seedproof.store.files import read_text


def adding(store: Store, name: str, value: str) -> str:
    """The command that adds a recording to a study: its own file with one more setting, given again.

    The file is made inside the study's folder, because tasks made in memory are named relative to it.
    """
    commands = []
    for number, path in enumerate(store.definitions(), start=1):
        text, new = read_text(path), path.with_name(f"more-{number}.toml")
        old_name, new_name = shlex.quote(str(path)), shlex.quote(str(new))
        if any(line.strip().startswith(f"{name} =") for line in text.splitlines()):
            change = f"sed 's/^{name} = .*/{name} = {value}/' {old_name} > {new_name}"
        elif "[recording]" in text:
            change = rf"sed 's/^\[recording\]/&\n{name} = {value}/' {old_name} > {new_name}"
        else:
            change = rf"(cat {old_name}; printf '\n[recording]\n{name} = {value}\n') > {new_name}"
        commands.append(f"{change} && {command('study', 'run', new, '--out', store.path)}")
    return " && ".join(commands) or "the study's command again, with this recording in its file"
