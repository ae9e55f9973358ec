"""The media types of the files of pages."""

from __future__ import annotations

from holdfast.runner.ui.paths import suffix

UNKNOWN = "application/octet-stream"

_TYPES = {
    "html": "text/html",
    "js": "text/javascript",
    "mjs": "text/javascript",
    "css": "text/css",
    "json": "application/json",
    "map": "application/json",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "avif": "image/avif",
    "ico": "image/x-icon",
    "woff": "font/woff",
    "woff2": "font/woff2",
    "ttf": "font/ttf",
    "otf": "font/otf",
    "wasm": "application/wasm",
    "txt": "text/plain",
    "webmanifest": "application/manifest+json",
}


def media_type(path: str) -> str:
    """The type by the suffix of a path, without a charset; `application/octet-stream` when it says nothing."""
    return _TYPES.get(suffix(path), UNKNOWN)
