"""`/runner/ext-ui/…`: passes the files of extension pages through from the runner, byte for byte."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from urllib.parse import quote, unquote

import httpx2
import structlog
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from holdfast.gateway.development.documents import add_script, can_add_script, is_navigation
from holdfast.gateway.http.error_formats import STANDARD_ERRORS
from holdfast.gateway.http.errors import GatewayError, InvalidRequest
from holdfast.gateway.http.requests import path_segments
from holdfast.gateway.services import Services
from holdfast.http.operations import Operation

REQUEST_HEADERS = ("accept", "accept-encoding", "accept-language", "if-modified-since", "if-none-match", "if-range", "range", "user-agent")
"""Headers of a request that the runner gets."""
RESPONSE_HEADERS = frozenset(
    {
        "accept-ranges",
        "cache-control",
        "content-encoding",
        "content-length",
        "content-range",
        "content-security-policy",
        "content-type",
        "etag",
        "last-modified",
        "referrer-policy",
        "vary",
        "x-content-type-options",
    }
)
"""Headers of the runner's response that the browser gets."""
# A page that a user opens by its address, outside the sandboxed frame, gets an opaque origin from this header.
SANDBOX = "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads"
_MAX_QUERY_LENGTH = 4_096

_log = structlog.get_logger(__name__)


async def proxy_ui_file(services: Services, request: Request) -> Response:
    """Needs no credentials: a frame with an opaque origin has none to send. The runner checks the install instead."""
    _runner, *rest = path_segments(request)
    if len(rest) < 4 or rest[0] != "ext-ui":
        raise GatewayError("endpoint_not_found", "Only files of extension pages are served here, below /runner/ext-ui/.")
    if len(request.url.query) > _MAX_QUERY_LENGTH:
        raise InvalidRequest(f"The query is longer than {_MAX_QUERY_LENGTH} characters.", hint="Shorten the query.")
    developed = services.development.find_served(unquote(rest[1]), unquote(rest[2])) if services.development else None
    if developed is not None and developed.state.content_hash is not None:
        # A page that is open while `holdfast dev` replaces the bundle still loads files by the earlier hash.
        rest[2] = quote(developed.state.content_hash, safe="")
    target = "/" + "/".join(rest)
    if request.url.query:
        target += f"?{request.url.query}"
    headers = {name: request.headers[name] for name in REQUEST_HEADERS if name in request.headers}
    # The bytes are passed on undecoded, so the runner may only encode them as the browser allows.
    headers.setdefault("accept-encoding", "identity")
    if developed is not None and is_navigation(request):
        return await _document_in_development(services, request, target, headers, unquote(rest[2]))
    upstream = await services.runner.open_ui(request.method, target, headers, content_hash=unquote(rest[2]))
    response = _ProxiedResponse(upstream)
    response.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in _headers(upstream)]
    return response


async def _document_in_development(
    services: Services, request: Request, target: str, headers: dict[str, str], content_hash: str
) -> Response:
    """The document of a frame, with the script that replaces its style sheets. Anything but a small HTML document is passed through."""
    plain = {name: value for name, value in headers.items() if name not in ("if-none-match", "if-modified-since", "range", "if-range")}
    upstream = await services.runner.open_ui(request.method, target, plain | {"accept-encoding": "identity"}, content_hash=content_hash)
    if not can_add_script(upstream.status_code, upstream.headers):
        response: Response = _ProxiedResponse(upstream)
        response.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in _headers(upstream)]
        return response
    try:
        body = add_script(await upstream.aread())
    finally:
        await upstream.aclose()
    response = Response(body if request.method != "HEAD" else b"", upstream.status_code)
    kept = [(name, value) for name, value in _headers(upstream) if name not in ("etag", "cache-control", "content-length", "accept-ranges")]
    response.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in [*kept, ("cache-control", "no-store")]]
    response.raw_headers.append((b"content-length", b"%d" % len(body)))
    return response


OPERATIONS: tuple[Operation[Services], ...] = (
    Operation(method="GET", path="/runner/{path:path}", handler=proxy_ui_file, errors=STANDARD_ERRORS),
)


class _ProxiedResponse(StreamingResponse):
    """Streams the runner's response and closes it even if the browser disconnects before the body starts."""

    def __init__(self, upstream: httpx2.Response) -> None:
        super().__init__(_raw_chunks(upstream), status_code=upstream.status_code)
        self._upstream = upstream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._upstream.aclose()


def _headers(upstream: httpx2.Response) -> Iterator[tuple[str, str]]:
    for name, value in upstream.headers.multi_items():
        if name.lower() in RESPONSE_HEADERS:
            yield name.lower(), value
    yield "content-security-policy", SANDBOX
    # Browsers fetch module scripts and fonts with CORS, from the page's origin "null". The files are the same for every user.
    yield "access-control-allow-origin", "*"
    yield "cross-origin-resource-policy", "cross-origin"
    if "x-content-type-options" not in upstream.headers:
        yield "x-content-type-options", "nosniff"


async def _raw_chunks(upstream: httpx2.Response) -> AsyncIterator[bytes]:
    try:
        async for chunk in upstream.aiter_raw():
            yield chunk
    except httpx2.HTTPError as error:
        # Too late for an error status: the connection is cut, which the browser reports as an incomplete file.
        _log.warning("ui_file_interrupted", error=type(error).__name__)
        raise
