"""`GET /ext-ui/{extension}/{hash}/{path}`: the files of extension pages, from verified bundles, for tenants that have them installed."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from holdfast.errors import HoldfastError
from holdfast.runner.errors import AssetTooLarge, InvalidUiHash
from holdfast.runner.http.responses import error_response, response_to
from holdfast.runner.services import RunnerServices
from holdfast.runner.ui.assets import Asset
from holdfast.runner.ui.encodings import accepted
from holdfast.runner.ui.files import NotInStore, PageSource, Place
from holdfast.runner.ui.paths import clean_path
from holdfast.runner.ui.ranges import OUTSIDE, ByteRange, parse_range
from holdfast.runner.ui.responses import RawHeaders, Streamed, Whole
from holdfast.runner.ui.security_headers import content_security_policy
from holdfast.runner.ui.tenant import PageAccess

_HASH = re.compile(r"sha256:([0-9a-f]{64})", re.IGNORECASE | re.ASCII)
_READ = frozenset({b"x-tenant-id", b"if-none-match", b"accept-encoding", b"range", b"if-range", b"host"})


class RangeOutside(HoldfastError):
    """Raised when no byte of a file is in the range that is asked for."""

    code = "range_not_satisfiable"
    status = 416


class _Asked(NamedTuple):
    """What counts of a request. `headers` holds only those that are read here, repeated ones joined by commas."""

    extension_id: str
    sha256_hex: str
    path: str
    headers: dict[bytes, bytes]
    tenant_id: str
    head: bool


class UiFiles:
    """Serves pages, as an ASGI application below a route."""

    def __init__(self, services: RunnerServices) -> None:
        settings = services.settings
        self._max_bytes = settings.static_max_file_bytes
        self._access = PageAccess(services.validator, strict=settings.static_strict_validation)
        self._source = PageSource(services.cache, policy=content_security_policy(settings))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer: ASGIApp
        try:
            answer = await self._answer(_asked(scope))
        except Exception as error:
            answer = response_to(error, scope["path"])
        await answer(scope, receive, send)

    async def _answer(self, asked: _Asked) -> ASGIApp:
        host = asked.headers.get(b"host", b"").decode("latin-1")
        tenant_id = await self._access.tenant(asked.tenant_id, asked.extension_id, asked.sha256_hex, host)
        place = Place(tenant_id, asked.extension_id, asked.sha256_hex)
        try:
            asset = await self._source.asset(place, asked.path)
        except NotInStore:
            self._access.not_there(*place)
            raise
        self._access.served(*place)
        if self._max_bytes is not None and asset.size > self._max_bytes:
            raise AssetTooLarge("asset too large", hint="EXT_STATIC_MAX_FILE_BYTES is the limit.")
        known = asked.headers.get(b"if-none-match")
        unchanged = None if known is None else asset.not_modified(known)
        return unchanged or await self._content(place, asset, asked)

    async def _content(self, place: Place, asset: Asset, asked: _Asked) -> ASGIApp:
        # A range is one of the bytes as they are, and means something to GET only (RFC 9110, section 14.2).
        wanted = None if asked.head else asked.headers.get(b"range")
        if wanted is not None:
            return await self._ranged(place, asset, wanted.decode("latin-1"), asked.headers.get(b"if-range"))
        encodings = accepted(asked.headers.get(b"accept-encoding", b"").decode("latin-1")) if asset.encodable else ()
        encoded = await self._source.encoded(place, asset, encodings) if encodings else None
        if encoded is not None:
            encoding, body = encoded
            return Whole(200, asset.headers(len(body), encoding), body)
        return await self._part(place, asset, 0, asset.size, asset.headers(asset.size), head=asked.head)

    async def _ranged(self, place: Place, asset: Asset, wanted: str, if_range: bytes | None) -> ASGIApp:
        # A date never matches: we send none. A weak tag has no prefix that could match either.
        current = if_range is None or if_range.strip() == asset.tag
        found = parse_range(wanted, asset.size) if current else None
        if found == OUTSIDE:
            answer = error_response(RangeOutside(f"The file has {asset.size} bytes, and none of them is in the range."))
            answer.headers["content-range"] = f"bytes */{asset.size}"
            return answer
        if not isinstance(found, ByteRange):
            return await self._part(place, asset, 0, asset.size, asset.headers(asset.size))
        headers = [*asset.headers(found.length), (b"content-range", found.content_range(asset.size).encode())]
        return await self._part(place, asset, found.first, found.length, headers, status=206)

    async def _part(
        self, place: Place, asset: Asset, first: int, length: int, headers: RawHeaders, *, status: int = 200, head: bool = False
    ) -> ASGIApp:
        body = b"" if head else await self._source.small(place, asset)
        if body is None:
            return Streamed(status, headers, await self._source.descriptor(place, asset), offset=first, length=length)
        return Whole(status, headers, body if length == len(body) else body[first : first + length])


def routes(services: RunnerServices) -> list[BaseRoute]:
    """The route of pages; it needs no token, because browsers have none."""
    return [Route("/ext-ui/{extension_id}/{content_hash}/{path:path}", UiFiles(services), methods=["GET", "HEAD"])]


def _asked(scope: Scope) -> _Asked:
    """Raises InvalidUiHash, InvalidUiPath."""
    parameters = scope["path_params"]
    written = _HASH.fullmatch(parameters["content_hash"])
    if written is None:
        raise InvalidUiHash("invalid content hash", hint="It is sha256: followed by 64 hexadecimal digits.")
    path = clean_path(parameters["path"])
    headers: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in _READ:
            headers[name] = value if name not in headers else headers[name] + b", " + value
    given = _named_in(scope["query_string"])
    if given is None:
        given = headers.get(b"x-tenant-id", b"").decode("latin-1")
    return _Asked(parameters["extension_id"], written[1].lower(), path, headers, given.strip(), scope["method"] == "HEAD")


def _named_in(query: bytes) -> str | None:
    """The tenant of a query string; None when it has no such parameter. An empty one counts: it hides the header."""
    if not query:
        return None
    return next((value for name, value in reversed(parse_qsl(query.decode("latin-1"), keep_blank_values=True)) if name == "tenant"), None)
