"""Security headers of the console's responses: the Content-Security-Policy and others."""

from __future__ import annotations

from collections.abc import Iterable

from starlette.datastructures import MutableHeaders

PAGE_HEADERS = {
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Not no-referrer: with that, browsers send `Origin: null` with a form, and login.py checks the Origin of forms.
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}

STATIC_HEADERS = {
    # Browsers revalidate by ETag each time, so that no page of a new version runs scripts of an old one.
    "cache-control": "no-cache",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


def content_security_policy(*, frames: Iterable[str] = (), connections: Iterable[str] = ()) -> str:
    """The policy of one page. `frames` are the sources it may frame (default: none), `connections` those it may fetch besides its own."""
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


def set_page_headers(headers: MutableHeaders, *, frames: Iterable[str] = (), connections: Iterable[str] = ()) -> None:
    """Sets all security headers of a page."""
    headers.update(PAGE_HEADERS)
    headers["content-security-policy"] = content_security_policy(frames=frames, connections=connections)
