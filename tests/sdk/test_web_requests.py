"""Requests, responses and fetch of the Fetch standard, with the host of a call behind them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from holdfast.bundles.store.hashing import hash_file
from holdfast.engine import Engine, Limits
from holdfast.world import types as t
from holdfast.world.functions import WitError
from tests.sdk.guest_host import CONTEXT, MemoryHost, Response, call

CallHandler = Callable[..., Awaitable[Response]]


@dataclass
class Network(MemoryHost):
    """Answers with a redirect to another host, and then with the request. Hosts named `denied` are not granted."""

    requests: list[t.HttpRequest] = field(default_factory=list)

    def http_fetch(self, request: t.HttpRequest) -> t.HttpResponse:
        if "denied" in request.url:
            raise WitError(t.HttpError.NOT_ALLOWED)
        self.requests.append(request)
        if request.url.endswith("/start"):
            return t.HttpResponse(303, [t.HttpHeader("location", "https://other.example.com/end#part")], b"moved")
        return t.HttpResponse(200, [t.HttpHeader("content-type", "text/plain")], b"arrived")


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def call_handler(engine: Engine, built: Callable[[str], Path], network: Network) -> CallHandler:
    project = built("web-standards")
    return lambda url, **options: call(engine, project, network, url, **options)


async def test_a_handler_may_return_a_response_with_repeated_headers(engine: Engine, built: Callable[[str], Path]) -> None:
    wasm = built("web-standards") / "dist" / "main.wasm"
    request = t.ExecuteRequest(CONTEXT, t.HttpRequest("GET", "/response", [], None))
    component = await engine.load(wasm, hash_file(wasm))
    outcome = await engine.execute(component, request, MemoryHost(), Limits(timeout_ms=30_000))
    assert outcome.response is not None
    assert (outcome.response.status, outcome.response.body) == (201, "ü".encode())
    assert [(header.name, header.value) for header in outcome.response.headers] == [
        ("content-type", "text/plain;charset=UTF-8"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
        ("x-one", "1"),
    ]


async def test_the_stream_of_a_response_is_read(call_handler: CallHandler) -> None:
    assert (await call_handler("/stream")).body == b"abc"


async def test_a_response_may_have_no_body(call_handler: CallHandler) -> None:
    response = await call_handler("/nothing")
    assert (response.status, response.body) == (204, None)


async def test_a_request_is_made_of_the_request_of_a_handler(call_handler: CallHandler) -> None:
    response = await call_handler("/request?a=1&a=2&b=%C3%BC+x&c", method="POST", body=b"text")
    url = "http://localhost/request?a=1&a=2&b=%C3%BC+x&c"
    assert response.json == {
        "method": "POST",
        "url": url,
        "type": "application/json",
        "text": "text",
        "again": url,
        "query": {"a": "1", "b": "ü x", "c": ""},
        "href": url,
        "path": "/request",
    }


async def test_fetch_follows_redirects_hop_by_hop_without_credentials_for_other_hosts(call_handler: CallHandler, network: Network) -> None:
    response = await call_handler("/fetch")
    assert response.json == {"status": 200, "url": "https://other.example.com/end", "redirected": True, "text": "arrived"}
    first, second = network.requests
    assert (first.method, first.body) == ("POST", b"x")
    assert {"authorization", "x-a"} <= {header.name for header in first.headers}
    assert (second.method, second.body, [header.name for header in second.headers]) == ("GET", None, ["x-a"])


async def test_fetch_returns_the_redirect_itself_if_it_is_asked_to(call_handler: CallHandler, network: Network) -> None:
    assert (await call_handler("/fetch-manual")).json == 303
    assert len(network.requests) == 1


async def test_fetch_without_a_grant_says_what_to_add(call_handler: CallHandler) -> None:
    refused = (await call_handler("/fetch-denied")).json
    assert refused["name"] == "TypeError"
    assert refused["message"].startswith("fetch failed: http.fetch: not-allowed. ")
    assert "egress" in refused["message"]


@pytest.mark.parametrize(("url", "words"), [("/bad-header-name", '"a b"'), ("/bad-header-value", "the header x-note")])
async def test_a_header_that_http_cannot_carry_is_an_error_with_its_name(call_handler: CallHandler, url: str, words: str) -> None:
    response = await call_handler(url)
    assert response.status == 500
    assert words in response.json["message"]


async def test_what_a_module_logs_while_it_loads_appears_when_the_call_starts(call_handler: CallHandler, network: Network) -> None:
    await call_handler("/nothing")
    assert network.logs[0] == ("info", "loaded")
