"""The endpoints of a version, compiled once for many calls."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import unquote

from holdfast.registry.models.endpoints import Endpoint

_Numbered = tuple[int, Endpoint]


class EndpointTable:
    """Finds the endpoint of a call. Segments of an endpoint's path are literal, or `:name` for any one that is not empty; there are no
    wildcards, and of several endpoints that fit the first one counts.
    """

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        # By method and number of segments, or by method and segments, so that a call looks at few of them.
        self._patterns: dict[tuple[str, int], list[tuple[int, list[str], Endpoint]]] = {}
        self._literals: dict[tuple[str, tuple[str, ...]], _Numbered] = {}
        for number, endpoint in enumerate(endpoints):
            segments = endpoint.path.strip("/").split("/")
            if any(segment.startswith(":") for segment in segments):
                self._patterns.setdefault((endpoint.method, len(segments)), []).append((number, segments, endpoint))
            else:
                self._literals.setdefault((endpoint.method, tuple(segments)), (number, endpoint))

    def match(self, method: str, path: str) -> Endpoint | None:
        """The endpoint for a call, or None. `path` may be percent-encoded; slashes at its ends do not matter."""
        called = path.strip("/").split("/")
        if "%" in path:
            called = [unquote(segment) for segment in called]
        literal = self._literals.get((method, tuple(called)))
        for number, segments, endpoint in self._patterns.get((method, len(called)), ()):
            if literal is not None and literal[0] < number:
                break
            if _fits(segments, called):
                return endpoint
        return None if literal is None else literal[1]


def _fits(pattern: list[str], called: list[str]) -> bool:
    for expected, actual in zip(pattern, called, strict=True):
        if (not actual) if expected.startswith(":") else expected != actual:
            return False
    return True
