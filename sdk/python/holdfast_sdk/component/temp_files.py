"""The module `tempfile`, with files in memory. `mkstemp` is not there: a component has no file descriptors."""

from __future__ import annotations

import io
import itertools
import posixpath
import shutil
import tempfile
from typing import Any

from holdfast_sdk.component.temporary import FOLDER, make_folder

_numbers = itertools.count()


def _new_path(prefix: Any, suffix: Any, folder: Any) -> str:
    return posixpath.join(folder or FOLDER, f"{prefix or 'tmp'}{next(_numbers)}{suffix or ''}")


def _named(
    mode: str = "w+b",
    buffering: int = -1,
    encoding: Any = None,
    newline: Any = None,
    suffix: Any = None,
    prefix: Any = None,
    dir: Any = None,  # noqa: A002 - the names are those of the standard library
    delete: bool = True,
    *,
    errors: Any = None,
    delete_on_close: bool = True,
) -> Any:
    path = _new_path(prefix, suffix, dir)
    file = open(path, mode, buffering, encoding, errors, newline)  # noqa: PTH123, SIM115 - returned to the caller
    return tempfile._TemporaryFileWrapper(file, path, delete, delete_on_close)  # type: ignore[attr-defined]


def _unnamed(
    mode: str = "w+b", buffering: int = -1, encoding: Any = None, newline: Any = None, *_: Any, errors: Any = None, **__: Any
) -> Any:
    file = io.BytesIO()
    return file if "b" in mode else io.TextIOWrapper(file, encoding or "utf-8", errors, newline)


def _mkdtemp(suffix: Any = None, prefix: Any = None, dir: Any = None) -> str:  # noqa: A002
    path = _new_path(prefix, suffix, dir)
    make_folder(path)
    return path


def install() -> None:
    """Makes the module `tempfile` use them."""
    make_folder(FOLDER)
    # Removing a folder by file descriptors, as shutil prefers, is not possible.
    shutil._use_fd_functions = False  # type: ignore[attr-defined]
    tempfile.tempdir = FOLDER
    tempfile.NamedTemporaryFile = _named  # type: ignore[misc,assignment]
    tempfile.TemporaryFile = _unnamed  # type: ignore[assignment]
    tempfile.mkdtemp = _mkdtemp  # type: ignore[assignment]
