"""Which headers the gateway passes on, in each direction."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from starlette.requests import Request

from holdfast.gateway.http.errors import BadGateway
from holdfast.gateway.http.redirects import redirect_target
from holdfast.http.fast_path import RawHeaders

TO_GUEST = (
    "accept",
    "accept-encoding",
    "accept-language",
    "content-encoding",
    "content-type",
    "if-modified-since",
    "if-none-match",
    "user-agent",
)
"""Request headers that an extension sees, besides the ids that the gateway sets. Never credentials: no `authorization`, no cookie.

The body arrives as it was sent: `content-encoding` says how the caller encoded it, and the gateway decodes nothing."""
_TO_GUEST = {name.encode(): name for name in TO_GUEST}

HOP_BY_HOP = frozenset(
    {
        "connection",
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
"""Headers of one connection (RFC 9110, section 7.6.1)."""

WITHHELD = HOP_BY_HOP | {
    # Set by the gateway itself.
    "content-length",
    "date",
    "server",
    "x-request-id",
    # An extension does not speak for the origin through which it is reached: it must not set the application's cookies, request
    # passwords, clear or redirect the browser, or decide what other origins, frames, workers and reports may do.
    "set-cookie",
    "set-cookie2",
    "www-authenticate",
    "clear-site-data",
    "refresh",
    "strict-transport-security",
    "public-key-pins",
    "expect-ct",
    "alt-svc",
    "content-security-policy",
    "content-security-policy-report-only",
    "x-frame-options",
    "x-content-type-options",
    "x-xss-protection",
    "permissions-policy",
    "feature-policy",
    "referrer-policy",
    "cross-origin-embedder-policy",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "origin-agent-cluster",
    "service-worker-allowed",
    "sourcemap",
    "x-sourcemap",
    "report-to",
    "reporting-endpoints",
    "nel",
    "timing-allow-origin",
    "x-accel-redirect",
    "x-accel-buffering",
    "x-sendfile",
}
"""Response headers of an extension that are dropped; so are `access-control-*`, `sec-*`, `proxy-*` and `ratelimit*`. Others pass as they
are."""

_WITHHELD_PREFIXES = ("access-control-", "sec-", "proxy-", "ratelimit")

ISOLATION = {
    # Opened as a page, a response of an extension must not run as the application: it gets an origin of its own and may load nothing.
    "content-security-policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "cross-origin-resource-policy": "same-origin",
}
"""Set on every response of an extension."""

_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_NOT_VALUE = re.compile(r"[^\t\x20-\x7e\x80-\xff]")
_SHOWN = 100


def to_guest(headers: RawHeaders, further: Collection[str] = ()) -> dict[str, str | list[str]]:
    """The headers of a request that an extension sees, lower case; of a repeated one, all values in their order.

    `further` are the names, lower case, that the endpoint receives besides TO_GUEST.
    """
    seen: dict[str, str | list[str]] = {}
    for raw_name, raw_value in headers:
        name = _TO_GUEST.get(raw_name)
        if name is None:
            if not further:
                continue
            name = raw_name.decode("latin-1")
            if name not in further:
                continue
        value = raw_value.decode("latin-1")
        earlier = seen.get(name)
        if earlier is None:
            seen[name] = value
        else:
            seen[name] = [*earlier, value] if isinstance(earlier, list) else [earlier, value]
    return seen


def from_guest(headers: Iterable[tuple[str, str]], *, request: Request, own_prefix: str) -> list[tuple[bytes, bytes]]:
    """The headers of an extension's response that the caller gets, lower case, as (name, value).

    `own_prefix` is the path, with `/` at its end, below which the extension is reached; a `location` never leads to another part of the
    application (see `redirects`). Raises BadGateway for a header that HTTP does not allow, and names it: to drop it would hide the mistake
    from its author.
    """
    passed = []
    for name, value in headers:
        lower = name.lower()
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            raise _invalid_header(name, value)
        if lower in WITHHELD or lower.startswith(_WITHHELD_PREFIXES):
            continue
        target = redirect_target(value, own_url=str(request.url), own_prefix=own_prefix) if lower == "location" else value
        if target is not None:
            passed.append((lower.encode("latin-1"), target.encode("latin-1")))
    return passed


def _invalid_header(name: str, value: str) -> BadGateway:
    shown = name[:_SHOWN]
    if not _NAME.fullmatch(name):
        problem = f"The extension responded with a header whose name HTTP does not allow: {shown!a}."
        hint = "A name consists of ASCII letters, digits and hyphens."
    else:
        wrong = _NOT_VALUE.search(value)
        assert wrong is not None
        problem = f"The extension responded with the header {shown}, whose value has a character that HTTP does not allow: {wrong[0]!a}."
        hint = "Remove line ends and control characters. Percent-encode characters outside ISO-8859-1, as encodeURIComponent does."
    return BadGateway(problem, hint=hint, details={"code": "invalid_response", "rule": "response_header", "header": shown})
