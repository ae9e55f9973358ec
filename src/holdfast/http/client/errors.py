"""Why a request has no response. A caller that passes a deadline also gets TimeoutError."""

from __future__ import annotations


class ClientError(Exception):
    """The base of these errors. Their texts name no part of request or response."""


class NotSent(ClientError):
    """Raised when the server cannot have processed the request: there was no connection, or it ended before the whole request was sent."""


class ConnectionLost(ClientError):
    """Raised when the connection ends after the request was sent. The server may have processed it, so only its caller may repeat it."""


class InvalidResponse(ClientError):
    """Raised when what the server sent is not one complete HTTP/1.1 response."""


class ResponseTooLarge(InvalidResponse):
    """Raised when the response is larger than the caller allows."""
