"""Sends the operations of host functions to the application: the internal API `/api/internal/ext-*` over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

import httpx2
import msgspec
from msgspec import Struct

from holdfast.hostcalls.call.context import is_install_id

MAX_RESPONSE_BYTES = 16 * 1024 * 1024
"""A page of 100 storage entries of 64 KiB needs less than half of it."""

MAX_ERROR_CHARACTERS = 300


class Service(StrEnum):
    """The services of the internal API, by their names in its paths."""

    STORAGE = "ext-storage"
    SCHEDULER = "ext-scheduler"
    INVOICING = "ext-invoicing"
    CLIENTS = "ext-clients"
    SERVICES = "ext-services"


class Reply(Struct, frozen=True):
    """An HTTP response. `body` is the parsed JSON, or None if it is not JSON; `text` is its first 2,000 bytes as text."""

    status: int
    body: Any
    text: str = ""

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

    async def post(self, service: Service, install_id: str, body: Mapping[str, Any]) -> Reply:
        """Sends one operation. Returns the response of any status; raises BackendUnavailable when there is no response."""
        ...


class UnconfiguredBackend:
    """The backend of a runner without the address of the application: every operation fails with the reason."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def post(self, service: Service, install_id: str, body: Mapping[str, Any]) -> Reply:
        raise BackendUnavailable(self._reason)


class HttpBackend:
    """Posts JSON to `{base_url}/api/internal/{service}/install/{install id}` with the header `x-runner-auth`."""

    def __init__(self, base_url: str, token: str, *, timeout: float = 30.0, max_response_bytes: int = MAX_RESPONSE_BYTES) -> None:
        """`timeout` is seconds for a whole operation. Drops a trailing `/` or `/api` of the base URL."""
        self._base = base_url.rstrip("/").removesuffix("/api")
        self._headers = {"x-runner-auth": token, "content-type": "application/json", "accept-encoding": "identity"}
        self._timeout = timeout
        self._max_response_bytes = max_response_bytes
        # No environment proxies and no redirects: the token must reach the application only.
        self._client = httpx2.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            timeout=timeout,
            limits=httpx2.Limits(max_connections=256, max_keepalive_connections=32, keepalive_expiry=15),
        )

    async def post(self, service: Service, install_id: str, body: Mapping[str, Any]) -> Reply:
        """See HostBackend. Raises ValueError when `install_id` is not a UUID, before anything is sent."""
        if not is_install_id(install_id):
            raise ValueError("an install id is a UUID")
        url = f"{self._base}/api/internal/{service.value}/install/{install_id}"
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client.stream("POST", url, content=msgspec.json.encode(body), headers=self._headers) as response,
            ):
                return _reply(response.status_code, await self._read(response))
        except TimeoutError:
            raise BackendUnavailable(f"no response within {self._timeout:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise BackendUnavailable(f"transport failure ({type(error).__name__})") from error

    async def _read(self, response: httpx2.Response) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > self._max_response_bytes:
                raise BackendUnavailable("the application's response is too large")
        return bytes(content)

    async def close(self) -> None:
        """Closes the connections. Running operations fail."""
        await self._client.aclose()


def _reply(status: int, content: bytes) -> Reply:
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = None
    return Reply(status, body, content[:2_000].decode("utf-8", errors="replace"))
