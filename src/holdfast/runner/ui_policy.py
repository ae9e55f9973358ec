"""The headers that keep extension pages in their place."""

from __future__ import annotations

from holdfast.settings import Settings

_DIRECTIVES = (
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
)

IMMUTABLE = "public, max-age=31536000, immutable"


def content_security_policy(settings: Settings) -> str:
    """The policy of HTML documents: the operator's own when it is a legal header, else ours, which only the gateway's own pages and
    the operator's `EXT_UI_FRAME_ANCESTORS` may frame."""
    own = (settings.ui_content_security_policy or "").strip()
    if own and _legal(own):
        return own
    ancestors = (settings.ui_frame_ancestors or "").strip()
    framing = f"frame-ancestors 'self' {ancestors}".rstrip() if _legal(ancestors) and ";" not in ancestors else "frame-ancestors 'self'"
    return "; ".join([*_DIRECTIVES, framing])


def file_headers(*, etag: str, document: bool, policy: str | None) -> dict[str, str]:
    """Headers of a file that is there, for 200 and 304. A document is asked for again each time; anything else may be kept for ever.

    The pages live in an opaque origin, for which even their own files are cross-origin: scripts of type module and fonts need CORS.
    """
    headers = {
        "etag": etag,
        "cache-control": "no-cache" if document else IMMUTABLE,
        "x-content-type-options": "nosniff",
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
    }
    if policy is not None:
        headers["content-security-policy"] = policy
    return headers


def matches(if_none_match: str | None, etag: str) -> bool:
    """Whether the browser already has the file: one of the tags given is this one (RFC 9110, 13.1.2: compared weakly), or `*`."""
    if if_none_match is None:
        return False
    return any(tag.strip().removeprefix("W/") in (etag, "*") for tag in if_none_match.split(","))


def _legal(value: str) -> bool:
    return all(32 <= ord(character) < 127 for character in value)
