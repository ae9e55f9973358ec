"""Routes of the application that an extension declares, such as `GET /api/v1/tickets/:id`: both services match them alike."""

from __future__ import annotations

from collections.abc import Iterable

CALL_TOKEN_HEADER = "x-ext-call-token"  # noqa: S105 - the name of a header
"""The header with which a request through ui-proxy proves for which call, and so for which user, it is made."""

CLOSED = ("internal", "ext", "ext-proxy")
"""The first segments below `/api` that no extension may call: the internal API, and extensions, whose calls would not end."""


def platform_segments(route: str) -> list[str] | None:
    """The segments of a route of the application, `/api/…`; None for a route of the extension's own prefix. The query does not count."""
    path = route.partition("?")[0]
    return [segment for segment in path.split("/") if segment] if path.startswith(("/api/", "api/")) else None


def is_closed(segments: list[str]) -> bool:
    """Whether the route is one that no extension may call, declared or not."""
    return len(segments) > 1 and segments[0].lower() == "api" and segments[1].lower() in CLOSED


def is_declared(routes: Iterable[str], method: str, segments: list[str]) -> bool:
    """Whether one of the declared routes is this one. A segment `:name` fits any one segment."""
    return any(_fits(route, method, segments) for route in routes)


def _fits(route: str, method: str, segments: list[str]) -> bool:
    declared_method, _, path = route.partition(" ")
    declared = [segment for segment in path.split("/") if segment]
    if declared_method != method or len(declared) != len(segments):
        return False
    return all(expected.startswith(":") or expected == found for expected, found in zip(declared, segments, strict=True))
