"""How host functions reach the application: the internal API `/api/internal/ext-*` over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol

import httpx2
import msgspec
from msgspec import Struct

from holdfast.hostcalls.call import is_install_id

MAX_REPLY_BYTES = 16 * 1024 * 1024
"""A page of a hundred storage entries of 64 KiB fits with room to spare."""

MAX_PROBLEM_CHARACTERS = 300


class Service(StrEnum):
    """The services of the internal API, as they are named in its paths."""

    STORAGE = "ext-storage"
    SCHEDULER = "ext-scheduler"
    INVOICING = "ext-invoicing"
    CLIENTS = "ext-clients"
    SERVICES = "ext-services"


class Reply(Struct, frozen=True):
    """An HTTP answer. `body` is the parsed JSON, or None where the answer is not JSON; `text` is the beginning of the answer as text."""

    status: int
    body: Any
    text: str = ""

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def problem(self) -> str:
        """What the application said was wrong, for the author: code and message of a 4xx; of anything else only the status."""
        if 400 <= self.status < 500 and isinstance(self.body, dict):
            parts = [part for part in (self.body.get("code"), self.body.get("error")) if isinstance(part, str) and part]
            if parts:
                return f"{': '.join(parts)} (status {self.status})"[:MAX_PROBLEM_CHARACTERS]
        return f"the application answered with status {self.status}"


class BackendUnavailable(Exception):
    """Raised when the application gave no answer: not configured, not reachable, too slow, or too long. The text is the reason."""


class HostBackend(Protocol):
    """The application behind the host functions."""

    async def post(self, service: Service, install_id: str, body: Mapping[str, Any]) -> Reply:
        """Sends one operation. Returns the answer whatever its status; raises BackendUnavailable when there is none."""
        ...


class UnconfiguredBackend:
    """The backend of a runner that was not told where the application is: every operation says so."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    async def post(self, service: Service, install_id: str, body: Mapping[str, Any]) -> Reply:
        raise BackendUnavailable(self._reason)


class HttpBackend:
    """Posts JSON to `{base_url}/api/internal/{service}/install/{install id}` with the header `x-runner-auth`."""

    def __init__(self, base_url: str, token: str, *, timeout: float = 30.0, max_reply_bytes: int = MAX_REPLY_BYTES) -> None:
        """`timeout` is seconds for one operation as a whole. A trailing `/` or `/api` of the base is dropped."""
        self._base = base_url.rstrip("/").removesuffix("/api")
        self._headers = {"x-runner-auth": token, "content-type": "application/json", "accept-encoding": "identity"}
        self._timeout = timeout
        self._max_reply_bytes = max_reply_bytes
        # No environment proxies and no redirects: the token goes to the application and nowhere else.
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
            raise BackendUnavailable(f"no answer within {self._timeout:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise BackendUnavailable(f"transport failure ({type(error).__name__})") from error

    async def _read(self, response: httpx2.Response) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > self._max_reply_bytes:
                raise BackendUnavailable("the application's answer is too large")
        return bytes(content)

    async def close(self) -> None:
        """Closes the connections. Operations under way fail."""
        await self._client.aclose()


def _reply(status: int, content: bytes) -> Reply:
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = None
    return Reply(status, body, content[:2_000].decode("utf-8", errors="replace"))
