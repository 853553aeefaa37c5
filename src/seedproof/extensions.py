"""Classes of the user's own, written ``module:Class``: found, imported, checked.

The module is a file ``my_methods.py`` next to the script or the study file, or in the working folder, or one that is
installed. A store notes where each was found (:class:`Origin`), because the processes that execute runs start elsewhere.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Self, TypeVar

from seedproof.errors import UserError, unknown

_Base = TypeVar("_Base")

_WRITTEN = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
"""Names of Python, in any alphabet."""
_folders: list[Path] = []
_noted: dict[str, Path] = {}


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a class was found, as a store notes it."""

    name: str
    """``module:Class``."""
    folder: str | None
    """The folder that holds the module; None: it is installed."""
    digest: str
    """SHA-256 of the module's file, in hexadecimal; empty where it has none."""
    version: int

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {"name": self.name, "folder": self.folder, "digest": self.digest, "version": self.version}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read back what :meth:`to_json` wrote.

        Raises:
            KeyError, TypeError: it did not write this.
        """
        found = cls(**{name: value[name] for name in ("name", "folder", "digest", "version")})
        is_right = is_written(found.name) and isinstance(found.digest, str) and isinstance(found.version, int)
        if not is_right or not isinstance(found.folder, (str, type(None))):
            raise TypeError(f"{value!r} is no origin of a class")
        return found


def is_written(name: object) -> bool:
    """Whether a name is of the form ``module:Class``."""
    return isinstance(name, str) and _WRITTEN.fullmatch(name) is not None


def name_of(kind: type) -> str:
    """``module:Class``, by which a class is loaded again.

    Raises:
        UserError: it was defined in a script or a notebook itself, or inside of something, where no other process finds it.
    """
    if kind.__module__ == "__main__":
        raise UserError(
            f"the class {kind.__qualname__} is defined in the script or notebook itself, where the processes that execute runs "
            f"do not find it; put it into a file next to it, e.g. my_{kind.__name__.lower()}.py, and import it from there"
        )
    if inside := kind.__qualname__.rpartition(".")[0]:
        raise UserError(
            f"the class {kind.__qualname__} of {kind.__module__} is defined inside of {inside}, where the processes that "
            "execute runs do not find it; move it to the top level of its file"
        )
    return f"{kind.__module__}:{kind.__qualname__}"


def look_in(folder: Path) -> None:
    """Look for modules in this folder too, before the script's and the working folder: a study file's."""
    if folder.resolve() not in _folders:
        _folders.append(folder.resolve())


def note(origin: Origin) -> None:
    """Look for the module of this origin first where it was found."""
    if origin.folder is not None:
        _noted[_top(origin.name)] = Path(origin.folder)


def load(written: str, base: type[_Base], kind: str) -> type[_Base]:
    """The class that ``written`` names.

    Args:
        written: ``module:Class``.
        base: what it must be a subclass of.
        kind: what such a class is, for messages: ``"method"``.

    Raises:
        UserError: there is no such module, importing it fails (the file and the line), it has no such class (the nearest is
            named), or the class is no ``base``.
    """
    if ".py:" in written:
        raise UserError(f"the {kind} {written!r} cannot be read; leave out .py: {written.replace('.py:', ':')}")
    if not is_written(written):
        raise UserError(f"the {kind} {written!r} cannot be read; write a name, or module:Class for one of your own")
    module_name, _, name = written.partition(":")
    module = _imported(module_name, kind)
    found = getattr(module, name, None)
    if not isinstance(found, type):
        there = [
            each
            for each, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, base) and value.__module__ == module_name
        ]
        if not there:
            raise UserError(f"{written} is no {kind}: {_file(module)} has no class {name!r}, and no {kind} at all")
        raise unknown(kind, name, there, where=_file(module))
    if not issubclass(found, base):
        parent = f"{base.__module__}.{base.__qualname__}"
        raise UserError(f"{written} is no {kind}: the class in {_source(found)}, is not a subclass of {parent}")
    return found


def origin(kind: type) -> Origin:
    """Where a class comes from."""
    name = name_of(kind)
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    digest = hashlib.sha256(Path(file).read_bytes()).hexdigest() if file and Path(file).is_file() else ""
    return Origin(name=name, folder=_folder(name, file), digest=digest, version=getattr(kind, "version", 1))


def _folder(name: str, file: str | None) -> str | None:
    """The folder from which a module's name leads to its file; None for one that is installed."""
    if file is None:
        return None
    parts = name.partition(":")[0].split(".")
    path = Path(file).resolve()
    folder = path.parents[len(parts) - (0 if path.name == "__init__.py" else 1)]
    return None if {"site-packages", "dist-packages"} & set(folder.parts) else str(folder)


def _imported(module: str, kind: str) -> ModuleType:
    top = module.partition(".")[0]
    file = _found(top)
    try:
        if file is None:
            return importlib.import_module(module)
        _import_file(top, file)
        return importlib.import_module(module)
    except UserError:
        raise
    except ModuleNotFoundError as error:
        if error.name is None or not (module == error.name or module.startswith(f"{error.name}.")):
            raise _failed(module, error, file) from error
        looked = ", ".join(dict.fromkeys(str(folder) for folder in _where()))
        raise UserError(
            f"there is no module {error.name!r} for the {kind}: no file {top}.py in {looked}, and none is installed; put the "
            "file next to the script or the study file, or start in its folder"
        ) from None
    except (Exception, SystemExit) as error:
        raise _failed(module, error, file) from error


def _where() -> list[Path]:
    script = Path(getattr(sys.modules.get("__main__"), "__file__", None) or "")
    return [*_folders, *([script.resolve().parent] if script.suffix == ".py" else []), Path.cwd()]


def _found(top: str) -> Path | None:
    """The file of a module, or of a package's ``__init__``, in the folders; None where they have none."""
    for folder in [*([_noted[top]] if top in _noted else []), *_where()]:
        for file in (folder / f"{top}.py", folder / top / "__init__.py"):
            if file.is_file():
                return file
    return None


def _import_file(name: str, file: Path) -> None:
    """Import a file as a module of this name; it may import others that lie next to it."""
    if (known := sys.modules.get(name)) is not None:
        if Path(getattr(known, "__file__", None) or "").resolve() == file.resolve():
            return
        raise UserError(
            f"{file} cannot be imported: another module is called {name!r} ({_file(known)}); give the file another name"
        )
    folder = file.parent.parent if file.name == "__init__.py" else file.parent
    if str(folder) not in sys.path:
        sys.path.append(str(folder))
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def _failed(module: str, error: BaseException, file: Path | None) -> UserError:
    """An error while a module was imported, with the file and the line where it was raised."""
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}, line {error.lineno}"
    else:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if file is not None and Path(frame.filename).parent == file.parent]
        last = (own or frames)[-1]
        place = f"{last.filename}, line {last.lineno}"
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return UserError(f"importing {module!r} failed in {place}: {type(error).__name__}: {message}")


def _top(name: str) -> str:
    return name.partition(":")[0].partition(".")[0]


def _file(module: ModuleType) -> str:
    return str(getattr(module, "__file__", None) or f"the module {module.__name__!r}")


def _source(kind: type) -> str:
    try:
        return f"{inspect.getsourcefile(kind)}, line {inspect.getsourcelines(kind)[1]}"
    except (OSError, TypeError):
        return f"the module {kind.__module__!r}"
