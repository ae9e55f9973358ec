"""The lock of a data folder, which one platform at a time holds, and platform.json, which has its addresses.

platform.lock (flock)      platform.json     a command finds
─────────────────────      ─────────────     ─────────────────────────────
free                       absent            no platform
exclusive, by a platform   absent            a platform that is starting
exclusive, by a platform   present           a running platform
free                       left behind       no platform: it was killed

The kernel releases the lock with the process, however it ends, so platform.json counts only while the lock is held. A command probes
with a shared lock, which it holds for an instant; a platform that starts therefore tries several times.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from types import TracebackType

import msgspec

from holdfast.errors import HoldfastError

LOCK_FILE = "platform.lock"
STATE_FILE = "platform.json"
CONSOLE_ORIGIN = "http://localhost:3000"
"""The origin of the console when the platform is started without options."""

LOCK_TRIES = 5
LOCK_PAUSE_SECONDS = 0.02


class RunningPlatform(msgspec.Struct, frozen=True, kw_only=True):
    """A running platform: its process id and the HTTP origins of console (with gateway) and runner."""

    pid: int
    console: str
    runner: str


class DataFolderInUse(HoldfastError):
    """Raised when another platform runs on the data folder."""

    code = "data_folder_in_use"
    status = 409


class DataFolderUnusable(HoldfastError):
    """Raised when the data folder cannot be created or written."""

    code = "data_folder_unusable"
    status = 400


class NotRunning(HoldfastError):
    """Raised when a command needs a running platform and none runs on the data folder."""

    code = "not_running"
    status = 503


class DataFolderLock:
    """The exclusive lock of a data folder, held while a platform runs."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._file: int | None = None

    def __enter__(self) -> DataFolderLock:
        """Creates the folder (mode 0700) and acquires the lock. Raises DataFolderInUse or DataFolderUnusable."""
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened = os.open(self._data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as failed:
            raise DataFolderUnusable(
                f"Cannot use the data folder {self._data_dir}: {failed.strerror}.",
                hint="Choose another with --data-dir.",
            ) from failed
        if not _acquire(opened):
            os.close(opened)
            raise _in_use(self._data_dir)
        self._file = opened
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Removes platform.json and releases the lock."""
        if self._file is not None:
            (self._data_dir / STATE_FILE).unlink(missing_ok=True)
            os.close(self._file)
            self._file = None


def write_state(data_dir: Path, running: RunningPlatform) -> None:
    """Writes platform.json (mode 0600) atomically. The caller must hold the lock."""
    draft = data_dir / f".{STATE_FILE}.new"
    draft.unlink(missing_ok=True)
    opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "wb") as file:
        file.write(msgspec.json.encode(running) + b"\n")
    draft.replace(data_dir / STATE_FILE)


def is_locked(data_dir: Path) -> bool:
    """Whether a platform runs on the folder, starts, or stops."""
    try:
        # Reading is enough for the lock, and works on the folder of another user too.
        opened = os.open(data_dir / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(opened)
    return False


def find_platform(data_dir: Path) -> RunningPlatform | None:
    """The platform that runs on the folder, or None. It is also None while a platform starts."""
    return _read_state(data_dir) if is_locked(data_dir) else None


def extension_url(data_dir: Path, registry_id: str) -> str:
    """The address of an extension's page in the console of the folder: the running one, or the default one when none runs."""
    running = find_platform(data_dir)
    return page_of(running.console if running is not None else CONSOLE_ORIGIN, registry_id)


def page_of(console: str, registry_id: str) -> str:
    """The address of an extension's page below the console's origin."""
    return f"{console}/msp/extensions/{registry_id}/"


def require_platform(data_dir: Path) -> RunningPlatform:
    """The platform that runs on the folder. Raises NotRunning."""
    running = find_platform(data_dir)
    if running is None:
        raise NotRunning(f"No platform is running on the data folder {data_dir}.", hint="Start it with: holdfast up")
    return running


def _acquire(opened: int) -> bool:
    # Several attempts: `find_platform` of another command holds a shared lock for an instant.
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_PAUSE_SECONDS)
        else:
            return True
    return False


def _read_state(data_dir: Path) -> RunningPlatform | None:
    try:
        return msgspec.json.decode((data_dir / STATE_FILE).read_bytes(), type=RunningPlatform)
    except (OSError, msgspec.MsgspecError):
        return None


def _in_use(data_dir: Path) -> DataFolderInUse:
    running = _read_state(data_dir)
    where = "" if running is None else f" at {running.console} (pid {running.pid})"
    return DataFolderInUse(
        f"A platform already runs on the data folder {data_dir}{where}.", hint="Stop it first, or choose another folder with --data-dir."
    )
