from __future__ import annotations

import pytest

from holdfast.gateway.http.headers import WITHHELD, from_guest

URL = "http://gateway.test/api/ext/notes/list"
PREFIX = "/api/ext/notes/"


def passed(*headers: tuple[str, str]) -> list[tuple[str, str]]:
    return list(from_guest(headers, own_url=URL, own_prefix=PREFIX))


@pytest.mark.parametrize("name", [*sorted(WITHHELD), "Access-Control-Allow-Origin", "Sec-Purpose", "Proxy-Status", "SET-COOKIE"])
def test_a_header_that_speaks_for_the_application_is_dropped(name: str) -> None:
    assert passed((name, "x"), ("x-own", "y")) == [("x-own", "y")]


@pytest.mark.parametrize(
    "header", [("bad name", "x"), ("", "x"), ("x", "a\r\nset-cookie: b"), ("x", "\x00"), ("x", "\u20ac"), ("x:y", "z")]
)
def test_a_malformed_header_is_dropped(header: tuple[str, str]) -> None:
    assert passed(header) == []


@pytest.mark.parametrize(
    "location",
    [
        "https://elsewhere.test/",
        "other",
        "?a=1",
        "/api/ext/notes/new",
        "http://gateway.test/api/ext/notes/new",
    ],
)
def test_a_redirect_may_leave_for_another_host_or_stay_with_the_extension(location: str) -> None:
    assert passed(("Location", location)) == [("location", location)]


@pytest.mark.parametrize(
    "location",
    [
        "/",
        "/api/ext/other/secret",
        "../other/secret",
        "/api/ext/notes/../other/secret",
        "/api/ext/notes/%2e%2e/other/secret",
        "//gateway.test/api/ext/other/secret",
        "\\\\gateway.test\\msp",
        "/api/ext/notes/..\\other",
        "https://gateway.test/msp",
        "http://gateway.test:3001/",
        "http://user@gateway.test/",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://[",
        "/\tapi",
    ],
)
def test_a_redirect_to_another_part_of_the_application_is_dropped(location: str) -> None:
    assert passed(("Location", location)) == []
