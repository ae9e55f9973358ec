"""Answers with files: whole from memory, or piece by piece from an open file. Status and headers are made before."""

from __future__ import annotations

import asyncio
import os

from starlette.types import Receive, Scope, Send

RawHeaders = list[tuple[bytes, bytes]]

PIECE_BYTES = 256 * 1024


class Whole:
    """An answer whose body is at hand; without it for HEAD. May be sent any number of times."""

    __slots__ = ("_body", "_start")

    def __init__(self, status: int, headers: RawHeaders, body: bytes | memoryview = b"") -> None:
        self._start = {"type": "http.response.start", "status": status, "headers": headers}
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A copy: what passes it on may add to it.
        await send(self._start.copy())
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else self._body})


class Streamed:
    """An answer with `length` bytes of an open file, from `offset`. Closes `descriptor` when it was sent, or could not be."""

    def __init__(self, status: int, headers: RawHeaders, descriptor: int, *, offset: int, length: int) -> None:
        self._status, self._headers = status, headers
        self._descriptor, self._offset, self._left = descriptor, offset, length

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # A server takes what is sent to a browser that has gone as if it were sent: the rest of the file would be read for nobody.
        gone = asyncio.ensure_future(_gone(receive))
        try:
            await send({"type": "http.response.start", "status": self._status, "headers": self._headers})
            while self._left and not gone.done():
                piece = await self._piece()
                self._left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": self._left > 0})
        finally:
            gone.cancel()
            os.close(self._descriptor)

    async def _piece(self) -> bytes:
        reading = asyncio.ensure_future(asyncio.to_thread(os.pread, self._descriptor, min(PIECE_BYTES, self._left), self._offset))
        try:
            piece = await asyncio.shield(reading)
        except asyncio.CancelledError:
            # The descriptor is closed next, and its number may be another file's then: not while the thread reads.
            await asyncio.wait([reading])
            raise
        if not piece:
            raise OSError("a file of an unpacked bundle became shorter while it was sent")
        self._offset += len(piece)
        return piece


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
