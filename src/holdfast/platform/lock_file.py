"""Who runs on a data folder: the lock that lets one platform in, and platform.json, which says where it is."""

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
"""Where the console is once the platform is started without options."""

LOCK_TRIES = 5
LOCK_PAUSE_SECONDS = 0.02


class RunningPlatform(msgspec.Struct, frozen=True, kw_only=True):
    """Where a platform runs: its process id and the HTTP origins of console (with gateway) and runner."""

    pid: int
    console: str
    runner: str


class DataFolderInUse(HoldfastError):
    """A platform already runs on this data folder."""

    code = "data_folder_in_use"
    status = 409


class DataFolderUnusable(HoldfastError):
    """The data folder cannot be made or written."""

    code = "data_folder_unusable"
    status = 400


class NotRunning(HoldfastError):
    """The command needs a running platform, and none runs on this data folder."""

    code = "not_running"
    status = 503


class DataFolderLock:
    """Lets one platform run on a data folder. The kernel drops the lock with the process, however it ends."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._file: int | None = None

    def __enter__(self) -> DataFolderLock:
        """Makes the folder (mode 0700) and takes the lock. Raises DataFolderInUse or DataFolderUnusable."""
        try:
            self._data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened = os.open(self._data_dir / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as failed:
            raise DataFolderUnusable(
                f"The data folder {self._data_dir} cannot be used: {failed.strerror}.", hint="Name another with --data-dir."
            ) from failed
        if not _take(opened):
            os.close(opened)
            raise _in_use(self._data_dir)
        self._file = opened
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Removes platform.json and gives the lock back."""
        if self._file is not None:
            (self._data_dir / STATE_FILE).unlink(missing_ok=True)
            os.close(self._file)
            self._file = None


def announce(data_dir: Path, running: RunningPlatform) -> None:
    """Writes platform.json with mode 0600, whole or not at all. Only for who holds the lock."""
    draft = data_dir / f".{STATE_FILE}.new"
    draft.unlink(missing_ok=True)
    opened = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "wb") as file:
        file.write(msgspec.json.encode(running) + b"\n")
    draft.replace(data_dir / STATE_FILE)


def find_platform(data_dir: Path) -> RunningPlatform | None:
    """The platform that runs on the folder, or None. A file left behind by a killed platform does not count: its lock is gone."""
    try:
        opened = os.open(data_dir / LOCK_FILE, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_state(data_dir)
    finally:
        os.close(opened)
    return None


def extension_url(data_dir: Path, registry_id: str) -> str:
    """The address of an extension's page in the console that runs on the folder, or in the one that will."""
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


def _take(opened: int) -> bool:
    # Several tries: `find_platform` of another command holds the lock for an instant when it looks.
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
        f"A platform already runs on the data folder {data_dir}{where}.", hint="Stop it first, or name another folder with --data-dir."
    )
