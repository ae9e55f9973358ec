from __future__ import annotations

import pytest
from starlette.requests import Request

from holdfast.gateway.http.errors import BadGateway
from holdfast.gateway.http.headers import WITHHELD, from_guest, to_guest

PATH = "/api/ext/notes/list"
PREFIX = "/api/ext/notes/"


def passed(*headers: tuple[str, str]) -> list[tuple[str, str]]:
    request = Request({"type": "http", "server": ("gateway.test", 80), "scheme": "http", "path": PATH, "query_string": b"", "headers": []})
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in from_guest(headers, request=request, own_prefix=PREFIX)]


@pytest.mark.parametrize("name", [*sorted(WITHHELD), "Access-Control-Allow-Origin", "Sec-Purpose", "Proxy-Status", "SET-COOKIE"])
def test_a_header_that_speaks_for_the_application_is_dropped(name: str) -> None:
    assert passed((name, "x"), ("x-own", "y")) == [("x-own", "y")]


@pytest.mark.parametrize(
    "header", [("bad name", "x"), ("", "x"), ("x", "a\r\nset-cookie: b"), ("x", "\x00"), ("x", "\u20ac"), ("x:y", "z")]
)
def test_a_malformed_header_is_an_error_with_its_name(header: tuple[str, str]) -> None:
    with pytest.raises(BadGateway) as rejected:
        passed(("x-own", "y"), header)
    assert rejected.value.details == {"code": "invalid_response", "rule": "response_header", "header": header[0]}
    assert header[0] in rejected.value.message and rejected.value.message.isprintable()


def test_a_location_is_rewritten_to_the_extensions_own_prefix() -> None:
    assert passed(("Location", "/new"), ("location", "/\tapi")) == [("location", "/api/ext/notes/new")]


def test_a_request_header_passes_only_by_name_and_repeated_ones_stay_apart() -> None:
    raw = [(b"accept", b"a"), (b"stripe-signature", b"s"), (b"accept", b"b"), (b"cookie", b"c"), (b"x-own", b"d"), (b"accept", b"e")]
    assert to_guest(raw) == {"accept": ["a", "b", "e"]}
    assert to_guest(raw, ("stripe-signature",)) == {"accept": ["a", "b", "e"], "stripe-signature": "s"}
