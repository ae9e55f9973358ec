"""Explains what a component cannot have: compiled parts of packages, some modules of the standard library, sockets.

What packages import without a need has a stand-in, found last; any other module that is missing is explained when it is imported.
"""

from __future__ import annotations

import ast
import json
import os
import socket
import sys
from typing import Any, NoReturn

from holdfast_sdk.component.file_tree import TREE

COMPILED = "/vendor/.compiled.json"
"""What the build knows: `modules` that exist only as compiled code, with their packages, and `users`, the packages that may need them."""
_PROCESSES, _THREADS, _TERMINAL = "there are no processes", "there is one thread and one interpreter", "there is no terminal"
_WINDOWS, _DATABASES = "there are no windows", "keep data in host.storage, or in memory with sqlite3"
# Modules that packages import as optional, because many computers lack them too. A stand-in would make such a package choose the wrong way.
_STANDARD = {
    "_zstd": "use zlib or gzip",
    "_multiprocessing": _PROCESSES,
    "_posixshmem": _PROCESSES,
    "_posixsubprocess": _PROCESSES,
    "_interpchannels": _THREADS,
    "_interpqueues": _THREADS,
    "_interpreters": _THREADS,
    "_remote_debugging": _PROCESSES,
    "_curses": _TERMINAL,
    "_curses_panel": _TERMINAL,
    "curses": _TERMINAL,
    "readline": _TERMINAL,
    "_tkinter": _WINDOWS,
    "idlelib": _WINDOWS,
    "tkinter": _WINDOWS,
    "turtle": _WINDOWS,
    "turtledemo": _WINDOWS,
    "_dbm": _DATABASES,
    "_gdbm": _DATABASES,
    "grp": "there are no users and groups of an operating system",
    "pwd": "there are no users and groups of an operating system",
    "ensurepip": "write packages into requirements.txt",
    "venv": "write packages into requirements.txt",
    "pydoc_data": "there are no manuals",
}
_STAND_INS = os.path.join(os.path.dirname(__file__), "stand_ins")  # noqa: PTH118, PTH120 - pathlib is not imported yet


def _compiled() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(TREE.read(COMPILED)) if COMPILED in TREE.files else {"modules": {}, "users": []}
    return found


class _Explainer:
    """The last finder: turns `No module named …` into the reason, as the same exception, so that optional imports stay optional."""

    def __init__(self) -> None:
        self._modules: dict[str, str] | None = None

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if self._modules is None:
            self._modules = _compiled()["modules"]
        if name in self._modules:
            reason = f"{name} is compiled code of the package {self._modules[name]}, which does not run in a component"
            # Not with the name of the module: `from package import module` would drop this and report less.
            raise ModuleNotFoundError(f"No module named {name!r}: {reason}", name=f"{name} (compiled)")
        if name in _STANDARD:
            raise ModuleNotFoundError(f"No module named {name!r} in a component: {_STANDARD[name]}", name=name)


def _no_sockets(*_: Any, **__: Any) -> NoReturn:
    raise OSError("A component has no sockets: send requests with host.http.fetch")


def install() -> None:
    """Explains from now on."""
    # After the modules that come before have chosen their own ways without: `shutil` offers no bzip2, `asyncio` no TLS.
    sys.path.append(_STAND_INS)
    sys.meta_path.append(_Explainer())  # type: ignore[arg-type]
    for name in ("create_connection", "create_server", "getaddrinfo", "gethostbyname", "socketpair"):
        setattr(socket, name, _no_sockets)
    for name in ("__init__", "connect", "connect_ex", "bind", "sendto"):
        setattr(socket.socket, name, _no_sockets)


def _imports(tree: ast.AST) -> dict[str, int]:
    """The modules that import statements name, at any depth, each with a line; for `from a import b` also `a.b`, which may be one."""
    lines: dict[str, int] = {}
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names if alias.name != "*")]
        for name in names:
            lines.setdefault(name, node.lineno)
    return lines


def check_imports(sources: str) -> None:
    """Imports what the modules below `sources` import inside functions from packages that may need compiled parts.

    Raises what such an import raises when a compiled part is missing: better now than in a call.
    """
    compiled = _compiled()
    users = set(compiled["users"])
    for path in list(TREE.files) if users else ():
        if path.startswith(f"{sources}/") and path.endswith(".py"):
            for name, line in sorted(_imports(ast.parse(TREE.read(path))).items()):
                if name.partition(".")[0] in users:
                    _check(name, path, line, compiled["modules"])


def _check(name: str, path: str, line: int, compiled: dict[str, str]) -> None:
    # Code with the place of the author's statement, so that the traceback leads there.
    statement = compile("\n" * (line - 1) + f"import {name}", path, "exec")
    try:
        exec(statement, {})  # noqa: S102 - an import statement of the project, with a name that the parser has accepted
    except Exception as error:
        if any(module in str(error) for module in compiled):
            raise
