"""The interface `ui-proxy`: calls of the application's own routes on behalf of the extension."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

import httpx2

from holdfast.hostcalls.session import Refused
from holdfast.world.capabilities import Capability
from holdfast.world.types import ProxyError

if TYPE_CHECKING:
    from holdfast.hostcalls.session import Session

API_KEY_SECRET = "api_key"  # noqa: S105 - the name of the secret, not the secret
MAX_ANSWER_BYTES = 5 * 1024 * 1024

_QUERY_SAFE = "!$&'()*+,;=:@/?%[]-._~"
_CONTROL = re.compile(r"[\x00-\x1f\x7f\\]")


class UiProxy:
    """Calls routes below one base URL. Connections are shared; redirects are not followed and proxies of the environment not used."""

    def __init__(self, base_url: str, *, timeout_ms: int = 5_000, max_answer_bytes: int = MAX_ANSWER_BYTES) -> None:
        """`base_url` is an http or https URL; its query is dropped. Raises ValueError when it is not one."""
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError("the base of ui-proxy must be an http or https URL")
        self._base = f"{parts.scheme}://{parts.netloc}" + "".join(f"/{segment}" for segment in parts.path.split("/") if segment)
        self._timeout = timeout_ms / 1_000
        self._max_answer_bytes = max_answer_bytes
        self._client = httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=self._timeout)

    def address(self, route: str, extension_id: str) -> str:
        """The URL of a route: below the extension's id, or, for a route of the platform (`/api/…`), directly below the base.

        Raises Refused: `bad-request` for segments that climb and for characters that no URL has, `denied` for the internal API.
        """
        path, separator, query = route.partition("?")
        segments = [segment for segment in path.split("/") if segment]
        if any(segment in (".", "..") for segment in segments) or _CONTROL.search(route):
            raise Refused(ProxyError.BAD_REQUEST, "the route has a segment or character that is not allowed")
        if not path.startswith(("/api/", "api/")):
            segments.insert(0, extension_id)
        elif [segment.lower() for segment in segments[:2]] == ["api", "internal"]:
            raise Refused(ProxyError.DENIED, "the internal API is not for extensions")
        encoded = "".join("/" + quote(segment, safe="!$&'()*+,;=:@-._~") for segment in segments)
        return self._base + encoded + (f"?{quote(query, safe=_QUERY_SAFE)}" if separator else "")

    async def send(self, url: str, headers: dict[str, str], payload: bytes | None) -> bytes:
        """GET without payload, else POST of JSON. Returns the body of a 2xx answer; raises Refused for everything else."""
        method = "GET" if payload is None else "POST"
        # Header values are people's names and addresses, too: bytes, since text would have to be ASCII.
        encoded = [(name.encode("ascii"), value.encode("utf-8")) for name, value in headers.items()]
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._client.stream(method, url, headers=encoded, content=payload) as response,
            ):
                _check(response.status_code)
                return await self._read(response)
        except TimeoutError:
            raise Refused(ProxyError.INTERNAL, f"no answer within {self._timeout:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise Refused(ProxyError.INTERNAL, f"the request failed ({type(error).__name__})") from error

    async def close(self) -> None:
        """Closes the connections. Calls under way fail."""
        await self._client.aclose()

    async def _read(self, response: httpx2.Response) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > self._max_answer_bytes:
                raise Refused(ProxyError.INTERNAL, f"the answer is larger than {self._max_answer_bytes} bytes")
        return bytes(content)


async def call_route(session: Session, route: str, payload: bytes | None) -> bytes:
    """Calls a route and returns the answer's bytes; its status and headers stay here.

    The secret `api_key` goes along as `x-api-key` only if the install was granted `cap:secrets.get`.
    """
    proxy, call = session.ui_proxy, session.call
    if proxy is None:
        raise Refused(ProxyError.ROUTE_NOT_FOUND, "no application is configured behind ui-proxy (UI_PROXY_BASE_URL)")
    if not call.tenant_id or not call.extension_id:
        raise Refused(ProxyError.INTERNAL, "the call names no tenant or no extension")
    if not route.strip():
        raise Refused(ProxyError.BAD_REQUEST, "the route is empty")
    url = proxy.address(route.strip(), call.extension_id)
    headers = {
        "x-request-id": call.request_id or "ui-proxy-call",
        "x-alga-tenant": call.tenant_id,
        "x-alga-extension": call.extension_id,
        "accept-encoding": "identity",
    }
    if payload is not None:
        headers["content-type"] = "application/json"
    if call.install_id:
        headers["x-ext-install-id"] = call.install_id
    if call.version_id:
        headers["x-ext-version-id"] = call.version_id
    if Capability.SECRETS_GET in session.granted and API_KEY_SECRET in session.secrets:
        headers["x-api-key"] = session.secrets[API_KEY_SECRET]
    if call.user is not None:
        headers["x-user-id"] = call.user.user_id
        headers["x-user-email"] = call.user.user_email
    return await proxy.send(url, headers, payload)


def _check(status: int) -> None:
    """Raises the case of every status but 2xx."""
    if 200 <= status < 300:
        return
    reason = f"the route answered with status {status}"
    if status in (401, 403, 429):
        raise Refused(ProxyError.DENIED, reason)
    if status == 404:
        raise Refused(ProxyError.ROUTE_NOT_FOUND, reason)
    if 400 <= status < 500:
        raise Refused(ProxyError.BAD_REQUEST, reason)
    raise Refused(ProxyError.INTERNAL, reason)
