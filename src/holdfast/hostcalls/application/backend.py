"""Sends the operations of host functions to the application: the internal API `/api/internal/ext-*` over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from holdfast.hostcalls.call.context import is_install_id
from holdfast.http.client import ClientError, HttpClient, ResponseTooLarge, credentials_of, parse_origin

MAX_RESPONSE_BYTES = 16 * 1024 * 1024
"""A page of 100 storage entries of 64 KiB needs less than half of it."""

MAX_ERROR_CHARACTERS = 300
MAX_CONNECTIONS = 256
MAX_IDLE_CONNECTIONS = 64

_NO_HEADERS: Mapping[str, str] = {}
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Service(StrEnum):
    """The services of the internal API, by their names in its paths."""

    STORAGE = "ext-storage"
    SCHEDULER = "ext-scheduler"
    INVOICING = "ext-invoicing"
    CLIENTS = "ext-clients"
    SERVICES = "ext-services"


class Reply(Struct, frozen=True):
    """An HTTP response. `body` is the parsed JSON, or None if it is not JSON; `start` is its first 2,000 bytes."""

    status: int
    body: Any
    start: bytes = b""

    @property
    def text(self) -> str:
        """The first 2,000 bytes of the response as text."""
        return self.start.decode("utf-8", errors="replace")

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def error_text(self) -> str:
        """The error for the author of the extension: code and message of a 4xx response; of any other only the status."""
        if 400 <= self.status < 500 and isinstance(self.body, dict):
            parts = [part for part in (self.body.get("code"), self.body.get("error")) if isinstance(part, str) and part]
            if parts:
                return f"{': '.join(parts)} (status {self.status})"[:MAX_ERROR_CHARACTERS]
        return f"the application responded with status {self.status}"


class BackendUnavailable(Exception):
    """Raised when there is no response of the application: not configured, not reachable, too slow, or too large. The text says which."""


class HostBackend(Protocol):
    """The application behind the host functions."""

    async def post(self, service: Service, install_id: str, body: Mapping[str, Any], headers: Mapping[str, str] = _NO_HEADERS) -> Reply:
        """Sends one operation. Returns the response of any status; raises BackendUnavailable when there is no response."""
        ...


class UnconfiguredBackend:
    """The backend of a runner without the address of the application: every operation fails with the reason."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def post(self, service: Service, install_id: str, body: Mapping[str, Any], headers: Mapping[str, str] = _NO_HEADERS) -> Reply:
        raise BackendUnavailable(self._reason)


class HttpBackend:
    """Posts JSON to `{base_url}/api/internal/{service}/install/{install id}` with the header `x-runner-auth`."""

    def __init__(self, base_url: str, token: str, *, timeout: float = 30.0, max_response_bytes: int = MAX_RESPONSE_BYTES) -> None:
        """`timeout` is seconds for a whole operation. Drops a trailing `/` or `/api` of the base URL.

        Raises ValueError for a base URL that is not http(s) or has a query.
        """
        address, prefix = parse_origin(base_url.rstrip("/").removesuffix("/api"))
        # The client uses no environment proxies and follows no redirects: the token must reach the application only.
        self._client = HttpClient(
            address,
            {**credentials_of(base_url), "x-runner-auth": token, "content-type": "application/json"},
            prefix=prefix,
            max_connections=MAX_CONNECTIONS,
            max_idle=MAX_IDLE_CONNECTIONS,
        )
        self._timeout = timeout
        self._max_response_bytes = max_response_bytes

    async def post(self, service: Service, install_id: str, body: Mapping[str, Any], headers: Mapping[str, str] = _NO_HEADERS) -> Reply:
        """See HostBackend. Raises ValueError when `install_id` is not a UUID, before anything is sent."""
        if not is_install_id(install_id):
            raise ValueError("an install id is a UUID")
        try:
            response = await self._client.request(
                "POST",
                f"/api/internal/{service.value}/install/{install_id}",
                headers,
                _encode(body),
                timeout=self._timeout,
                max_bytes=self._max_response_bytes,
            )
        except TimeoutError:
            raise BackendUnavailable(f"no response within {self._timeout:g} s") from None
        except ResponseTooLarge:
            raise BackendUnavailable("the application's response is too large") from None
        except ClientError as error:
            raise BackendUnavailable(f"transport failure ({type(error).__name__})") from error
        return _reply(response.status, response.body)

    async def close(self) -> None:
        """Closes the connections. Running operations fail."""
        await self._client.close()


def _reply(status: int, content: bytes) -> Reply:
    try:
        body = _decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = None
    return Reply(status, body, content[:2_000])
