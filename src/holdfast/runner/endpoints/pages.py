"""`GET /ext-ui/{extension}/{hash}/{path}`: the files of extension pages, from verified bundles, for tenants that have them installed."""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from holdfast.bundles.cache.errors import ArchiveHashMismatch
from holdfast.bundles.signing.errors import SignatureRejected
from holdfast.errors import HoldfastError
from holdfast.runner.http.errors import AssetTooLarge, InvalidUiHash
from holdfast.runner.http.responses import error_response
from holdfast.runner.services import RunnerServices
from holdfast.runner.ui.assets import Asset
from holdfast.runner.ui.encodings import accepted_encodings
from holdfast.runner.ui.files import BundleRef, NotInStore, PageSource, PageUnavailable
from holdfast.runner.ui.paths import clean_path
from holdfast.runner.ui.ranges import OUTSIDE, ByteRange, parse_range
from holdfast.runner.ui.responses import RawHeaders, Streamed, Whole

_log = structlog.get_logger(__name__)

_HASH = re.compile(r"sha256:([0-9a-f]{64})", re.IGNORECASE | re.ASCII)
_READ = frozenset({b"x-tenant-id", b"if-none-match", b"accept-encoding", b"range", b"if-range", b"host"})


class RangeOutside(HoldfastError):
    """Raised when no byte of a file is in the requested range."""

    code = "range_not_satisfiable"
    status = 416


class _PageRequest(NamedTuple):
    """The parts of a request that are used. `headers` holds only those in `_READ`, repeated ones joined by commas."""

    extension_id: str
    sha256_hex: str
    path: str
    headers: dict[bytes, bytes]
    tenant_id: str
    head: bool


async def serve_page(services: RunnerServices, request: Request) -> Response:
    """A file of a page. Needs no token, because browsers have none: the install is checked.

    Raises UiNotFound, InvalidUiHash, InvalidUiPath, AssetTooLarge and what `PageSource.asset` raises. Logs, as errors, bundles that do not
    load: the frame of the page stays empty, and its author looks here.
    """
    page = _read_request(request.scope)
    try:
        return await _serve(services, page)
    except (NotInStore, PageUnavailable, ArchiveHashMismatch, SignatureRejected) as error:
        found = error.details if isinstance(error.details, dict) else {}
        about = {"extension": page.extension_id, "content_hash": f"sha256:{page.sha256_hex}", "path": page.path}
        _log.error("page_failed", error=error.code, rule=found.get("rule"), message=error.message, **about)
        raise


async def _serve(services: RunnerServices, page: _PageRequest) -> Response:
    tenant_id = await services.page_access.find_tenant(
        page.tenant_id, page.extension_id, page.sha256_hex, page.headers.get(b"host", b"").decode("latin-1")
    )
    bundle_ref = BundleRef(tenant_id, page.extension_id, page.sha256_hex)
    try:
        asset = await services.pages.asset(bundle_ref, page.path)
    except NotInStore:
        services.page_access.forget(*bundle_ref)
        raise
    services.page_access.remember(*bundle_ref)
    max_bytes = services.settings.static_max_file_bytes
    if max_bytes is not None and asset.size > max_bytes:
        raise AssetTooLarge("asset too large", hint="EXT_STATIC_MAX_FILE_BYTES is the limit.")
    known = page.headers.get(b"if-none-match")
    unchanged = None if known is None else asset.not_modified(known)
    return unchanged or await _content(services.pages, bundle_ref, asset, page)


async def _content(source: PageSource, bundle_ref: BundleRef, asset: Asset, page: _PageRequest) -> Response:
    # A range is of the unencoded file, and only GET has one (RFC 9110, section 14.2).
    wanted = None if page.head else page.headers.get(b"range")
    if wanted is not None:
        return await _ranged(source, bundle_ref, asset, wanted.decode("latin-1"), page.headers.get(b"if-range"))
    encodings = accepted_encodings(page.headers.get(b"accept-encoding", b"").decode("latin-1")) if asset.encodable else ()
    encoded = await source.encoded(bundle_ref, asset, encodings) if encodings else None
    if encoded is not None:
        encoding, body = encoded
        return Whole(200, asset.headers(len(body), encoding), body)
    return await _part(source, bundle_ref, asset, 0, asset.size, asset.headers(asset.size), head=page.head)


async def _ranged(source: PageSource, bundle_ref: BundleRef, asset: Asset, wanted: str, if_range: bytes | None) -> Response:
    # A date never matches: we send none. A weak tag has no prefix that could match either.
    current = if_range is None or if_range.strip() == asset.tag
    found = parse_range(wanted, asset.size) if current else None
    if found == OUTSIDE:
        response = error_response(RangeOutside(f"The file has {asset.size} bytes; the range is outside of it."))
        response.headers["content-range"] = f"bytes */{asset.size}"
        return response
    if not isinstance(found, ByteRange):
        return await _part(source, bundle_ref, asset, 0, asset.size, asset.headers(asset.size))
    headers = [*asset.headers(found.length), (b"content-range", found.content_range(asset.size).encode())]
    return await _part(source, bundle_ref, asset, found.first, found.length, headers, status=206)


async def _part(
    source: PageSource,
    bundle_ref: BundleRef,
    asset: Asset,
    first: int,
    length: int,
    headers: RawHeaders,
    *,
    status: int = 200,
    head: bool = False,
) -> Response:
    body = b"" if head else await source.small(bundle_ref, asset)
    if body is None:
        return Streamed(status, headers, await source.descriptor(bundle_ref, asset), offset=first, length=length)
    return Whole(status, headers, body if length == len(body) else body[first : first + length])


def _read_request(scope: Scope) -> _PageRequest:
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
    tenant = _tenant_in(scope["query_string"])
    if tenant is None:
        tenant = headers.get(b"x-tenant-id", b"").decode("latin-1")
    return _PageRequest(parameters["extension_id"], written[1].lower(), path, headers, tenant.strip(), scope["method"] == "HEAD")


def _tenant_in(query: bytes) -> str | None:
    """The tenant in a query string; None without that parameter. An empty one counts: it hides the header."""
    if not query:
        return None
    return next((value for name, value in reversed(parse_qsl(query.decode("latin-1"), keep_blank_values=True)) if name == "tenant"), None)
