"""Asks the registry about installs over HTTP: bounded in time and size, without following redirects."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx2

from holdfast.errors import HoldfastError

SECONDS = 2.0
"""How long a question may take, to the last byte of its answer."""

MAX_ANSWER_BYTES = 16 * 1024


class RegistryNotSet(HoldfastError):
    """Raised when the runner has no registry to ask."""

    code = "registry_not_set"
    status = 503


class RegistryUnreachable(HoldfastError):
    """Raised when the registry does not answer in time, or with more than an answer can be."""

    code = "registry_unreachable"
    status = 502


class RegistryClient:
    """One registry. Of its address only the origin counts, as in the existing contract."""

    def __init__(self, base_url: str | None, headers: Mapping[str, str], *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        """`base_url` is None when there is no registry; `headers` go with every question."""
        parts = urlsplit(base_url or "")
        self._origin = f"{parts.scheme}://{parts.netloc}" if parts.netloc else None
        # Unencoded, an answer is as large as it arrives.
        sent = {**headers, "accept-encoding": "identity"}
        self._http = httpx2.AsyncClient(headers=sent, timeout=SECONDS, follow_redirects=False, trust_env=False, transport=transport)

    @property
    def headers(self) -> Mapping[str, str]:
        """What every question carries."""
        return self._http.headers

    async def get(self, path: str, params: Mapping[str, str]) -> tuple[int, bytes]:
        """Status and body of the answer. Raises RegistryNotSet, RegistryUnreachable."""
        if self._origin is None:
            raise RegistryNotSet(
                "The runner has no registry to ask about installs.", hint="Set REGISTRY_BASE_URL to the application's origin."
            )
        # Caches between here and there must not answer for it.
        sent = {**params, "ts": str(time.time_ns() // 1_000_000)}
        try:
            async with asyncio.timeout(SECONDS), self._http.stream("GET", self._origin + path, params=sent) as response:
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise RegistryUnreachable("The registry encoded an answer that it was asked to leave as it is.")
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > MAX_ANSWER_BYTES:
                        raise RegistryUnreachable("The registry answered with more than an answer can be.")
                return response.status_code, bytes(body)
        except (TimeoutError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise RegistryUnreachable(
                f"The registry could not be asked about an install ({type(error).__name__}).",
                hint="Is REGISTRY_BASE_URL the application's address, and does it answer?",
            ) from error

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()
