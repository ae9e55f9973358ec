"""Responses with files: whole from memory, or piece by piece from an open file. Status and headers are computed in advance."""

from __future__ import annotations

import asyncio
import os

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

RawHeaders = list[tuple[bytes, bytes]]

PIECE_BYTES = 256 * 1024


class Whole(Response):
    """A response with its body in memory; HEAD gets it without the body. May be sent any number of times.

    Neither this class nor Streamed calls Response.__init__: it would compute the headers a second time.
    """

    def __init__(self, status: int, headers: RawHeaders, body: bytes | memoryview = b"") -> None:
        self._start = {"type": "http.response.start", "status": status, "headers": headers}
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A copy: middleware may add to it.
        await send(self._start.copy())
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self._body})


class Streamed(Response):
    """A response with `length` bytes of an open file, from `offset`. Closes `descriptor` at its end, also when sending fails."""

    def __init__(self, status: int, headers: RawHeaders, descriptor: int, *, offset: int, length: int) -> None:
        self._status, self._raw = status, headers
        self._descriptor, self._offset, self._left = descriptor, offset, length

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # The server accepts and drops what is sent to a browser that has disconnected: without this, we would read the rest of the file.
        disconnected = asyncio.ensure_future(_wait_for_disconnect(receive))
        try:
            await send({"type": "http.response.start", "status": self._status, "headers": self._raw})
            while self._left and not disconnected.done():
                piece = await self._read_piece()
                self._left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": self._left > 0})
        finally:
            disconnected.cancel()
            os.close(self._descriptor)

    async def _read_piece(self) -> bytes:
        reading = asyncio.ensure_future(asyncio.to_thread(os.pread, self._descriptor, min(PIECE_BYTES, self._left), self._offset))
        try:
            piece = await asyncio.shield(reading)
        except asyncio.CancelledError:
            # The descriptor is closed next, and another file may get its number: not while the thread reads.
            await asyncio.wait([reading])
            raise
        if not piece:
            raise OSError("a file of an unpacked bundle became shorter while it was sent")
        self._offset += len(piece)
        return piece


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
