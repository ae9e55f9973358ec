"""JSON responses and responses to errors."""

from __future__ import annotations

import asyncio

import pytest
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from holdfast.http.responses import json_response, respond_to


class Spelled(Struct, rename="camel"):
    first_name: str
    data: bytes


def request() -> Request:
    return Request({"type": "http", "method": "GET", "path": "/", "headers": []})


def test_a_response_has_the_spelling_of_its_type_and_is_not_cached() -> None:
    response = json_response(Spelled("A", b"a"), 201, {"x-own": "1"})
    assert (response.status_code, bytes(response.body)) == (201, b'{"firstName":"A","data":"YQ=="}')
    expected = {"cache-control": "no-store", "x-content-type-options": "nosniff", "content-type": "application/json", "x-own": "1"}
    assert expected.items() <= dict(response.headers).items()


async def test_an_error_of_an_endpoint_becomes_the_response_to_it() -> None:
    async def fail(request: Request) -> Response:
        raise ValueError("no")

    endpoint = respond_to(fail, lambda error, request: json_response(f"{error} at {request.url.path}"))
    assert bytes((await endpoint(request())).body) == b'"no at /"'


async def test_only_the_named_errors_are_caught() -> None:
    async def cancelled(request: Request) -> Response:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await respond_to(cancelled, lambda error, request: Response())(request())
    response = await respond_to(cancelled, lambda error, request: Response(status_code=503), asyncio.CancelledError)(request())
    assert response.status_code == 503
