"""The Unix socket `platform.sock` in a data folder (mode 0600), and who is at its other end."""

from __future__ import annotations

import os
import socket
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holdfast.concurrency.workspaces import TEMPORARY_PREFIX, temporary_folder
from holdfast.processes.unix_sockets import MAX_PATH_BYTES, listen_at

SOCKET_FILE = "platform.sock"

_PURPOSE = "control"
_LINK = "data"
_MACOS_PEER = (0, 1, "2i", 76)
"""SOL_LOCAL, LOCAL_PEERCRED, and the beginning of `struct xucred`: version and user id (unix(4) of macOS)."""


@contextmanager
def listen_in_data_folder(data_dir: Path) -> Iterator[socket.socket]:
    """A socket that listens in the data folder within the block. The caller holds the folder's lock. Raises SocketFolderUnusable."""
    with short_path(data_dir) as path, listen_at(path) as listening:
        yield listening


@contextmanager
def short_path(data_dir: Path) -> Iterator[Path]:
    """A path of the folder's socket that fits into a socket address, which holds about 100 bytes: its own, or one through a link."""
    own = data_dir.absolute() / SOCKET_FILE
    if _fits(own):
        yield own
        return
    with temporary_folder(_PURPOSE, _parent_of_links()) as folder:
        (folder / _LINK).symlink_to(own.parent, target_is_directory=True)
        yield folder / _LINK / SOCKET_FILE


def peer_uid(connection: socket.socket) -> int:
    """The user id of the process at the other end of a Unix socket. Raises OSError."""
    if sys.platform == "darwin":
        level, option, form, size = _MACOS_PEER
        return int(struct.unpack_from(form, connection.getsockopt(level, option, size))[1])
    form = "3i"
    return int(struct.unpack(form, connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(form)))[1])


def _fits(path: Path) -> bool:
    return len(os.fsencode(path)) <= MAX_PATH_BYTES


def _parent_of_links() -> Path:
    """The system's folder for temporary files, or /tmp where its own path is too long. The folder in it has a random name."""
    parent = Path(tempfile.gettempdir())
    name = f"{TEMPORARY_PREFIX}{_PURPOSE}-0123456789abcdef"
    return parent if _fits(parent / name / _LINK / SOCKET_FILE) else Path("/tmp")  # noqa: S108 - the folder in it is private
