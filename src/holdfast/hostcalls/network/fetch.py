"""Sends the HTTP requests of guests: one checked target, one connection of the install, one size-limited response each."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Sequence

import httpcore2
from msgspec import Struct

from holdfast.hostcalls.call.errors import HostCallError
from holdfast.hostcalls.network.addresses import Resolver, SystemResolver, is_loopback, is_public
from holdfast.hostcalls.network.connections import Connections, InstallOfFetch
from holdfast.hostcalls.network.decoding import ACCEPTED, BodyTooLarge, BodyUndecodable, decoder_of
from holdfast.hostcalls.network.denials import not_granted, not_public
from holdfast.hostcalls.network.egress import EgressRule, InvalidTarget, Target, parse_target
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

_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
_ENCODING_HEADERS = frozenset({"content-encoding", "content-length"})
_DECODED_IN_A_THREAD = 64 * 1024

_REQUEST_LINE_BYTES = len("  HTTP/1.1\r\n\r\n")
_STATUS_LINE_BYTES = len("HTTP/1.1 200 OK\r\n\r\n")
_FIELD_BYTES = len(": \r\n")


def _ignore(_: object) -> None:
    pass


class FetchCaller(Struct, frozen=True, kw_only=True):
    """Whose fetch it is. Connections are kept for `install`, None for none. `user_agent` is sent unless the guest sets another.

    `on_reported` is called with what `enforce` would have refused, in the mode `report`.
    """

    install: InstallOfFetch | None = None
    user_agent: str = "Holdfast"
    on_reported: Callable[[str], None] = _ignore


_ANYONE = FetchCaller()


class FetchLimits(Struct, frozen=True, kw_only=True):
    """Limits of one fetch."""

    seconds: float = 30.0
    response_bytes: int = 5 * 1024 * 1024
    headers: int = 100
    header_bytes: int = 32 * 1024


class _Prepared(Struct, frozen=True):
    """A request as it is sent. `decodes`: the host asked for a compressed response, so the guest does not see that it is one."""

    method: str
    target: Target
    headers: list[tuple[bytes, bytes]]
    body: bytes | None
    decodes: bool


class Fetcher:
    """Fetches for every call of a process. Denies every target that no rule allows.

    Resolves the name for each fetch, denies the fetch if any address is not public, and connects to the checked addresses only. Keeps
    connections within one install and one target (`Connections`), so no tenant can receive data of another. Returns redirects, never
    follows them; ignores proxies of the environment.
    """

    def __init__(
        self,
        allowlist: Sequence[EgressRule] = (),
        *,
        allow_loopback: bool = False,
        report_only: bool = False,
        keep_seconds: float = 0.0,
        limits: FetchLimits | None = None,
        resolver: Resolver | None = None,
        network: httpcore2.AsyncNetworkBackend | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        """`allowlist` has the operator's rules, which apply to every extension. With `allow_loopback`, rules for a port of this machine
        are allowed too: for an author whose API runs on the same machine, never in production. With `report_only`, a public target that
        no rule allows is reported and reached. Idle connections are kept for `keep_seconds`."""
        self._allowlist = tuple(allowlist)
        self._allow_loopback = allow_loopback
        self._report_only = report_only
        self._limits = limits or FetchLimits()
        self._resolver: Resolver = resolver if resolver is not None else SystemResolver()
        self.connections = Connections(network or httpcore2.AnyIOBackend(), ssl_context or system_tls_context(), keep_seconds=keep_seconds)

    async def fetch(
        self,
        request: HttpRequest,
        granted: Sequence[EgressRule],
        on_bytes: Callable[[int], None] = _ignore,
        *,
        withheld: Sequence[EgressRule] | None = None,
        caller: FetchCaller = _ANYONE,
    ) -> HttpResponse:
        """Sends the request if `granted` or the operator's rules allow its target. Raises HostCallError with a case of HttpError.

        `on_bytes` is called with the bytes of HTTP that are sent, and with those that are received, also when the fetch fails later.
        """
        try:
            target = parse_target(request.url)
        except InvalidTarget as error:
            raise HostCallError(HttpError.INVALID_URL, str(error)) from None
        local = self._is_local(target)
        denial = None
        if not local and not any(rule.matches(target) for rule in (*granted, *self._allowlist)):
            denial = not_granted(target, granted, withheld, allow_loopback=self._allow_loopback)
            if not self._report_only:
                raise denial
        prepared = self._prepare(request, target, caller)
        try:
            async with asyncio.timeout(self._limits.seconds):
                addresses = await self._addresses(target, local)
                if denial is not None:
                    # After the check of the addresses: what is not public is refused in every mode.
                    caller.on_reported(denial.reason)
                return await self._exchange(prepared, addresses, on_bytes, caller.install)
        except TimeoutError:
            raise HostCallError(HttpError.TRANSPORT, f"no complete response within {self._limits.seconds:g} s") from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, OSError) as error:
            raise HostCallError(HttpError.TRANSPORT, f"the request failed ({type(error).__name__})") from error

    async def close(self) -> None:
        """Closes the kept connections and stops the threads of the resolver."""
        await self.connections.close()
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

    def _prepare(self, request: HttpRequest, target: Target, caller: FetchCaller) -> _Prepared:
        method = _method(request.method)
        headers = self._headers(request.headers, target)
        names = {name.lower() for name, _ in headers}
        # The guest of a part of a file means bytes of the file itself.
        decodes = not names & {b"accept-encoding", b"range"}
        if decodes:
            headers.append((b"Accept-Encoding", ACCEPTED.encode()))
        if b"user-agent" not in names:
            headers.append((b"User-Agent", caller.user_agent.encode()))
        if request.body is not None or method in ("POST", "PUT", "PATCH"):
            headers.append((b"Content-Length", b"%d" % len(request.body or b"")))
        return _Prepared(method, target, headers, request.body, decodes)

    async def _exchange(
        self, request: _Prepared, addresses: list[str], on_bytes: Callable[[int], None], install: InstallOfFetch | None
    ) -> HttpResponse:
        lease = self.connections.lease
        async with lease(install, request.target, addresses) as pool:
            was_kept = bool(pool.connections)
            responses: list[httpcore2.Response] = []
            try:
                return await self._send(request, pool, on_bytes, responses)
            except (httpcore2.RemoteProtocolError, httpcore2.ReadError, httpcore2.WriteError):
                # The server may have closed the kept connection while the request was on its way.
                if not was_kept or responses or request.body is not None or request.method not in _REPEATABLE:
                    raise
        async with lease(install, request.target, addresses, fresh=True) as pool:
            return await self._send(request, pool, on_bytes, [])

    async def _send(
        self,
        request: _Prepared,
        pool: httpcore2.AsyncConnectionPool,
        on_bytes: Callable[[int], None],
        responses: list[httpcore2.Response],
    ) -> HttpResponse:
        """Adds the response to `responses` as soon as its headers are here."""
        url, body = request.target.url, request.body
        to = httpcore2.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        extensions = {"sni_hostname": request.target.host}
        async with pool.stream(request.method, to, headers=request.headers, content=body, extensions=extensions) as response:
            responses.append(response)
            # The request is complete when the response's headers are here. A fetch that found no server has sent nothing.
            on_bytes(_REQUEST_LINE_BYTES + len(request.method) + len(url.raw_path) + _fields_bytes(request.headers) + len(body or b""))
            on_bytes(_STATUS_LINE_BYTES + _fields_bytes(response.headers))
            content = await self._read(response, on_bytes)
        headers = [HttpHeader(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers]
        if request.decodes and content:
            content, headers = await self._decode(content, headers)
        return HttpResponse(response.status, headers, content)

    async def _decode(self, content: bytes, headers: list[HttpHeader]) -> tuple[bytes, list[HttpHeader]]:
        decode = decoder_of(", ".join(header.value for header in headers if header.name.lower() == "content-encoding"))
        if decode is None:
            return content, headers
        limit = self._limits.response_bytes
        try:
            if len(content) < _DECODED_IN_A_THREAD:
                decoded = decode(content, limit)
            else:
                decoded = await asyncio.to_thread(decode, content, limit)
        except BodyTooLarge:
            raise HostCallError(HttpError.TRANSPORT, f"the decoded response is larger than {limit} bytes") from None
        except BodyUndecodable as error:
            raise HostCallError(
                HttpError.TRANSPORT, f"the response cannot be decoded: {error}; set the header Accept-Encoding to get its bytes as they are"
            ) from None
        return decoded, [header for header in headers if header.name.lower() not in _ENCODING_HEADERS]

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
