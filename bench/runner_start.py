"""From the start of a runner's process to its first answer: a call of a bundle that is in its cache, compiled."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import time
from pathlib import Path

from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from tests.bundles.archives import bundle
from tests.cli.command_runner import COMMAND, clean_environment
from tests.runner import guests
from tests.runner.conftest import EXTENSION, TENANT, TOKEN, call_body

_ENVIRONMENT = clean_environment(RUNNER_SERVICE_TOKEN=TOKEN, HOLDFAST_DATA_DIR="data", REGISTRY_BASE_URL="http://127.0.0.1:9")
_PAUSE_SECONDS = 0.001


class RunnerStart:
    """A folder with a bundle. The first start compiles it, and is not measured."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        archive = bundle(folder / "made.tar.zst", {"dist/main.wasm": guests.fine().read_bytes()})
        digest = hash_file(archive)
        asyncio.run(FolderStore(folder / "data" / "bundles").put(bundle_key(TENANT, EXTENSION, digest), archive))
        body = json.dumps(call_body(digest)).encode()
        head = (
            f"POST /v1/execute HTTP/1.1\r\nhost: runner\r\nx-runner-auth: {TOKEN}\r\nx-alga-tenant: {TENANT}\r\n"
            f"x-alga-extension: {EXTENSION}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        self._request = head.encode() + body
        self.child()

    def child(self) -> float:
        """Milliseconds for the process that `holdfast up` starts, on a socket that listens already."""
        with socket.create_server(("127.0.0.1", 0)) as listening:
            command = [sys.executable, "-m", "holdfast.runner", "--fd", str(listening.fileno())]
            return self._measure(command, listening.getsockname()[1], (listening.fileno(),))

    def command(self) -> float:
        """Milliseconds for `holdfast runner`, which opens its socket itself."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        return self._measure([*COMMAND, "runner", "--port", str(port)], port, ())

    def _measure(self, command: list[str], port: int, pass_fds: tuple[int, ...]) -> float:
        begin = time.perf_counter()
        quiet = subprocess.DEVNULL
        with subprocess.Popen(command, cwd=self._folder, env=_ENVIRONMENT, pass_fds=pass_fds, stdout=quiet, stderr=quiet) as process:
            try:
                with _connected(port) as connection:
                    connection.sendall(self._request)
                    answer = b""
                    while not answer.endswith(b"}"):
                        received = connection.recv(65_536)
                        assert received, answer
                        answer += received
                milliseconds = (time.perf_counter() - begin) * 1_000
                assert b'"error":null' in answer, answer
            finally:
                process.terminate()
        return milliseconds


def _connected(port: int) -> socket.socket:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(_PAUSE_SECONDS)
