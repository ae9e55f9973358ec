"""Which paths of extension pages are served."""

from __future__ import annotations

import re

from holdfast.runner.http.errors import InvalidUiPath

SERVED_SUFFIXES = frozenset(
    {"html", "js", "mjs", "css", "json", "map", "wasm", "txt", "webmanifest"}
    | {"svg", "png", "jpg", "jpeg", "gif", "webp", "avif", "ico"}
    | {"woff", "woff2", "ttf", "otf"}
)
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f\\]")
_HINT = "Pages and assets have plain names, such as assets/app.js."


def clean_path(path: str) -> str:
    """The path of a page or asset, decoded, without repeated slashes; empty for the root.

    Raises InvalidUiPath for an absolute path, control characters, backslashes, segments that begin with a dot, and a last segment with
    a suffix that is not served.
    """
    if path.startswith("/"):
        raise InvalidUiPath("The path of a page is relative.", hint=_HINT)
    if _FORBIDDEN.search(path):
        raise InvalidUiPath("The path of a page has no backslashes and no control characters.", hint=_HINT)
    segments = [segment for segment in path.split("/") if segment]
    if any(segment.startswith(".") for segment in segments):
        raise InvalidUiPath("No segment of the path of a page begins with a dot.", hint=_HINT)
    if segments and "." in segments[-1] and suffix(segments[-1]) not in SERVED_SUFFIXES:
        raise InvalidUiPath("This kind of file is not served.", hint=f"Served are {', '.join(sorted(SERVED_SUFFIXES))}.")
    return "/".join(segments)


def suffix(path: str) -> str:
    """What follows the last dot of the last segment, in lower case; empty when there is no dot."""
    name = path.rpartition("/")[2]
    return name.rpartition(".")[2].lower() if "." in name else ""
