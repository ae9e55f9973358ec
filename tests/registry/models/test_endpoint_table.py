from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.registry.models.endpoint_table import EndpointTable
from holdfast.registry.models.endpoints import Endpoint

ENDPOINTS = [
    Endpoint("GET", "/notes", "h"),
    Endpoint("GET", "/notes/:id", "h"),
    Endpoint("GET", "/notes/new", "shadowed"),
    Endpoint("POST", "/notes", "h"),
    Endpoint("GET", "/", "root"),
]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/notes", "/notes"),
        ("GET", "/notes/", "/notes"),
        ("GET", "notes", "/notes"),
        ("GET", "/notes/7", "/notes/:id"),
        ("GET", "/notes/new", "/notes/:id"),
        ("GET", "/n%6ftes", "/notes"),
        ("GET", "/", "/"),
        ("GET", "", "/"),
        ("DELETE", "/notes", None),
        ("POST", "/notes/7", None),
        ("GET", "/notes/7/8", None),
        ("GET", "/Notes", None),
        ("GET", "/notes//7", None),
        ("GET", "/notes%2F7", None),
    ],
)
def test_a_call_matches_the_first_endpoint_of_its_method_with_the_same_segments(method: str, path: str, expected: str | None) -> None:
    found = EndpointTable(ENDPOINTS).match(method, path)
    assert (found.path if found else None) == expected


SEGMENTS = st.sampled_from(["a", "b", ":id", ":x", "%61", "", "a:b", "ä"])
PATHS = st.lists(SEGMENTS, max_size=3).map(lambda segments: "/" + "/".join(segments))
ENDPOINT_LISTS = st.lists(st.builds(Endpoint, st.sampled_from(["GET", "POST"]), PATHS, st.just("h")), max_size=8)


def first_that_fits(endpoints: list[Endpoint], method: str, path: str) -> Endpoint | None:
    """What the contract says, endpoint by endpoint."""
    called = [unquote(segment) for segment in path.strip("/").split("/")]
    for endpoint in endpoints:
        pattern = endpoint.path.strip("/").split("/")
        if endpoint.method == method and len(pattern) == len(called):
            pairs = zip(pattern, called, strict=True)
            if all(bool(actual) if expected.startswith(":") else expected == actual for expected, actual in pairs):
                return endpoint
    return None


@given(ENDPOINT_LISTS, st.sampled_from(["GET", "POST", "PUT"]), PATHS)
def test_the_first_endpoint_that_fits_counts(endpoints: list[Endpoint], method: str, path: str) -> None:
    assert EndpointTable(endpoints).match(method, path) is first_that_fits(endpoints, method, path)
