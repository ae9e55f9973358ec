"""A server on a Unix socket whose connections a test reads and writes itself, step by step and without the client's event loop."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class ScriptedServer:
    """`accept` returns the next connection; the test does the rest."""

    def __init__(self, path: str, listening: socket.socket) -> None:
        self.path = path
        self._listening = listening

    def accept(self) -> socket.socket:
        connection, _ = self._listening.accept()
        return connection

    def has_connection(self) -> bool:
        """Whether another connection waits to be accepted."""
        self._listening.setblocking(False)
        try:
            self._listening.accept()[0].close()
        except BlockingIOError:
            return False
        finally:
            self._listening.setblocking(True)
        return True


@contextmanager
def scripted_server(folder: Path) -> Iterator[ScriptedServer]:
    with socket.socket(socket.AF_UNIX) as listening:
        path = str(folder / "s")
        listening.bind(path)
        listening.listen()
        yield ScriptedServer(path, listening)
