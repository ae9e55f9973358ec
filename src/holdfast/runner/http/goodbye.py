"""How a runner that stops closes connections without a request: it says that it will execute nothing more on them.

    idle ──stop──▶ write GOODBYE, end our side ──▶ discard what arrives ──the client closes, or LINGER_SECONDS pass──▶ closed

A request can be on its way at this moment. Closing the connection would reset it, and its sender could not know whether it was executed.
So it gets a response that says that it was not (the sender may repeat it, here or elsewhere), and it is discarded. A client that has sent
nothing takes the unexpected response for what it is: the end of the connection (RFC 9112, section 9.5).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from holdfast.contract.execute import NOT_EXECUTED_HEADER
from holdfast.http.fast_path import FastPathProtocol

LINGER_SECONDS = 0.25
GOODBYE = f"HTTP/1.1 503 Service Unavailable\r\n{NOT_EXECUTED_HEADER}: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode()


class RunnerProtocol(FastPathProtocol):
    """A connection of the runner."""

    def shutdown(self) -> None:
        """Called for every connection when the server stops. One with a request closes after its response."""
        if self.transport.is_closing() or not (self.cycle is None or self.cycle.response_complete):
            super().shutdown()
            return
        self.transport.write(GOODBYE)
        with suppress(OSError):  # the client has reset the connection
            self.transport.write_eof()
        self.transport.set_protocol(_Discarding(self))
        # uvicorn waits for the end of all connections.
        self.loop.call_later(LINGER_SECONDS, self.transport.close)


class _Discarding(asyncio.Protocol):
    """Takes the place of a connection's protocol: what arrives is not read as a request any more."""

    def __init__(self, protocol: RunnerProtocol) -> None:
        self._protocol = protocol

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)

    def pause_writing(self) -> None:
        pass

    def resume_writing(self) -> None:
        pass
