"""The connections to one runner: its port, and the Unix sockets of its processes when it is on this machine.

    request ──▶ the Unix socket with the fewest requests ──NotSent──▶ the next one ──NotSent──▶ the port
                     (none known: the port at once)

A Unix socket that refuses is forgotten; every second at most, the folder is read again.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from holdfast.http.client import HttpClient, NotSent, Response, UnixAddress, credentials_of, parse_origin
from holdfast.processes.unix_sockets import sockets_in

FOLDER_SECONDS = 1.0


class RunnerConnections:
    """Sends requests to one runner. Belongs to one event loop."""

    def __init__(self, base_url: str, headers: Mapping[str, str], *, socket_dir: Path | None = None) -> None:
        """`headers` go with every request. Raises ValueError when `base_url` is not an http(s) address."""
        address, prefix = parse_origin(base_url)
        self._headers = headers
        self._tcp = HttpClient(address, {**credentials_of(base_url), **headers}, prefix=prefix)
        self._socket_dir = socket_dir
        self._unix: list[HttpClient] = []
        self._forgotten: list[HttpClient] = []
        self._closing: set[asyncio.Task[None]] = set()
        self._read_folder_at = 0.0

    async def post(self, target: str, headers: Mapping[str, str], body: bytes, *, timeout: float, max_bytes: int) -> Response:
        """As `HttpClient.request`. Raises NotSent when none of the ways leads to the runner."""
        if self._socket_dir is None:
            return await self._tcp.request("POST", target, headers, body, timeout=timeout, max_bytes=max_bytes)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout
        if not self._unix:
            self._find_sockets(self._socket_dir, loop.time())
        while self._unix:
            client = min(self._unix, key=_running) if len(self._unix) > 1 else self._unix[0]
            try:
                return await client.request("POST", target, headers, body, timeout=deadline - loop.time(), max_bytes=max_bytes)
            except NotSent:
                self._forget(client)
        return await self._tcp.request("POST", target, headers, body, timeout=deadline - loop.time(), max_bytes=max_bytes)

    async def close(self) -> None:
        """Closes all connections; see `HttpClient.close`."""
        clients, self._unix, self._socket_dir = [self._tcp, *self._unix, *self._forgotten], [], None
        await asyncio.gather(*[client.close() for client in clients], *self._closing)

    def _find_sockets(self, folder: Path, now: float) -> None:
        if now < self._read_folder_at:
            return
        self._read_folder_at = now + FOLDER_SECONDS
        paths = sockets_in(folder)
        # Several gateway processes with few calls each should not all begin with the same process of the runner.
        first = os.getpid() % len(paths) if paths else 0
        self._unix = [HttpClient(UnixAddress(path), self._headers) for path in paths[first:] + paths[:first]]

    def _forget(self, client: HttpClient) -> None:
        """Sends no more requests there. Requests that run on its connections finish: a runner that stops completes what it has begun."""
        if client in self._unix:
            self._unix.remove(client)
            self._forgotten.append(client)
        for idle in [one for one in self._forgotten if not one.running]:
            self._forgotten.remove(idle)
            closing = asyncio.get_running_loop().create_task(idle.close())
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


def _running(client: HttpClient) -> int:
    return client.running
