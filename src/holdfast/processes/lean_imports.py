"""Loads two libraries without what they load besides and no service uses: together a quarter of the time that a runner needs to start.

- structlog loads rich, for coloured tracebacks with the values of variables. Our log never has those: tokens are among them.
- uvicorn loads click, for its own command line.

Both stay importable for anyone who needs them. A library that is loaded already is left as it is.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_COMMAND_LINE = "uvicorn.main"


def load_lean_libraries() -> None:
    """Call it before anything imports structlog or uvicorn."""
    load_lean_structlog()
    if "uvicorn" not in sys.modules:
        _load_uvicorn()


def load_lean_structlog() -> None:
    """For a process without a server. Call it before anything imports structlog."""
    if "structlog" not in sys.modules:
        with _hidden("rich"):
            importlib.import_module("structlog")


@contextmanager
def _hidden(name: str) -> Iterator[None]:
    """In this block, importing the module fails as if it were not installed, which structlog expects."""
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]


def _load_uvicorn() -> None:
    """Loads the package with a stand-in for the module of its command line, from which it takes three names."""
    stand_in = ModuleType(_COMMAND_LINE)
    names = ("Server", "main", "run")
    for name in names:
        setattr(stand_in, name, None)
    sys.modules[_COMMAND_LINE] = stand_in
    try:
        package = importlib.import_module("uvicorn")
    finally:
        del sys.modules[_COMMAND_LINE]
    for name in names:
        delattr(package, name)
    package.Server = importlib.import_module("uvicorn.server").Server  # type: ignore[attr-defined]
