"""A plain web server as bundle store: it serves the files of a folder without authentication and records requests."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

StoreRequest = tuple[str, str, dict[str, str]]
"""Method, path with query, headers by lower-case name."""


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, requests: list[StoreRequest], *arguments: Any, **options: Any) -> None:
        self._requests = requests
        super().__init__(*arguments, **options)

    def send_head(self) -> Any:
        self._requests.append((self.command, self.path, {name.lower(): value for name, value in self.headers.items()}))
        return super().send_head()

    def log_message(self, *arguments: object) -> None:  # quiet: the tests read `requests`
        pass


class FileServer:
    """Runs on its own thread, so that it can respond to another process while the test waits."""

    def __init__(self, folder: Path) -> None:
        self.requests: list[StoreRequest] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self.requests, directory=str(folder)))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
