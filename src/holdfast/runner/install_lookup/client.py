"""The HTTP client of the registry's install lookups: bounded in time and size, without following redirects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from holdfast.errors import HoldfastError
from holdfast.http.tls import tls_context_for

if TYPE_CHECKING:
    import httpx2

SECONDS = 2.0
"""How long a request may take, to the last byte of its response."""

MAX_RESPONSE_BYTES = 16 * 1024


class RegistryNotSet(HoldfastError):
    """Raised when no registry is configured."""

    code = "registry_not_set"
    status = 503


class RegistryUnreachable(HoldfastError):
    """Raised when the registry does not respond in time, or its response is too large."""

    code = "registry_unreachable"
    status = 502


class RegistryClient:
    """A client of one registry. Only the origin of its address is used, as in the existing contract."""

    def __init__(self, base_url: str | None, headers: Mapping[str, str], *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        """`base_url` is None when there is no registry; `headers` are sent with every request."""
        parts = urlsplit(base_url or "")
        self._origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else None
        # The limit on bytes holds only for an unencoded response.
        self.headers: Mapping[str, str] = {**headers, "accept-encoding": "identity"}
        """The headers of every request."""
        self._transport = transport

    @cached_property
    def _http(self) -> httpx2.AsyncClient:
        """Created by the first request: a runner that serves no pages makes none."""
        import httpx2

        return httpx2.AsyncClient(
            headers=self.headers,
            timeout=SECONDS,
            follow_redirects=False,
            trust_env=False,
            transport=self._transport,
            verify=tls_context_for([self._origin or ""]),
        )

    async def get(self, path: str, params: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of the response. Raises RegistryNotSet, RegistryUnreachable."""
        if self._origin is None:
            raise RegistryNotSet(
                "The runner has no registry in which to look up installs.", hint="Set REGISTRY_BASE_URL to the application's origin."
            )
        import httpx2

        # A different query each time, so that no cache between us and the registry responds in its place.
        sent = {**params, "ts": str(time.time_ns() // 1_000_000)}
        try:
            async with asyncio.timeout(SECONDS), self._http.stream("GET", self._origin + path, params=sent) as response:
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise RegistryUnreachable("The registry encoded its response, although the request excluded that.")
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_RESPONSE_BYTES:
                        raise RegistryUnreachable("The response from the registry is too large.")
                return response.status_code, bytes(body)
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise RegistryUnreachable(
                f"The registry is unavailable to look up an install ({type(error).__name__}).",
                hint="Check that REGISTRY_BASE_URL is the application's address and that it responds.",
            ) from error

    async def close(self) -> None:
        """Closes the connections."""
        if "_http" in self.__dict__:
            await self._http.aclose()
