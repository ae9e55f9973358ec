"""Sends the HTTP requests of guests: one checked target, one fresh connection, one size-limited response each."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Sequence

import httpcore2
from msgspec import Struct

from holdfast.hostcalls.call.errors import HostCallError
from holdfast.hostcalls.network.addresses import Resolver, SystemResolver, is_loopback, is_public
from holdfast.hostcalls.network.denials import not_granted, not_public
from holdfast.hostcalls.network.egress import EgressRule, InvalidTarget, Target, parse_target
from holdfast.hostcalls.network.pinning import PinnedNetwork
from holdfast.http.tls import system_tls_context
from holdfast.world.types import HttpError, HttpHeader, HttpRequest, HttpResponse

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

FORBIDDEN_METHODS = frozenset({"CONNECT", "TRACE"})
"""CONNECT opens a tunnel to an unchecked target; TRACE returns headers that proxies added."""

HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
"""Headers of a guest that are dropped: they describe the connection, which belongs to the host."""

MAX_ADDRESSES = 4

_REQUEST_LINE_BYTES = len("  HTTP/1.1\r\n\r\n")
_STATUS_LINE_BYTES = len("HTTP/1.1 200 OK\r\n\r\n")
_FIELD_BYTES = len(": \r\n")


def _ignore(size: int) -> None:
    pass


class FetchLimits(Struct, frozen=True, kw_only=True):
    """Limits of one fetch."""

    seconds: float = 30.0
    response_bytes: int = 5 * 1024 * 1024
    headers: int = 100
    header_bytes: int = 32 * 1024


class Fetcher:
    """Fetches for every call of a process. Denies every target that no rule allows.

    Resolves a name once, denies the fetch if any address is not public, and connects to the checked addresses only. Never reuses a
    connection, so no tenant can receive data of another. Returns redirects, never follows them; ignores proxies of the environment.
    """

    def __init__(
        self,
        allowlist: Sequence[EgressRule] = (),
        *,
        allow_loopback: bool = False,
        limits: FetchLimits | None = None,
        resolver: Resolver | None = None,
        network: httpcore2.AsyncNetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """`allowlist` has the operator's rules, which apply to every extension. With `allow_loopback`, rules for a port of this machine
        are allowed too: for an author whose API runs on the same machine, never in production."""
        self._allowlist = tuple(allowlist)
        self._allow_loopback = allow_loopback
        self._limits = limits or FetchLimits()
        self._resolver: Resolver = resolver if resolver is not None else SystemResolver()
        self._network = network or httpcore2.AnyIOBackend()
        self._ssl_context = ssl_context or system_tls_context()

    async def fetch(
        self,
        request: HttpRequest,
        granted: Sequence[EgressRule],
        on_bytes: Callable[[int], None] = _ignore,
        *,
        withheld: Sequence[EgressRule] | None = None,
    ) -> HttpResponse:
        """Sends the request if `granted` or the operator's rules allow its target. Raises HostCallError with a case of HttpError.

        `on_bytes` is called with the bytes of HTTP that are sent, and with those that are received, also when the fetch fails later.
        """
        try:
            target = parse_target(request.url)
        except InvalidTarget as error:
            raise HostCallError(HttpError.INVALID_URL, str(error)) from None
        local = self._is_local(target)
        if not local and not any(rule.matches(target) for rule in (*granted, *self._allowlist)):
            raise not_granted(target, granted, withheld, allow_loopback=self._allow_loopback)
        method = _method(request.method)
        headers = self._headers(request.headers, target)
        try:
            async with asyncio.timeout(self._limits.seconds):
                addresses = await self._addresses(target, local)
                return await self._exchange(method, target, headers, request.body, addresses, on_bytes)
        except TimeoutError:
            raise HostCallError(HttpError.TRANSPORT, f"no complete response within {self._limits.seconds:g} s") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, OSError) as error:
            raise HostCallError(HttpError.TRANSPORT, f"the request failed ({type(error).__name__})") from error

    def close(self) -> None:
        """Stops the threads of the resolver."""
        if isinstance(self._resolver, SystemResolver):
            self._resolver.close()

    def _is_local(self, target: Target) -> bool:
        return self._allow_loopback and any(rule.is_loopback and rule.matches(target) for rule in self._allowlist)

    async def _addresses(self, target: Target, local: bool) -> list[str]:
        # Never resolve an address: resolvers accept forms of addresses that the checks here do not.
        if ":" in target.host or _is_dotted(target.host):
            addresses = [target.host]
        else:
            try:
                addresses = await self._resolver.resolve(target.host, target.port)
            except (OSError, UnicodeError):
                addresses = []
        if not addresses:
            raise HostCallError(HttpError.TRANSPORT, f"the name {target.host} has no address")
        # All of them: a name with one public and one private address could otherwise reach the private one.
        permitted = is_loopback if local else is_public
        if not all(permitted(address) for address in addresses):
            own = all(is_loopback(address) for address in addresses)
            raise not_public(target, allow_loopback=self._allow_loopback, resolves_to_loopback=own)
        return addresses[:MAX_ADDRESSES]

    def _headers(self, requested: Sequence[HttpHeader], target: Target) -> list[tuple[bytes, bytes]]:
        if len(requested) > self._limits.headers or sum(len(h.name) + len(h.value) for h in requested) > self._limits.header_bytes:
            raise HostCallError(HttpError.TRANSPORT, "the request has too many headers")
        dropped = HOP_BY_HOP | {
            name.strip().lower() for header in requested if header.name.lower() == "connection" for name in header.value.split(",")
        }
        headers = [(b"Host", target.url.netloc)]
        for header in requested:
            if not _TOKEN.fullmatch(header.name) or _BAD_VALUE.search(header.value):
                raise HostCallError(HttpError.TRANSPORT, "the request has a header that HTTP does not allow")
            if header.name.lower() not in dropped:
                headers.append((header.name.encode("ascii"), header.value.strip(" \t").encode("utf-8")))
        return headers

    async def _exchange(
        self,
        method: str,
        target: Target,
        headers: list[tuple[bytes, bytes]],
        body: bytes | None,
        addresses: list[str],
        on_bytes: Callable[[int], None],
    ) -> HttpResponse:
        if body is not None or method in ("POST", "PUT", "PATCH"):
            headers.append((b"Content-Length", b"%d" % len(body or b"")))
        url = httpcore2.URL(scheme=target.url.raw_scheme, host=target.url.raw_host, port=target.url.port, target=target.url.raw_path)
        async with (
            httpcore2.AsyncConnectionPool(
                ssl_context=self._ssl_context, http2=False, retries=0, network_backend=PinnedNetwork(addresses, self._network)
            ) as pool,
            pool.stream(method, url, headers=headers, content=body, extensions={"sni_hostname": target.host}) as response,
        ):
            # The request is complete when the response's headers are here. A fetch that found no server has sent nothing.
            on_bytes(_REQUEST_LINE_BYTES + len(method) + len(target.url.raw_path) + _fields_bytes(headers) + len(body or b""))
            on_bytes(_STATUS_LINE_BYTES + _fields_bytes(response.headers))
            content = await self._read(response, on_bytes)
            response_headers = [HttpHeader(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]
            return HttpResponse(response.status, response_headers, content)

    async def _read(self, response: httpcore2.Response, on_bytes: Callable[[int], None]) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_stream():
            content += chunk
            on_bytes(len(chunk))
            if len(content) > self._limits.response_bytes:
                raise HostCallError(HttpError.TRANSPORT, f"the response is larger than {self._limits.response_bytes} bytes")
        return bytes(content)


def _fields_bytes(headers: Sequence[tuple[bytes, bytes]]) -> int:
    return sum(len(name) + len(value) + _FIELD_BYTES for name, value in headers)


def _is_dotted(host: str) -> bool:
    # normalize_host accepts a host that ends in a number only if it is an IPv4 address.
    return host.rpartition(".")[2].isdecimal()


def _method(requested: str) -> str:
    method = requested.upper()
    if not _TOKEN.fullmatch(method) or len(method) > 32:
        raise HostCallError(HttpError.INVALID_URL, "the method is not a valid HTTP method")
    if method in FORBIDDEN_METHODS:
        raise HostCallError(HttpError.INVALID_URL, f"the method {method} is not available")
    return method
