"""A folder of Unix sockets at which one service listens: a socket for each of its processes, `0.sock`, `1.sock`, and so on.

    lock the folder ──busy──▶ SocketFolderUnusable
         │
         ▼
    is the path of an earlier run there? ──a socket without a listener───────▶ remove it
         │ no                             ──anything else───────────────────▶ SocketFolderUnusable
         ▼
    bind ─▶ mode 0600 ─▶ listen (until then the system refuses callers) ──end──▶ remove what is still ours, release the lock

The lock (flock) ends with the process that holds it, so a killed service leaves files behind, but no lock.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from holdfast.concurrency.workspaces import TEMPORARY_PREFIX, temporary_folder
from holdfast.errors import HoldfastError
from holdfast.processes.sockets import BACKLOG

MAX_PATH_BYTES = 103
"""What `sun_path` holds on every system that we run on, without the byte that ends it: 107 on Linux, 103 on macOS (unix(7), unix(4))."""

_LOCK = "lock"
_PURPOSE = "sockets"
_SUFFIX = ".sock"


class SocketFolderUnusable(HoldfastError):
    """Raised when no Unix socket can be made in the folder: it is not private, its path is too long, or another service listens there."""

    code = "socket_folder_unusable"
    status = 400


def is_short_enough(folder: Path) -> bool:
    """Whether the paths of 1,000 sockets in the folder fit into a socket address."""
    return len(os.fsencode(socket_path(folder, 999))) <= MAX_PATH_BYTES


def socket_path(folder: Path, index: int) -> Path:
    """The socket of the process with this index."""
    return folder.absolute() / f"{index}{_SUFFIX}"


def sockets_in(folder: Path) -> list[str]:
    """The paths of the sockets in the folder, by index. A killed service may have left them. Empty when the folder cannot be read."""
    try:
        found = [path for path in folder.absolute().iterdir() if path.suffix == _SUFFIX and path.stem.isdecimal()]
    except OSError:
        return []
    return [str(path) for path in sorted(found, key=lambda path: int(path.stem))]


@contextmanager
def temporary_socket_folder() -> Iterator[Path | None]:
    """A new folder for the sockets of one run (mode 0700), removed at the end of the block. None where its path would be too long."""
    for parent in dict.fromkeys((tempfile.gettempdir(), "/tmp")):  # noqa: S108 - the folder in it has a random name, and is private
        if is_short_enough(Path(parent, f"{TEMPORARY_PREFIX}{_PURPOSE}-0123456789abcdef")):
            with temporary_folder(_PURPOSE, Path(parent)) as folder:
                yield folder
            return
    yield None


def remove_left_behind(path: Path) -> None:
    """Removes a socket in a `temporary_socket_folder` whose owner, another process, was killed; the last one also removes the folder."""
    folder = path.parent
    if not folder.name.startswith(f"{TEMPORARY_PREFIX}{_PURPOSE}-"):
        return  # the next run in it removes it
    path.unlink(missing_ok=True)
    if not sockets_in(folder):
        with suppress(OSError):
            (folder / _LOCK).unlink(missing_ok=True)
            folder.rmdir()


@contextmanager
def listen_in(folder: Path, count: int) -> Iterator[list[socket.socket]]:
    """`count` sockets that listen in the folder, each with mode 0600, within the block. The folder is made (mode 0700) if it is missing.

    Raises SocketFolderUnusable.
    """
    with ExitStack() as held:
        _make_private(folder)
        held.enter_context(_locked(folder))
        yield [held.enter_context(listen_at(socket_path(folder, index))) for index in range(count)]


def _make_private(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
    except OSError as failed:
        raise _unusable(folder, f"it cannot be made: {failed.strerror}") from failed
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o022:
        raise _unusable(folder, "other users own it or may write to it", hint="Make it yours, with mode 0700.")
    if not is_short_enough(folder):
        raise _unusable(folder, f"the path of a socket has at most {MAX_PATH_BYTES} bytes", hint="Choose a shorter path.")


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    opened = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as failed:
        raise _unusable(folder, "another process listens there", hint="Stop it, or choose another folder.") from failed
    finally:
        os.close(opened)


@contextmanager
def listen_at(path: Path) -> Iterator[socket.socket]:
    """A socket that listens at this path (mode 0600) within the block. What a killed process left there is removed.

    The caller holds a lock that keeps other services from the same path. Raises SocketFolderUnusable.
    """
    _remove_stale(path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as bound:
        try:
            bound.bind(str(path))
            path.chmod(0o600)
            made = path.stat()
            bound.listen(BACKLOG)
        except OSError as failed:
            raise _unusable(path.parent, failed.strerror or str(failed)) from failed
        try:
            yield bound
        finally:
            with suppress(FileNotFoundError):
                if os.path.samestat(path.stat(), made):
                    path.unlink()


def _remove_stale(path: Path) -> None:
    """Removes a socket without a listener. Raises SocketFolderUnusable for one that is in use, and for any other file."""
    try:
        is_socket = stat.S_ISSOCK(path.lstat().st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        raise _unusable(path.parent, f"{path.name} in it is not a socket", hint="Remove it, or choose another folder.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        # Does not wait: a full queue is a service that listens.
        probe.setblocking(False)
        if probe.connect_ex(str(path)) != errno.ECONNREFUSED:
            raise _unusable(path.parent, "another process listens there", hint="Stop it, or choose another folder.")
    path.unlink(missing_ok=True)


def _unusable(folder: Path, reason: str, *, hint: str = "Choose another folder.") -> SocketFolderUnusable:
    return SocketFolderUnusable(f"The folder {folder} cannot hold Unix sockets: {reason}.", hint=hint)
