"""Fast routes made from operations: the same paths, path parameters, headers and bodies as through Starlette."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Router

from holdfast.http.fast_operations import make_fast_routes
from holdfast.http.fast_path import FastCall
from holdfast.http.header_tables import HeaderTable
from holdfast.http.operations import ErrorFormat, Operation, make_routes

_RAW = ErrorFormat(lambda endpoint: endpoint, {})
_PIECES = st.sampled_from(["/", "a", "b", "%2F", "%20", "%C3%A4", "%", "..", ".", "c/x", "-"])
_NAMES = st.sampled_from([b"accept", b"x-own", b"cookie", b"x-\xe4"])


async def show(services: str, request: Request) -> Response:
    shown = {"services": services, "path": request.url.path, "query": request.url.query, "params": request.path_params}
    return JSONResponse({**shown, "body": (await request.body()).decode(), "own": request.headers.get("x-own"), "method": request.method})


OPERATIONS = (
    Operation(method="GET", path="/a/{first}", handler=show, errors=_RAW, fast=True),
    Operation(method="GET", path="/a/{first}/{rest:path}", handler=show, errors=_RAW, fast=True),
    Operation(method="POST", path="/a/{first}/{rest:path}", handler=show, errors=_RAW, fast=True),
    Operation(method="POST", path="/b/c/{last}", handler=show, errors=_RAW, fast=True),
    Operation(method="GET", path="/b/slow", handler=show, errors=_RAW),
)
FIND = make_fast_routes(OPERATIONS, "services")
ROUTER = Router(make_routes(OPERATIONS, "services"))


def call(target: str, method: str = "GET", body: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None) -> FastCall:
    made = FastCall.__new__(FastCall)
    made.method, made.target, made.headers, made.body = method.encode(), target.encode(), headers or [], bytearray(body)
    made.client, made.server, made.scheme = ("127.0.0.1", 1), ("h", 80), "http"
    return made


@given(st.lists(_PIECES, max_size=7).map(lambda pieces: "/" + "".join(pieces)), st.sampled_from(["GET", "POST", "HEAD", "PUT"]))
def test_a_target_is_fast_exactly_when_starlette_routes_it_to_a_fast_operation(target: str, method: str) -> None:
    scope = {"type": "http", "path": unquote(target), "root_path": "", "method": method}
    matches = [route.matches(scope) for route in ROUTER.routes if unquote(target) != "/b/slow"]
    is_routed = any(match is Match.FULL for match, _ in matches)
    is_fast = FIND(method.encode(), target.encode()) is not None
    # Where the literal beginning is percent-encoded, the application responds: the same response, only slower.
    is_plain = target.startswith(("/a/", "/b/c/"))
    assert is_fast == (is_routed and is_plain)


async def test_the_handler_gets_what_it_gets_through_starlette() -> None:
    respond = FIND(b"POST", b"/a/one%20x/two/%C3%A4?q=1&q=2")
    assert respond is not None
    response = cast(Any, await respond(call("/a/one%20x/two/%C3%A4?q=1&q=2", "POST", b"body", [(b"x-own", b"yes"), (b"x-own", b"no")])))
    assert (
        response.body
        == JSONResponse(
            {
                "services": "services",
                "path": "/a/one x/two/ä",
                "query": "q=1&q=2",
                "params": {"first": "one x", "rest": "two/ä"},
                "body": "body",
                "own": "yes",
                "method": "POST",
            }
        ).body
    )


@pytest.mark.parametrize("target", [b"/b/slow", b"/a/x#y", b"/a/\xc3\xa4", b"http://h/a/x", b"*", b""])
def test_what_is_not_fast_or_not_plain_goes_to_the_application(target: bytes) -> None:
    assert FIND(b"GET", target) is None


@pytest.mark.parametrize("path", ["/{all:path}", "{all}", "/a/{number:int}"])
def test_a_template_that_the_fast_path_cannot_serve_is_an_error(path: str) -> None:
    with pytest.raises(ValueError, match=r"literal|converter"):
        make_fast_routes([Operation(method="GET", path=path, handler=show, errors=_RAW, fast=True)], "services")


@given(
    st.lists(st.tuples(_NAMES, st.binary(max_size=3)), max_size=6), st.sampled_from(["accept", "ACCEPT", "x-own", "cookie", "x-ä", "none"])
)
def test_a_header_table_has_the_values_of_starlettes_headers(raw: list[tuple[bytes, bytes]], name: str) -> None:
    table, headers = HeaderTable(raw), Headers(raw=raw)
    assert (table.get(name), name in table, table.getlist(name)) == (headers.get(name), name in headers, headers.getlist(name))
    assert table.items() == headers.items()
    if name in headers:
        assert table[name] == headers[name]
    else:
        with pytest.raises(KeyError):
            table[name]
