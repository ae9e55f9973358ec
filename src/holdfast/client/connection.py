"""The connection to a Holdfast server: sends requests, and turns every failure into an error that says what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import msgspec

from holdfast.client.target import KEY_VARIABLE, ServerTarget
from holdfast.errors import HoldfastError

CONNECT_SECONDS = 10.0
RESPONSE_SECONDS = 60.0
COMPILE_SECONDS = 300.0
"""Longest wait for the server to check and compile a published component."""

_HINT = "Check --server (or HOLDFAST_SERVER, ALGA_API_BASE_URL)."
_MESSAGE_MAX = 1_000


class ServerUnreachable(HoldfastError):
    """Raised when the server does not respond, or not in time."""

    code = "server_unreachable"
    status = 502


class ServerUnusable(HoldfastError):
    """Raised when the response is not one of a Holdfast server of this version."""

    code = "server_unusable"
    status = 502


class ServerDenied(HoldfastError):
    """Raised with the server's own error: its code, message, hint and details."""

    code = "server_refused"

    def __init__(self, server_code: str, message: str, *, hint: str | None, details: Any) -> None:
        super().__init__(message, hint=hint, details=details)
        self.server_code = server_code

    def to_json(self, *, request_id: str | None = None) -> dict[str, Any]:
        return super().to_json(request_id=request_id) | {"error": self.server_code}


class ServerConnection:
    """Sends requests with the API key and returns the JSON of the responses."""

    def __init__(self, target: ServerTarget, client: httpx2.AsyncClient) -> None:
        self.url = target.url
        self._client = client
        self._seconds = target.seconds

    async def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        query: Mapping[str, str] | None = None,
        content: AsyncIterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = RESPONSE_SECONDS,
    ) -> Any:
        """Sends a request. `json` or `content` is its body; `seconds` is the longest wait for the response.

        Returns the JSON of a 2xx response, or None if it has no body.

        Raises ServerUnreachable, ServerUnusable, ServerDenied.
        """
        request_headers = dict(headers or {})
        body: bytes | AsyncIterator[bytes] | None = content
        if json is not None:
            body, request_headers["content-type"] = msgspec.json.encode(json), "application/json"
        try:
            response = await self._client.request(
                method,
                f"{self.url}{path}",
                params=query,
                content=body,
                headers=request_headers,
                timeout=httpx2.Timeout(self._seconds or seconds, connect=CONNECT_SECONDS),
            )
        except httpx2.ConnectError as failed:
            raise ServerUnreachable(f"No server responds at {self.url}.", hint=_HINT) from failed
        except httpx2.TimeoutException as failed:
            raise ServerUnreachable(f"{self.url} did not respond in time.", hint="Check the result, then try again.") from failed
        except (httpx2.HTTPError, httpx2.InvalidURL) as failed:
            raise ServerUnreachable(f"The connection to {self.url} failed: {type(failed).__name__}.", hint="Try again.") from failed
        return self._read(response)

    def _read(self, response: httpx2.Response) -> Any:
        if response.is_success and not response.content:
            return None
        if response.is_redirect:
            location = response.headers.get("location", "")
            raise ServerUnusable(
                f"{self.url} redirects to {location[:_MESSAGE_MAX]!r}, and the API key is not sent to another address.",
                hint="Use the address that it redirects to, if you trust it.",
            )
        try:
            body = msgspec.json.decode(response.content)
        except msgspec.DecodeError:
            kind = response.headers.get("content-type", "no type").partition(";")[0]
            raise ServerUnusable(
                f"{self.url} responded with status {response.status_code} and {kind[:_MESSAGE_MAX]}: it is not a Holdfast server.",
                hint=_HINT,
            ) from None
        if response.is_success:
            return body
        raise self._error(response.status_code, body)

    def _error(self, status: int, body: Any) -> HoldfastError:
        """The error in a response: in our form, or in the contract's older forms, which nest it in `error`."""
        fields = body if isinstance(body, dict) else {}
        if isinstance(fields.get("error"), dict):
            fields = fields["error"]
        code = fields.get("code") or fields.get("error")
        message = fields.get("message") or fields.get("error")
        if not isinstance(code, str) or not isinstance(message, str):
            return ServerUnusable(f"{self.url} responded with status {status} and no reason.", hint=_HINT)
        hint, details = fields.get("hint"), fields.get("details")
        hint = hint if isinstance(hint, str) else None
        message = message[:_MESSAGE_MAX]
        if status == 401:
            return ServerDenied(
                code, f"{self.url} does not accept the API key.", hint=f"Check {KEY_VARIABLE}, or --api-key-file.", details=None
            )
        return ServerDenied(code, message, hint=hint, details=details)


@asynccontextmanager
async def open_connection(target: ServerTarget, *, transport: httpx2.AsyncBaseTransport | None = None) -> AsyncIterator[ServerConnection]:
    """A connection for one command. It follows no redirects, and ignores the proxy and certificate settings of the environment."""
    headers = {"x-api-key": target.api_key, "accept": "application/json"}
    if target.tenant_id is not None:
        headers["x-tenant-id"] = target.tenant_id
    async with httpx2.AsyncClient(headers=headers, follow_redirects=False, trust_env=False, transport=transport) as client:
        yield ServerConnection(target, client)
