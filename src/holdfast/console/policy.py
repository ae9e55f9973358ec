"""What a browser may do with the console's answers: the Content-Security-Policy and the headers beside it."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.datastructures import MutableHeaders

PAGE_HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Not no-referrer: under it browsers send `Origin: null` with a form, and the Origin is what a form is checked by.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}

STATIC_HEADERS = {
    # Revalidated by ETag each time: a new version of Holdfast must not meet the old version's scripts.
    "cache-control": "no-cache",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


def content_security_policy(*, frames: Iterable[str] = (), connections: Iterable[str] = ()) -> str:
    """The policy of one page. `frames` are the sources it may frame (none unless given), `connections` what it may fetch beside itself."""
    frame_sources = " ".join(frames) or "'none'"
    connect_sources = " ".join(["'self'", *connections])
    return "; ".join(
        [
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            f"connect-src {connect_sources}",
            f"frame-src {frame_sources}",
            "form-action 'self'",
            "object-src 'none'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


def secure_page(headers: MutableHeaders, *, frames: Iterable[str] = (), connections: Iterable[str] = ()) -> None:
    """Sets every header a page has to have."""
    headers.update(PAGE_HEADERS)
    headers["content-security-policy"] = content_security_policy(frames=frames, connections=connections)
