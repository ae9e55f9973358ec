"""The security headers of extension pages."""

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
    """The Content-Security-Policy of documents: the operator's, if it is a legal header value, else ours.

    Ours lets only pages of the same origin and of the origins in `EXT_UI_FRAME_ANCESTORS` frame the document.
    """
    own = (settings.ui_content_security_policy or "").strip()
    if own and _is_legal(own):
        return own
    ancestors = (settings.ui_frame_ancestors or "").strip()
    framing = f"frame-ancestors 'self' {ancestors}".rstrip() if _is_legal(ancestors) and ";" not in ancestors else "frame-ancestors 'self'"
    return "; ".join([*_DIRECTIVES, framing])


def file_headers(*, document: bool, varies: bool, policy: str | None) -> dict[str, str]:
    """The headers of responses for an existing file, for every status.

    Browsers revalidate a document each time and may cache anything else forever.

    `varies`: the file is sent in an encoding that the browser accepts.

    The pages live in an opaque origin, for which even their own files are cross-origin: scripts of type module and fonts need CORS.
    """
    headers = {
        "cache-control": "no-cache" if document else IMMUTABLE,
        "x-content-type-options": "nosniff",
        "access-control-allow-origin": "*",
        "cross-origin-resource-policy": "cross-origin",
    }
    if varies:
        headers["vary"] = "accept-encoding"
    if policy is not None:
        headers["content-security-policy"] = policy
    return headers


def _is_legal(value: str) -> bool:
    return all(32 <= ord(character) < 127 for character in value)
