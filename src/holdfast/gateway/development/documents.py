"""The document of a frame while `holdfast dev` builds its extension: it gets a script that replaces style sheets without a reload."""

from __future__ import annotations

import re
from collections.abc import Mapping

from starlette.requests import Request

MAX_DOCUMENT_BYTES = 4 * 1024 * 1024
SCRIPT = b'<script src="/console/static/development-frame.js"></script>'
"""The policy of pages allows scripts of the gateway's own origin."""

_PLACES = (re.compile(rb"<head(?:\s[^>]*)?>", re.IGNORECASE), re.compile(rb"<html(?:\s[^>]*)?>", re.IGNORECASE))
_DOCTYPE = re.compile(rb"\s*(?:<!--.*?-->\s*)*<!doctype[^>]*>", re.IGNORECASE | re.DOTALL)


def is_navigation(request: Request) -> bool:
    """Whether the browser loads a document, not a file of one. Browsers say so; other clients get the file as it is."""
    return request.headers.get("sec-fetch-dest", "") in ("iframe", "document", "frame")


def can_add_script(status: int, headers: Mapping[str, str]) -> bool:
    """Whether the response is an HTML document, small and unencoded."""
    size = headers.get("content-length", "")
    return (
        status == 200
        and headers.get("content-type", "").partition(";")[0].strip().lower() == "text/html"
        and headers.get("content-encoding", "identity") == "identity"
        and size.isdecimal()
        and int(size) <= MAX_DOCUMENT_BYTES
    )


def add_script(document: bytes) -> bytes:
    """The document with SCRIPT: first in the head, or where a parser would begin the head."""
    place = next((match for pattern in _PLACES if (match := pattern.search(document))), None) or _DOCTYPE.match(document)
    end = 0 if place is None else place.end()
    return document[:end] + SCRIPT + document[end:]
