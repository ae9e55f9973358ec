"""Shows the page of a development server (Vite) in the sandboxed frame: a proxy on loopback, its WebSocket included.

frame (opaque origin) ──▶ http://<secret>.localhost:PORT ──▶ this proxy ──▶ http://localhost:5173

A page in a frame without `allow-same-origin` has an opaque origin: browsers load its module scripts with CORS, and development servers
answer CORS only for origins of this machine, so that no website can read a developer's source. The proxy allows every origin, and is
therefore behind a host name that no one can guess: browsers resolve every name below `localhost` to this machine. The root path stays the
root, so nothing in the server's answers has to be rewritten.

Each connection carries one request (`Connection: close`), so bodies are passed on without being parsed.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

HEAD_LIMIT = 64 * 1024
HEAD_SECONDS = 30.0
CONNECT_SECONDS = 5.0
_PIECE = 64 * 1024
SANDBOX = "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads"
"""Opened by its address, outside the frame, the page has an opaque origin too."""
_HOP = frozenset({"connection", "keep-alive", "proxy-connection"})
_REPLACED = frozenset({"content-security-policy", "x-frame-options", "cross-origin-resource-policy", "cross-origin-opener-policy"})
_CORS = (
    ("access-control-allow-origin", "*"),
    ("access-control-allow-headers", "*"),
    ("access-control-allow-methods", "*"),
    ("cross-origin-resource-policy", "cross-origin"),
    ("content-security-policy", SANDBOX),
)

Headers = list[tuple[str, str]]


class PageProxy:
    """The proxy of one development server. `origin` is its address, `http://host:port` with an optional path."""

    def __init__(self, origin: str) -> None:
        parts = urlsplit(origin)
        self._origin = f"http://{parts.netloc}"
        self._netloc, self._host, self._port = parts.netloc, parts.hostname or "localhost", parts.port or 80
        self._path = f"{parts.path}/"
        self._name = f"{secrets.token_hex(16)}.localhost"
        self._server: asyncio.Server | None = None
        self._authority = ""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Serves during the block; yields the address of the page."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=HEAD_LIMIT)
        port = self._server.sockets[0].getsockname()[1]
        self._authority = f"{self._name}:{port}"
        try:
            yield f"http://{self._authority}{self._path}"
        finally:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._one_request(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # a broken connection concerns only its browser, which tries again
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _one_request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line, headers = _parse(await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_SECONDS))
        named = {name.lower(): value for name, value in headers}
        if not hmac.compare_digest(named.get("host", "").lower().encode(), self._authority.encode()):
            # Another website, or a guess. It learns nothing, and no CORS header lets it read this.
            writer.write(_response("403 Forbidden", "This address shows a page in Holdfast only.\n"))
            return
        if line.startswith("OPTIONS ") and "access-control-request-method" in named:
            writer.write(_head("HTTP/1.1 204 No Content", [*_CORS, ("content-length", "0"), ("connection", "close")]))
            return
        try:
            upstream = await asyncio.wait_for(asyncio.open_connection(self._host, self._port, limit=HEAD_LIMIT), CONNECT_SECONDS)
        except (OSError, TimeoutError):
            writer.write(_response("502 Bad Gateway", self._unreachable(), kind="text/html; charset=utf-8", headers=[*_CORS]))
            return
        try:
            await self._exchange((reader, writer), upstream, line, headers, is_upgrade="upgrade" in named)
        finally:
            upstream[1].close()

    async def _exchange(
        self,
        browser: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        server: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        line: str,
        headers: Headers,
        *,
        is_upgrade: bool,
    ) -> None:
        server[1].write(_head(line, self._request_headers(headers, is_upgrade=is_upgrade)))
        sending = asyncio.create_task(_copy(browser[0], server[1]))
        try:
            while True:
                status, answered = _parse(await server[0].readuntil(b"\r\n\r\n"))
                code = status.split(" ", 2)[1]
                if code == "101" or not code.startswith("1"):
                    break
                browser[1].write(_head(status, answered))
            browser[1].write(_head(status, answered if code == "101" else self._response_headers(answered)))
            receiving = asyncio.create_task(_copy(server[0], browser[1]))
            # A request may end long before its response; a WebSocket ends with either side.
            await asyncio.wait({receiving, sending} if code == "101" else {receiving}, return_when=asyncio.FIRST_COMPLETED)
            receiving.cancel()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    def _request_headers(self, headers: Headers, *, is_upgrade: bool) -> Headers:
        """The headers as if the page had been opened at the development server itself."""
        changed = []
        for name, value in headers:
            lower = name.lower()
            if lower == "host":
                changed.append((name, self._netloc))
            elif lower in ("origin", "referer"):
                changed.append((name, self._origin + ("/" if lower == "referer" else "")))
            elif lower not in _HOP or is_upgrade:
                changed.append((name, value))
        return changed if is_upgrade else [*changed, ("connection", "close")]

    def _response_headers(self, headers: Headers) -> Headers:
        kept = []
        for name, value in headers:
            lower = name.lower()
            if lower == "location" and value.startswith(self._origin):
                kept.append((name, f"http://{self._authority}{value.removeprefix(self._origin)}"))
            elif lower not in _HOP | _REPLACED and not lower.startswith("access-control-"):
                kept.append((name, value))
        return [*kept, *_CORS, ("connection", "close")]

    def _unreachable(self) -> str:
        return (
            '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="1"><title>Waiting</title>'
            '<body style="font:15px/1.6 system-ui;padding:2rem;color-scheme:light dark">'
            f"<p>Nothing responds at <b>{self._origin}</b>.</p><p>Start your development server, for example with "
            "<code>npm run dev</code>. This page tries again every second.</p>"
        )


def _parse(head: bytes) -> tuple[str, Headers]:
    """The first line and the headers. Raises ValueError."""
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise ValueError("a header is malformed")
        headers.append((name, value.strip()))
    return first, headers


def _head(line: str, headers: Headers) -> bytes:
    return "".join([f"{line}\r\n", *(f"{name}: {value}\r\n" for name, value in headers), "\r\n"]).encode("latin-1")


def _response(status: str, text: str, *, kind: str = "text/plain; charset=utf-8", headers: Headers | None = None) -> bytes:
    body = text.encode()
    shown = [("content-type", kind), ("content-length", str(len(body))), ("cache-control", "no-store"), ("connection", "close")]
    return _head(f"HTTP/1.1 {status}", [*shown, *(headers or [])]) + body


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Passes bytes on until the source ends."""
    while piece := await source.read(_PIECE):
        target.write(piece)
        await target.drain()
