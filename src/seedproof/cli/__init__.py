"""The command line: one file per verb, each a thin call of what Python users call.

Imports inside the commands are deliberate: ``seedproof --help`` must not load torch, Transformers or pandas.
"""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from typing import Any, NoReturn

from seedproof.cli.streams import say, write_anything
from seedproof.deprecation import DeprecatedName
from seedproof.errors import UserError, is_out_of_memory
from seedproof.printable import PrintableStream

BROKEN = 1
"""Exit status after a fault of the machine or a bug."""
BROKEN_OF: Mapping[str, int] = {"doctor": 70}
"""The same for commands of which 1 says something else: EX_SOFTWARE of sysexits.h."""
_MEMORY = "memory ended ({}); raise the limit (ulimit -v shows one), or give the same command again with fewer --jobs"


def main() -> None:
    """Run the command line; a user's mistake is one message and exit status 2, without a traceback."""
    write_anything()  # before they are covered
    with redirect_stdout(PrintableStream(sys.stdout)), redirect_stderr(PrintableStream(sys.stderr)):
        _run()


def _run() -> None:
    from seedproof.cli.app import app

    debug = "--debug" in sys.argv
    sys.argv = [argument for argument in sys.argv if argument != "--debug"]
    broken = BROKEN_OF.get(next(iter(sys.argv[1:]), ""), BROKEN)
    _say_deprecations()
    try:
        _check_arguments()
        app()
    except UserError as error:
        if debug:
            raise
        _say(f"error: {error}")
        sys.exit(2)
    except KeyboardInterrupt as error:
        _say(str(error) or "interrupted")
        sys.exit(130)
    except BrokenPipeError:
        # The reader, `head` for one, has seen enough; close quietly what Python would flush at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(broken)
    except OSError as error:
        if debug:
            _end_with_traceback(broken)
        from seedproof.store import is_disk_full

        hint = "the disk is full; make room and give the same command again" if is_disk_full(error) else str(error)
        _say(f"error: {_MEMORY.format(error) if is_out_of_memory(error) else hint}")
        sys.exit(broken)
    except Exception as error:
        if debug:
            _end_with_traceback(broken)
        if is_out_of_memory(error):
            _say(f"error: {_MEMORY.format(str(error) or type(error).__name__)}")
            sys.exit(broken)
        _say(f"error: {type(error).__name__}: {error} (a bug in seedproof; --debug shows where)")
        sys.exit(broken)


def _end_with_traceback(status: int) -> NoReturn:
    """What Python does with an error that nobody catches, with a status of our own."""
    traceback.print_exc()
    sys.exit(status)


def _check_arguments() -> None:
    """Refuse what is no text: a path in other bytes than UTF-8 could be given to no library and printed nowhere."""
    for argument in sys.argv[1:]:
        try:
            argument.encode()
        except UnicodeEncodeError:
            shown = os.fsencode(argument).decode("ascii", "backslashreplace")
            raise UserError(f"the argument '{shown}' is not UTF-8 text; rename the file or folder") from None


def _say_deprecations() -> None:
    """Show names that go as sentences, like every other warning of the program, and not as lines of Python."""
    otherwise, said = warnings.showwarning, set()

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if not issubclass(category, DeprecatedName):
            otherwise(message, category, *where, **more)
        elif str(message) not in said:  # Python forgets what it has shown whenever a library changes its filters
            said.add(str(message))
            _say(f"warning: {message}")

    warnings.showwarning = show


def _say(text: str) -> None:
    say(text, err=True)
