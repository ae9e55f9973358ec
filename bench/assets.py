"""Files of pages against Starlette's `StaticFiles` with the same file, in the same run. `python -m bench.assets [--quick]`.

Each contestant is a server process of its own: uvicorn with httptools and uvloop on loopback. The client only counts bytes.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import httpx2
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from bench.engine import interleaved
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from holdfast.events import MemoryStream
from holdfast.runner.endpoints.app import create_app
from holdfast.runner.install_lookup.validator import InstallValidator
from holdfast.runner.services import RunnerServices
from holdfast.settings import Settings
from tests.bundles.archives import bundle

ROOT = Path(__file__).parents[1]
QUICK = "--quick" in sys.argv
CONNECTIONS = 8
REQUESTS = 1_000 if QUICK else 3_000
SIZE = 20 * 1024
TENANT, EXTENSION = "tenant-a", "extension-a"


async def ours(folder: Path) -> ASGIApp:
    """The runner as it is: strict, asking a registry that says yes."""
    yes = httpx2.MockTransport(lambda request: httpx2.Response(200, json={"valid": True, "tenant_id": TENANT}))
    fields: dict[str, Any] = {"_env_file": None, "data_dir": folder / "data", "runner_service_token": "t", "engine_pool": False}
    validator = InstallValidator("http://registry", {}, transport=yes)
    return create_app(await RunnerServices.open(Settings(**fields), events=MemoryStream(), validator=validator))


async def starlette(folder: Path) -> ASGIApp:
    return Starlette(routes=[Mount("/files", StaticFiles(directory=folder / "files"))])


SERVERS = {"ours": ours, "StaticFiles": starlette}


async def serve(name: str, folder: Path, descriptor: int) -> None:
    config = uvicorn.Config(
        await SERVERS[name](folder), http="httptools", ws="none", lifespan="off", log_config=None, access_log=False, server_header=False
    )
    await uvicorn.Server(config).serve(sockets=[socket.socket(fileno=descriptor)])


class Client(asyncio.Protocol):
    """Sends a request again each time an answer has arrived: answers to the same request have the same length."""

    def __init__(self, request: bytes, answer_bytes: int, left: list[int], done: asyncio.Future[None]) -> None:
        self._request, self._answer_bytes, self._left, self._done = request, answer_bytes, left, done
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._next()

    def data_received(self, data: bytes) -> None:
        self._missing -= len(data)
        if self._missing == 0:
            self._next()
        elif self._missing < 0 and not self._done.done():
            self._done.set_exception(AssertionError("an answer is longer than the first one was"))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_exception(exc or ConnectionError("the server closed a connection"))

    def _next(self) -> None:
        if self._left[0]:
            self._left[0] -= 1
            self._missing = self._answer_bytes
            self._transport.write(self._request)
            return
        self._left[1] -= 1
        if self._left[1] == 0 and not self._done.done():
            self._done.set_result(None)


async def first_answer(port: int, request: bytes, status: int) -> bytes:
    """Checks what is measured. A queued connection waits until the server is there."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status), head
    assert b"content-encoding" not in head
    body = await reader.readexactly(SIZE) if status == 200 else b""
    writer.close()
    return head + body


def requesting(port: int, request: bytes, answer: bytes) -> Callable[[], Awaitable[float]]:
    async def measure() -> float:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        left = [REQUESTS, CONNECTIONS]
        transports = []
        started = time.perf_counter()
        for _ in range(CONNECTIONS):
            transport, _ = await loop.create_connection(lambda: Client(request, len(answer), left, done), "127.0.0.1", port)
            transports.append(transport)
        await done
        seconds = time.perf_counter() - started
        for transport in transports:
            transport.close()
        return REQUESTS / seconds

    return measure


def get(path: str, **headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "host: 127.0.0.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def tag(answer: bytes) -> str:
    return next(line.partition(b": ")[2].decode() for line in answer.split(b"\r\n") if line.lower().startswith(b"etag:"))


async def compared(ports: dict[str, int], paths: dict[str, str]) -> dict[str, Any]:
    whole, unchanged = {}, {}
    for name, port in ports.items():
        answer = await first_answer(port, get(paths[name]), 200)
        whole[name] = requesting(port, get(paths[name]), answer)
        again = get(paths[name], if_none_match=tag(answer))
        unchanged[name] = requesting(port, again, await first_answer(port, again, 304))
    files, not_modified = await interleaved(whole), await interleaved(unchanged)
    return {
        "20 KiB, a second": {name: round(value) for name, value in files.median.items()},
        "304, a second": {name: round(value) for name, value in not_modified.median.items()},
        "files faster than StaticFiles by": files.ratio("ours", "StaticFiles"),
        "304s faster than StaticFiles by": not_modified.ratio("ours", "StaticFiles"),
    }


def start(name: str, folder: Path, closing: ExitStack) -> int:
    """Starts a contestant's process, which ends with `closing`, and returns its port."""
    listening = closing.enter_context(socket.create_server(("127.0.0.1", 0), backlog=128))
    command = [sys.executable, "-m", "bench.assets", "--serve", name, str(folder), str(listening.fileno())]
    process = closing.enter_context(subprocess.Popen(command, cwd=ROOT, stdout=sys.stderr, pass_fds=[listening.fileno()]))
    closing.callback(process.kill)
    return int(listening.getsockname()[1])


async def run() -> dict[str, Any]:
    """`{"files of pages": measures}`."""
    content = random.Random(1).randbytes(SIZE)
    with tempfile.TemporaryDirectory() as made, ExitStack() as closing:
        folder = Path(made)
        (folder / "files").mkdir()
        (folder / "files" / "app.js").write_bytes(content)
        archive = bundle(folder / "made.tar.zst", {"ui/assets/app.js": content})
        digest = hash_file(archive)
        await FolderStore(folder / "data" / "bundles").put(bundle_key(TENANT, EXTENSION, digest), archive)
        ports = {name: start(name, folder, closing) for name in SERVERS}
        paths = {"ours": f"/ext-ui/{EXTENSION}/sha256:{digest}/assets/app.js?tenant={TENANT}", "StaticFiles": "/files/app.js"}
        return {"files of pages": await compared(ports, paths)}


def main() -> None:
    if "--serve" in sys.argv:
        name, folder, descriptor = sys.argv[sys.argv.index("--serve") + 1 :][:3]
        uvloop.run(serve(name, Path(folder), int(descriptor)))
        return
    print(json.dumps(uvloop.run(run()), indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
