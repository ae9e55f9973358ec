"""Explains what a component cannot have: compiled parts of packages, some modules of the standard library, sockets."""

from __future__ import annotations

import ast
import json
import socket
import sys
from typing import Any, NoReturn

from holdfast_sdk.component.file_tree import TREE

COMPILED = "/vendor/.compiled.json"
"""What the build knows: `modules` that exist only as compiled code, with their packages, and `users`, the packages that may need them."""
_STANDARD = {
    "_ssl": "TLS is made by the host: send requests with host.http.fetch",
    "_ctypes": "there are no native libraries",
    "_bz2": "use zlib or gzip",
    "_lzma": "use zlib or gzip",
    "_zstd": "use zlib or gzip",
    "_posixsubprocess": "there are no processes",
    "_multiprocessing": "there are no processes",
    "mmap": "there is no writable file system",
    "fcntl": "there is no writable file system",
}


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
    sys.meta_path.append(_Explainer())  # type: ignore[arg-type]
    for name in ("create_connection", "create_server", "getaddrinfo", "gethostbyname", "socketpair"):
        setattr(socket, name, _no_sockets)
    for name in ("connect", "connect_ex", "bind", "sendto"):
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
