"""Sends requests to the application's own routes, for the interface `ui-proxy`."""

from __future__ import annotations

import asyncio
import re
from urllib.parse import quote, urlsplit

import httpx2

from holdfast.contract.ui_proxy_routes import is_closed, platform_segments
from holdfast.hostcalls.call.errors import HostCallError
from holdfast.http.tls import system_tls_context
from holdfast.world.types import ProxyError

MAX_RESPONSE_BYTES = 5 * 1024 * 1024

_QUERY_SAFE = "!$&'()*+,;=:@/?%[]-._~"
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


class UiProxyClient:
    """Calls routes below one base URL. Shares connections; never follows redirects and never uses proxies of the environment."""

    def __init__(self, base_url: str, *, timeout_ms: int = 5_000, max_response_bytes: int = MAX_RESPONSE_BYTES) -> None:
        """`base_url` is an http or https URL; its query is dropped. Raises ValueError for anything else."""
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("the base of ui-proxy must be an http or https URL")
        self._base = f"{parts.scheme}://{parts.netloc}" + "".join(f"/{segment}" for segment in parts.path.split("/") if segment)
        self._timeout = timeout_ms / 1_000
        self._max_response_bytes = max_response_bytes
        self._client = httpx2.AsyncClient(verify=system_tls_context(), trust_env=False, follow_redirects=False, timeout=self._timeout)

    def url(self, route: str, extension_id: str) -> str:
        """The URL of a route: below the extension's id, or, for a route of the platform (`/api/…`), directly below the base.

        Raises HostCallError: `bad-request` for `.` and `..` segments and for characters that no URL has, `denied` for the internal API and
        the endpoints of extensions.
        """
        path, separator, query = route.partition("?")
        segments = [segment for segment in path.split("/") if segment]
        if any(segment in (".", "..") for segment in segments) or _CONTROL.search(route):
            raise HostCallError(ProxyError.BAD_REQUEST, "the route has a segment or character that is not allowed")
        if platform_segments(route) is None:
            segments.insert(0, extension_id)
        elif is_closed(segments):
            raise HostCallError(ProxyError.DENIED, f"routes below /api/{segments[1]} are not for extensions")
        encoded = "".join("/" + quote(segment, safe="!$&'()*+,;=:@-._~") for segment in segments)
        return self._base + encoded + (f"?{quote(query, safe=_QUERY_SAFE)}" if separator else "")

    async def send(self, url: str, headers: dict[str, str], payload: bytes | None) -> bytes:
        """Sends GET without a payload, else POST of JSON. Returns the body of a 2xx response; raises HostCallError for any other."""
        method = "GET" if payload is None else "POST"
        # As bytes: values include names and email addresses, and httpx2 encodes text as ASCII.
        encoded = [(name.encode("ascii"), value.encode("utf-8")) for name, value in headers.items()]
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client.stream(method, url, headers=encoded, content=payload) as response,
            ):
                _check_status(response.status_code)
                return await self._read(response)
        except TimeoutError:
            raise HostCallError(ProxyError.INTERNAL, f"no response within {self._timeout:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise HostCallError(ProxyError.INTERNAL, f"the request failed ({type(error).__name__})") from error

    async def close(self) -> None:
        """Closes the connections. Running calls fail."""
        await self._client.aclose()

    async def _read(self, response: httpx2.Response) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > self._max_response_bytes:
                raise HostCallError(ProxyError.INTERNAL, f"the response is larger than {self._max_response_bytes} bytes")
        return bytes(content)


def _check_status(status: int) -> None:
    """Raises HostCallError for every status but 2xx."""
    if 200 <= status < 300:
        return
    reason = f"the route responded with status {status}"
    if status in (401, 403, 429):
        raise HostCallError(ProxyError.DENIED, reason)
    if status == 404:
        raise HostCallError(ProxyError.ROUTE_NOT_FOUND, reason)
    if 400 <= status < 500:
        raise HostCallError(ProxyError.BAD_REQUEST, reason)
    raise HostCallError(ProxyError.INTERNAL, reason)
