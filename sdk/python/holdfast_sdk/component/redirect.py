"""Makes Python's own functions for files read from the file tree: `open`, `os.stat`, `os.scandir`, … and with them `pathlib`, `import`,
`importlib.resources`, `pkgutil.get_data`, `linecache` and every package that reads its data files."""

from __future__ import annotations

import _io
import builtins
import errno
import io
import os
import posix
import stat
import sys
from collections.abc import Iterator
from typing import Any

from holdfast_sdk.component.file_tree import TREE
from holdfast_sdk.component.temporary import WrittenFile, is_temporary, make_folder, remove

_real_open = _io.open
_real_open_code = _io.open_code
_real = {name: getattr(posix, name) for name in ("stat", "lstat", "listdir", "scandir", "access", "unlink", "remove", "rmdir", "mkdir")}


class _File(io.BytesIO):
    """A file that is open for reading."""

    def __init__(self, path: str, name: Any) -> None:
        super().__init__(TREE.read(path))
        self.name = name
        self.mode = "rb"

    def writable(self) -> bool:
        return False

    def write(self, _: Any) -> int:
        raise io.UnsupportedOperation("write")


def _open(
    file: Any,
    mode: str = "r",
    buffering: int = -1,
    encoding: str | None = None,
    errors: str | None = None,
    newline: str | None = None,
    closefd: bool = True,
    opener: Any = None,
) -> Any:
    writes = bool(set(mode) & set("wax+"))
    path = is_temporary(file) if writes else TREE.locate(file)
    if path is not None and writes and opener is None:
        written = WrittenFile(path, file, mode)
        return written if "b" in mode else io.TextIOWrapper(written, encoding or "utf-8", errors, newline, write_through=True)
    path = TREE.locate(file)
    if path is None or opener is not None:
        return _real_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
    if writes:
        raise OSError(errno.EROFS, "The files of a component are read-only; keep data in host.storage", file)
    if "b" in mode:
        if encoding is not None or errors is not None or newline is not None:
            raise ValueError("binary mode doesn't take an encoding, errors or newline argument")
        return _File(path, file)
    return io.TextIOWrapper(_File(path, file), encoding or "utf-8", errors, newline)


def _open_code(path: str) -> Any:
    found = TREE.locate(path)
    return _real_open_code(path) if found is None else _File(found, path)


def _stat(path: Any, *args: Any, **kwargs: Any) -> Any:
    found = TREE.locate(path)
    return _real["stat"](path, *args, **kwargs) if found is None else TREE.status(found)


def _lstat(path: Any, *args: Any, **kwargs: Any) -> Any:
    found = TREE.locate(path)
    return _real["lstat"](path, *args, **kwargs) if found is None else TREE.status(found)


def _access(path: Any, mode: int, *args: Any, **kwargs: Any) -> bool:
    found = TREE.locate(path)
    return bool(_real["access"](path, mode, *args, **kwargs)) if found is None else not mode & os.W_OK


def _listdir(path: Any = ".") -> list[Any]:
    found = TREE.locate("." if path is None else path)
    if found is None:
        names: list[Any] = _real["listdir"](path)
        return names
    names = TREE.names(found)
    return [os.fsencode(name) for name in names] if isinstance(path, bytes) else names


class _Entry:
    """As `os.DirEntry`."""

    def __init__(self, folder: Any, name: Any) -> None:
        self.name = name
        self.path = os.path.join(folder, name)  # noqa: PTH118 - as os.DirEntry does

    def stat(self, *, follow_symlinks: bool = True) -> Any:
        return _stat(self.path)

    def inode(self) -> int:
        return int(self.stat().st_ino)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        return stat.S_ISDIR(self.stat().st_mode)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        return stat.S_ISREG(self.stat().st_mode)

    def is_symlink(self) -> bool:
        return False

    def is_junction(self) -> bool:
        return False

    def __fspath__(self) -> Any:
        return self.path


class _Scan:
    """As what `os.scandir` returns."""

    def __init__(self, folder: Any) -> None:
        self._entries: Iterator[_Entry] = iter([_Entry(folder, name) for name in _listdir(folder)])

    def __iter__(self) -> _Scan:
        return self

    def __next__(self) -> _Entry:
        return next(self._entries)

    def __enter__(self) -> _Scan:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._entries = iter(())


def _unlink(path: Any, *args: Any, **kwargs: Any) -> None:
    found = is_temporary(path)
    if found is None:
        _real["unlink"](path, *args, **kwargs)
    else:
        remove(found)


def _rmdir(path: Any, *args: Any, **kwargs: Any) -> None:
    found = is_temporary(path)
    if found is None:
        _real["rmdir"](path, *args, **kwargs)
    else:
        remove(found)


def _mkdir(path: Any, *args: Any, **kwargs: Any) -> None:
    found = is_temporary(path)
    if found is None:
        _real["mkdir"](path, *args, **kwargs)
    else:
        make_folder(found)


def _scandir(path: Any = ".") -> Any:
    folder = "." if path is None else path
    return _real["scandir"](path) if TREE.locate(folder) is None else _Scan(folder)


def install() -> None:
    """Replaces the functions, also where a module has imported them by name already."""
    new: dict[Any, Any] = {
        _real_open: _open,
        _real_open_code: _open_code,
        _real["stat"]: _stat,
        _real["lstat"]: _lstat,
        _real["listdir"]: _listdir,
        _real["scandir"]: _scandir,
        _real["access"]: _access,
        _real["unlink"]: _unlink,
        _real["remove"]: _unlink,
        _real["rmdir"]: _rmdir,
        _real["mkdir"]: _mkdir,
    }
    by_identity = {id(old): replacement for old, replacement in new.items()}
    for module in list(sys.modules.values()):
        if module is not sys.modules[__name__]:
            names = vars(module)
            for name, value in list(names.items()):
                if id(value) in by_identity:
                    names[name] = by_identity[id(value)]
    builtins.open = _open
    # Functions that decide by membership whether they may follow links or take a file descriptor.
    for group in (os.supports_fd, os.supports_follow_symlinks, os.supports_dir_fd):
        group.difference_update(new)
