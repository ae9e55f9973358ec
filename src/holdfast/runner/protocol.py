"""uvicorn's HTTP protocol, with answers that may leave in one piece."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from starlette.types import Message, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

EXTENSION = "holdfast.in_one_piece"
"""The ASGI extension of a request whose connection can hold back what is written: a `HeldTransport`."""


async def send_in_one_piece(scope: Scope, send: Send, start: Message, body: Message) -> None:
    """Sends head and body of an answer with one system call where uvicorn makes two, each of which wakes the reader."""
    transport: HeldTransport | None = scope.get("extensions", {}).get(EXTENSION)
    if transport is None:
        await send(start)
        await send(body)
        return
    transport.hold()
    try:
        await send(start)
        await send(body)
    finally:
        transport.let_go()


class HeldTransport(asyncio.Transport):
    """A connection's transport that keeps what is written between `hold` and `let_go`, and then writes it at once."""

    __slots__ = ("_held", "_holding", "_transport")

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._held: list[bytes] = []
        self._holding = False

    def hold(self) -> None:
        self._holding = True

    def let_go(self) -> None:
        self._holding = False
        if self._held:
            held, self._held = self._held, []
            self._transport.write(b"".join(held))

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._holding:
            self._held.append(bytes(data))
        else:
            self._transport.write(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        for data in list_of_data:
            self.write(data)

    def close(self) -> None:
        self.let_go()
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()


class RunnerProtocol(HttpToolsProtocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        held = HeldTransport(transport)
        self._extensions = {EXTENSION: held}
        super().connection_made(held)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = self._extensions  # type: ignore[typeddict-item]
