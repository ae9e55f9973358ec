"""The first call after a pause, as people make calls: against a bare Starlette application after the same pause, in the same run.

What was not used for a second is slow to use again: caches of the processor, pages, sleeping processes. So besides the times it reports
what each request touches: page faults and context switches of the processes that serve it.
"""

from __future__ import annotations

import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil

from bench.gateway.load import QUICK
from bench.gateway.platforms import Running, extension, platform
from tests.engine import toolchains
from tests.waiting import wait_until

PAUSE_SECONDS = 1.0
SAMPLES = 5 if QUICK else 20

_BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
async def respond(request):
    return PlainTextResponse("ok")
app = Starlette(routes=[Route("/", respond)])
uvicorn.run(app, port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="critical", access_log=False)
"""


@dataclass
class Target:
    """A request on a connection that stays open, and the processes that serve it."""

    url: str
    pids: Sequence[int]
    headers: Mapping[str, str] = field(default_factory=dict)
    milliseconds: list[float] = field(default_factory=list)
    faults: list[int] = field(default_factory=list)
    switches: list[int] = field(default_factory=list)

    def open(self) -> None:
        parts = urlsplit(self.url)
        self._connection = socket.create_connection((str(parts.hostname), parts.port or 80))
        lines = [
            f"GET {parts.path or '/'} HTTP/1.1",
            f"host: {parts.netloc}",
            *(f"{name}: {value}" for name, value in self.headers.items()),
        ]
        self._request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self.send()

    def send(self) -> None:
        """Sends the request and reads the response, which must be a success with a length."""
        self._connection.sendall(self._request)
        received = b""
        while not _is_complete(received):
            received += (piece := self._connection.recv(65_536))
            assert piece and received.startswith(b"HTTP/1.1 200"), received

    def measure(self) -> None:
        """One sample after the pause."""
        faults, switches = self._faults(), self._switches()
        time.sleep(PAUSE_SECONDS)
        started = time.perf_counter()
        self.send()
        self.milliseconds.append((time.perf_counter() - started) * 1_000)
        self.faults.append(self._faults() - faults)
        self.switches.append(self._switches() - switches)

    def shown(self) -> dict[str, Any]:
        return {
            "median, ms": round(statistics.median(self.milliseconds), 2),
            "page faults": round(statistics.median(self.faults)),
            "context switches, with those of the pause": round(statistics.median(self.switches)),
        }

    def _faults(self) -> int:
        # Of the fields after the name in parentheses, the 8th is minor faults, the 10th major faults.
        fields = (Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.pids)
        return sum(int(values[7]) + int(values[9]) for values in fields)

    def _switches(self) -> int:
        counted = (psutil.Process(pid).num_ctx_switches() for pid in self.pids)
        return sum(one.voluntary + one.involuntary for one in counted)


def _is_complete(received: bytes) -> bool:
    head, found, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return bool(found) and length is not None and len(body) >= int(length[1])


def idle(folder: Path, database: str | None) -> dict[str, Any]:
    """Medians of the first request after a second without any."""
    archive = extension(folder / "hello.tar.zst", toolchains.build("hello (QuickJS)"))
    with ExitStack() as running:
        bare = running.enter_context(_bare_application())
        own = running.enter_context(platform(folder / "idle", archive, database=database))
        targets = {"bare Starlette": bare, "/api/health": _health(own), "a call": _call(own)}
        for target in targets.values():
            target.open()
        for _ in range(SAMPLES):
            for target in targets.values():
                target.measure()
    times = {name: statistics.median(target.milliseconds) for name, target in targets.items()}
    return {name: target.shown() for name, target in targets.items()} | {
        "a call, times the bare application": round(times["a call"] / times["bare Starlette"], 2),
        "/api/health, times the bare application": round(times["/api/health"] / times["bare Starlette"], 2),
    }


def _health(running: Running) -> Target:
    return Target(f"{running.console}/api/health", _processes(running))


def _call(running: Running) -> Target:
    return Target(running.call, _processes(running), {"x-api-key": running.api_key})


def _processes(running: Running) -> list[int]:
    return [running.process, *(child.pid for child in psutil.Process(running.process).children(recursive=True))]


@contextmanager
def _bare_application() -> Iterator[Target]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-c", _BARE, str(port)])
    try:
        wait_until(lambda: _accepts(port))
        yield Target(f"http://127.0.0.1:{port}/", [process.pid])
    finally:
        process.terminate()
        process.wait()


def _accepts(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
