"""The platforms that the user runs: a file for each in `$XDG_STATE_HOME/holdfast/platforms`, which has the path of its data folder only.

a platform has its lock ──▶ lock the record ──▶ write its file ······▶ (runs) ······▶ remove it, release the lock of the data folder
a command reads the record ──▶ lock of the data folder free? ──▶ lock the record ──▶ still free? ──▶ remove the file

So a file is removed only while no platform runs, by any command, and a platform that starts meanwhile writes it afterwards.
The record helps to find platforms; the lock of a data folder decides whether one runs. Whatever fails here stops nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from holdfast.platform.lock_file import is_locked

STATE_VARIABLE = "XDG_STATE_HOME"
MAX_PLATFORMS = 100
"""Files of the record that are read; more are the work of something else."""

_MAX_PATH_BYTES = 4_096
_LOCK_TRIES = 50
_LOCK_PAUSE_SECONDS = 0.02


@contextmanager
def recorded(data_dir: Path) -> Iterator[bool]:
    """Keeps the platform of this data folder in the record within the block. The caller holds the folder's lock.

    False when the record cannot be written, for example because the home folder is read-only.
    """
    file = _write(data_dir.resolve())
    try:
        yield file is not None
    finally:
        if file is not None:
            with suppress(OSError):
                file.unlink()


def recorded_platforms() -> list[Path]:
    """The data folders of the user's running platforms, the one that started last first. Removes the files of those that ended."""
    folder = _folder()
    if folder is None or not _is_private(folder):
        return []
    found = list[tuple[float, Path]]()
    try:
        files = sorted(path for path in folder.iterdir() if not path.name.startswith("."))[:MAX_PLATFORMS]
    except OSError:
        return []
    for file in files:
        with suppress(OSError):
            data_dir = _read(file)
            if data_dir is not None and is_locked(data_dir):
                found.append((file.stat().st_mtime, data_dir))
            else:
                _remove_stale(folder, file)
    return [data_dir for _, data_dir in sorted(found, reverse=True)]


def _folder() -> Path | None:
    """The folder of the record; None for a user without home. A relative $XDG_STATE_HOME does not count (XDG Base Directory)."""
    state = os.environ.get(STATE_VARIABLE, "")
    try:
        base = Path(state) if os.path.isabs(state) else Path.home() / ".local" / "state"  # noqa: PTH117 - an empty text is no path
    except RuntimeError:
        return None
    return base / "holdfast" / "platforms"


def _is_private(folder: Path) -> bool:
    """Whether the folder belongs to this user alone: with sudo, the home folder can be another user's."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def _write(data_dir: Path) -> Path | None:
    folder = _folder()
    if folder is None:
        return None
    file = folder / hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:32]
    draft = folder / f".{file.name}.{os.getpid()}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not _is_private(folder):
            return None
        with _locked(folder):
            draft.unlink(missing_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(os.fsencode(data_dir))
            draft.replace(file)
    except OSError:
        return None
    return file


def _read(file: Path) -> Path | None:
    with file.open("rb") as opened:
        path = os.fsdecode(opened.read(_MAX_PATH_BYTES))
    return Path(path) if os.path.isabs(path) and "\0" not in path else None  # noqa: PTH117 - text from a file, not yet a path


def _remove_stale(folder: Path, file: Path) -> None:
    with _locked(folder):
        data_dir = _read(file)
        if data_dir is None or not is_locked(data_dir):
            file.unlink(missing_ok=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds the lock of the record within the block. It does without, after a second, or on a file system that has no locks."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for _ in range(_LOCK_TRIES):
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(_LOCK_PAUSE_SECONDS)
            except OSError:
                break
        yield
    finally:
        os.close(opened)
