"""Sends the requests of guests to the outside: one checked destination, one fresh connection, one bounded answer each."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence

import httpcore2
from msgspec import Struct

from holdfast.hostcalls.network.addresses import Resolver, SystemResolver, is_loopback, is_public
from holdfast.hostcalls.network.egress import EgressRule, InvalidTarget, Target, parse_target
from holdfast.hostcalls.network.pinning import PinnedNetwork
from holdfast.hostcalls.session import Refused
from holdfast.world.types import HttpError, HttpHeader, HttpRequest, HttpResponse

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BAD_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")

FORBIDDEN_METHODS = frozenset({"CONNECT", "TRACE"})
"""CONNECT makes a tunnel to another destination than the checked one; TRACE returns headers that were added on the way."""

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
"""Headers of a guest that are dropped: they speak about the connection, which is the host's."""

MAX_ADDRESSES = 4


class FetchLimits(Struct, frozen=True, kw_only=True):
    """Limits of one fetch."""

    seconds: float = 30.0
    answer_bytes: int = 5 * 1024 * 1024
    headers: int = 100
    header_bytes: int = 32 * 1024


class Fetcher:
    """Fetches for every call of a process. Nothing is allowed that no rule names.

    A name is resolved once; if any of its addresses is not public, the fetch is refused; the connection goes to the addresses that were
    checked. Connections are not kept, so that no tenant meets what another one left on one. Redirects are returned, not followed, and
    proxies of the environment are not used.
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
        """`allowlist` are the operator's rules, for every extension. With `allow_loopback`, those among them that name a port of this
        machine reach it: for the author whose API runs beside the extension; never in production."""
        self._allowlist = tuple(allowlist)
        self._allow_loopback = allow_loopback
        self._limits = limits or FetchLimits()
        self._resolver: Resolver = resolver if resolver is not None else SystemResolver()
        self._network = network or httpcore2.AnyIOBackend()
        self._ssl_context = ssl_context or ssl.create_default_context()

    async def fetch(self, request: HttpRequest, granted: Sequence[EgressRule]) -> HttpResponse:
        """Sends the request where `granted` or the operator's rules allow it. Raises Refused with a case of HttpError and the reason."""
        try:
            target = parse_target(request.url)
        except InvalidTarget as error:
            raise Refused(HttpError.INVALID_URL, str(error)) from None
        local = self._is_local(target)
        if not local and not any(rule.matches(target) for rule in (*granted, *self._allowlist)):
            raise Refused(
                HttpError.NOT_ALLOWED,
                f"{target.scheme}://{target.host}:{target.port} is not among the hosts granted to this install; "
                "declare it under egress in the manifest",
            )
        method = _method(request.method)
        headers = self._headers(request.headers, target)
        try:
            async with asyncio.timeout(self._limits.seconds):
                addresses = await self._addresses(target, local)
                return await self._exchange(method, target, headers, request.body, addresses)
        except TimeoutError:
            raise Refused(HttpError.TRANSPORT, f"no complete answer within {self._limits.seconds:g} s") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, OSError) as error:
            raise Refused(HttpError.TRANSPORT, f"the request failed ({type(error).__name__})") from error

    def close(self) -> None:
        """Ends what the fetcher keeps between fetches."""
        if isinstance(self._resolver, SystemResolver):
            self._resolver.close()

    def _is_local(self, target: Target) -> bool:
        return self._allow_loopback and any(rule.loopback and rule.matches(target) for rule in self._allowlist)

    async def _addresses(self, target: Target, local: bool) -> list[str]:
        # An address is an answer by itself; resolvers would only be asked to read it in ways of their own.
        if ":" in target.host or _is_dotted(target.host):
            addresses = [target.host]
        else:
            try:
                addresses = await self._resolver.resolve(target.host, target.port)
            except (OSError, UnicodeError):
                addresses = []
        if not addresses:
            raise Refused(HttpError.TRANSPORT, f"the name {target.host} has no address")
        permitted = is_loopback if local else is_public
        if not all(permitted(address) for address in addresses):
            raise Refused(HttpError.NOT_ALLOWED, f"{target.host} has an address that is not on the public Internet")
        return addresses[:MAX_ADDRESSES]

    def _headers(self, given: Sequence[HttpHeader], target: Target) -> list[tuple[bytes, bytes]]:
        if len(given) > self._limits.headers or sum(len(h.name) + len(h.value) for h in given) > self._limits.header_bytes:
            raise Refused(HttpError.TRANSPORT, "the request has too many headers")
        dropped = HOP_BY_HOP | {
            name.strip().lower() for header in given if header.name.lower() == "connection" for name in header.value.split(",")
        }
        headers = [(b"Host", target.url.netloc)]
        for header in given:
            if not _TOKEN.fullmatch(header.name) or _BAD_VALUE.search(header.value):
                raise Refused(HttpError.TRANSPORT, "the request has a header that HTTP does not allow")
            if header.name.lower() not in dropped:
                headers.append((header.name.encode("ascii"), header.value.strip(" \t").encode("utf-8")))
        return headers

    async def _exchange(
        self, method: str, target: Target, headers: list[tuple[bytes, bytes]], body: bytes | None, addresses: list[str]
    ) -> HttpResponse:
        if body is None and method in ("POST", "PUT", "PATCH"):
            headers.append((b"Content-Length", b"0"))
        url = httpcore2.URL(scheme=target.url.raw_scheme, host=target.url.raw_host, port=target.url.port, target=target.url.raw_path)
        async with (
            httpcore2.AsyncConnectionPool(
                ssl_context=self._ssl_context, http2=False, retries=0, network_backend=PinnedNetwork(addresses, self._network)
            ) as pool,
            pool.stream(method, url, headers=headers, content=body, extensions={"sni_hostname": target.host}) as response,
        ):
            content = await self._read(response)
            answered = [HttpHeader(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]
            return HttpResponse(response.status, answered, content)

    async def _read(self, response: httpcore2.Response) -> bytes:
        content = bytearray()
        async for chunk in response.aiter_stream():
            content += chunk
            if len(content) > self._limits.answer_bytes:
                raise Refused(HttpError.TRANSPORT, f"the answer is larger than {self._limits.answer_bytes} bytes")
        return bytes(content)


def _is_dotted(host: str) -> bool:
    # normal_host lets a host end in a number only when it is an IPv4 address.
    return host.rpartition(".")[2].isdecimal()


def _method(written: str) -> str:
    method = written.upper()
    if not _TOKEN.fullmatch(method) or len(method) > 32:
        raise Refused(HttpError.INVALID_URL, "the method is not one that HTTP knows")
    if method in FORBIDDEN_METHODS:
        raise Refused(HttpError.INVALID_URL, f"the method {method} is not available")
    return method
