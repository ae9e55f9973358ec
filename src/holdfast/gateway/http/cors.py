"""Cross-origin requests of browsers (Fetch standard, CORS protocol), for listed origins only. No origin is listed by default.

A listed origin may send an API key and read the response. `access-control-allow-credentials` is never sent, and a session cookie counts
for the gateway's own origin only (see `caller_of`): another site's page never acts as the user who happens to be logged in.
"""

from __future__ import annotations

from collections.abc import Collection

from starlette.requests import Request
from starlette.responses import Response

from holdfast.gateway.http.requests import request_id
from holdfast.gateway.http.responses import add_headers
from holdfast.http.responses import WholeResponse

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_ALLOW = ", ".join((*METHODS, "OPTIONS")).encode()
_MAX_AGE_SECONDS = 600
_MAX_REQUESTED_HEADERS = 1_024
_VARY = (b"vary", b"Origin")


def allow_origin(request: Request, origins: Collection[str]) -> None:
    """Lets the page of a listed origin read the response, also that to an error."""
    if origins:
        # Also for other origins: a cache must not give the response of one to another.
        headers = [_VARY]
        origin = request.headers.get("origin")
        if origin in origins:
            assert origin is not None
            headers += [(b"access-control-allow-origin", origin.encode("latin-1")), (b"access-control-expose-headers", b"*")]
        add_headers(request, headers)


def options_response(request: Request, origins: Collection[str]) -> Response:
    """The response to OPTIONS: the methods, and for the preflight of a listed origin what it may send. It needs no credentials, and says
    nothing about the extension."""
    headers = [(b"allow", _ALLOW), (b"x-request-id", request_id(request).encode("latin-1")), (b"cache-control", b"no-store")]
    if origins:
        headers.append(_VARY)
    origin = request.headers.get("origin")
    if origin in origins and "access-control-request-method" in request.headers:
        assert origin is not None
        headers += [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-methods", ", ".join(METHODS).encode()),
            (b"access-control-max-age", b"%d" % _MAX_AGE_SECONDS),
        ]
        # What an extension may receive is decided by its manifest, so the page may send any header.
        requested = request.headers.get("access-control-request-headers", "")
        if requested and len(requested) <= _MAX_REQUESTED_HEADERS:
            headers.append((b"access-control-allow-headers", requested.encode("latin-1")))
    return WholeResponse(204, headers, b"")
