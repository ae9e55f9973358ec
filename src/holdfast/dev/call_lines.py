"""Follows the debug events of an extension, and writes one line for each call, with the handler's log lines at their level.

The runner reports a call as events of the stream `host`: `call started: GET /path`, then `call finished: status 200 in 3.1 ms` or
`call failed: code: message` with the stack. The gateway reports a call that does not get there: `call refused: GET /path with 404 code:
message`. What the handler writes has the streams `log`, `stdout` and `stderr`.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections import OrderedDict
from urllib.parse import urlencode

import httpx2
import msgspec

from holdfast.dev.connection import server_events
from holdfast.dev.terminal.screen import Screen

_STARTED = re.compile(r"call started: (\S+ .*)", re.DOTALL)
_FINISHED = re.compile(r"call finished: status (\d+) in ([\d.]+) ms")
_REFUSED = re.compile(r"call refused: (\S+ \S+) with (\d+) (\w+): (.*)", re.DOTALL)
_FAILED = "call failed: "
_SHOWN_HOST_LEVELS = ("warn", "error")
_LEVEL_STYLES = {"trace": ("dim",), "debug": ("dim",), "info": (), "warn": ("yellow",), "error": ("red",)}
_MAX_OPEN = 1_000
_PAUSE_SECONDS = 0.5


class CallEvent(msgspec.Struct, rename="camel"):
    """The fields of a debug event that are used."""

    level: str
    stream: str
    message: str
    request_id: str | None = None
    ts: int = 0


class CallLines:
    """Writes the lines of one extension. `name` is its prefix."""

    def __init__(self, screen: Screen, name: str) -> None:
        self._screen = screen
        self._name = name
        self._routes: OrderedDict[str, tuple[str, int]] = OrderedDict()

    async def follow(self, http: httpx2.AsyncClient, registry_id: str) -> None:
        """Follows the events until it is cancelled; reconnects, and resumes after the last event it got."""
        last_id = ""
        query = urlencode({"extensionId": registry_id})
        skip_before = time.time_ns() // 1_000_000
        while True:
            headers = {"last-event-id": last_id} if last_id else {}
            try:
                timeout = httpx2.Timeout(10, read=60)
                async with http.stream("GET", f"/api/ext-debug/stream?{query}", headers=headers, timeout=timeout) as response:
                    if response.status_code == 200:
                        async for event in server_events(response):
                            last_id = event.id or last_id
                            self._read(event.data, skip_before)
            except (httpx2.HTTPError, msgspec.MsgspecError):
                pass
            await asyncio.sleep(_PAUSE_SECONDS)

    def _read(self, data: str, skip_before: int) -> None:
        event = msgspec.json.decode(data, type=CallEvent)
        # The stream begins with the newest stored events, of calls before this session.
        if event.ts >= skip_before:
            self.show(event)

    def show(self, event: CallEvent) -> None:
        """Writes the line of an event, if it has one."""
        request = event.request_id or ""
        if event.stream != "host":
            self._screen.record("log", self._name, level=event.level, stream=event.stream, message=event.message, requestId=request)
            label = "" if event.level == "info" else f"{event.level}: "
            self._screen.event(self._name, f"  {label}{event.message}", *_LEVEL_STYLES.get(event.level, ()))
        elif started := _STARTED.match(event.message):
            self._routes[request] = (started[1], event.ts)
            while len(self._routes) > _MAX_OPEN:
                self._routes.popitem(last=False)
        elif finished := _FINISHED.match(event.message):
            route, _ = self._routes.pop(request, ("call", 0))
            self._show_call(route, int(finished[1]), float(finished[2]))
        elif event.message.startswith(_FAILED):
            route, began = self._routes.pop(request, ("call", event.ts))
            self._screen.record("call", self._name, route=route, error=event.message.removeprefix(_FAILED), ms=event.ts - began)
            self._screen.event(self._name, f"{route} failed after {event.ts - began} ms", "red", "bold")
            self._screen.event(self._name, f"  {event.message.removeprefix(_FAILED)}", "red")
        elif refused := _REFUSED.match(event.message):
            route, status, code, message = refused.groups()
            self._screen.record("call", self._name, route=route, status=int(status), refused=code, message=message)
            self._screen.event(self._name, f"{route} {status} {code}\n  {message}", "yellow")
        elif event.level in _SHOWN_HOST_LEVELS:
            self._screen.event(self._name, f"  {event.level}: {event.message}", *_LEVEL_STYLES[event.level])

    def _show_call(self, route: str, status: int, ms: float) -> None:
        self._screen.record("call", self._name, route=route, status=status, ms=ms)
        colour = "green" if status < 400 else "yellow" if status < 500 else "red"
        self._screen.event(self._name, f"{route} {status} {ms:.0f} ms", colour)
