from __future__ import annotations

import pytest

from holdfast.registry.models.endpoints import Endpoint, normalise_handler, normalise_path, read_endpoints, to_stored


@pytest.mark.parametrize("stored", [None, {}, "[]", 7, ["x"], [{}], [{"method": "GET", "path": "", "handler": "h"}]])
def test_what_is_no_list_of_endpoints_has_none(stored: object) -> None:
    assert read_endpoints(stored) == []


def test_only_usable_entries_are_read() -> None:
    stored = [
        {"method": "get", "path": "/a", "handler": "h", "extra": 1},
        {"method": "TRACE", "path": "/a", "handler": "h"},
        {"method": "GET", "path": "/a"},
        {"method": "GET", "path": "/a", "handler": " "},
        {"method": 1, "path": "/a", "handler": "h"},
    ]
    assert read_endpoints(stored) == [Endpoint("GET", "/a", "h")]


def test_what_is_stored_is_read_back() -> None:
    endpoint = Endpoint("POST", "/a/:b", "h", True, "ticket:read", False)
    assert read_endpoints([to_stored(endpoint)]) == [endpoint]
    assert to_stored(Endpoint("GET", "/a", "h")) == {"method": "GET", "path": "/a", "handler": "h"}


@pytest.mark.parametrize(("written", "path"), [("notes", "/notes"), ("./notes", "/notes"), ("//a///b/", "/a/b"), ("/", "/")])
def test_a_path_is_brought_to_one_form(written: str, path: str) -> None:
    assert normalise_path(written) == path


def test_a_handler_loses_its_leading_dots_and_repeated_slashes() -> None:
    assert normalise_handler("./dist//main") == "dist/main"
