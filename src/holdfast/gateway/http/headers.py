"""Which headers the gateway passes on, in each direction."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import urljoin, urlsplit

from starlette.datastructures import Headers

TO_GUEST = (
    "accept",
    "accept-encoding",
    "accept-language",
    "content-type",
    "if-modified-since",
    "if-none-match",
    "user-agent",
)
"""Request headers that an extension sees, besides the ids that the gateway sets. Never credentials: no `authorization`, no cookie."""

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


def to_guest(headers: Headers) -> dict[str, str]:
    """The headers of a request that an extension sees, lower case; repeated ones joined with a comma."""
    return {name: ", ".join(values) for name in TO_GUEST if (values := headers.getlist(name))}


def from_guest(headers: Iterable[tuple[str, str]], *, own_url: str, own_prefix: str) -> Iterator[tuple[str, str]]:
    """The headers of an extension's response that the caller gets, lower case, as (name, value); malformed ones are dropped.

    A `location` passes when it leads to another origin or stays below `own_prefix` (a path with `/` at its end): a redirect must not send
    the browser, with its cookie, to another part of the application. `own_url` is the address of the request.
    """
    for name, value in headers:
        lower = name.lower()
        if lower in WITHHELD or lower.startswith(_WITHHELD_PREFIXES) or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
            continue
        if lower != "location" or _is_allowed_target(value, own_url, own_prefix):
            yield lower, value


def _is_allowed_target(location: str, own_url: str, own_prefix: str) -> bool:
    # Browsers read a backslash as a slash and drop tabs and line ends. No honest redirect needs any of them.
    if re.search(r"[\\\t\r\n]", location):
        return False
    try:
        target, own = urlsplit(urljoin(own_url, location.strip())), urlsplit(own_url)
    except ValueError:
        return False
    if target.scheme not in ("http", "https"):
        return False
    # By host alone: a different port or scheme of the same host still gets the cookie.
    if target.hostname != own.hostname:
        return True
    return target.netloc == own.netloc and target.path.startswith(own_prefix) and "%2e" not in target.path.lower()
