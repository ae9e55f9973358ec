"""Routes and the OpenAPI document come from one table."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest
from msgspec import Struct
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from holdfast.http.openapi import make_document
from holdfast.http.operations import Body, Endpoint, ErrorFormat, NamedSchema, Operation, Parameter, Result, make_routes


class Nested(Struct):
    inner_name: str


class Thing(Struct, rename="camel"):
    """A thing
    with a name."""

    the_name: str
    nested: list[Nested]


PROBLEM = NamedSchema("Problem", {"type": "object", "required": ["message"]})


def report_errors(endpoint: Endpoint) -> Endpoint:
    async def respond_to_errors(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ValueError as error:
            return PlainTextResponse(str(error), 400)

    return respond_to_errors


ERRORS = ErrorFormat(report_errors, PROBLEM)


async def show(services: str, request: Request) -> Response:
    return PlainTextResponse(f"{services} {request.path_params.get('name', '')}")


async def reject(services: str, request: Request) -> Response:
    raise ValueError("not today")


def operation(method: str, path: str, handler: Callable[[str, Request], object] = show, **more: object) -> Operation[str]:
    return Operation(method=method, path=path, handler=handler, errors=ERRORS, **more)  # type: ignore[arg-type]


TABLE = [
    operation(
        "GET",
        "/things/{name:path}",
        summary="Show a thing.",
        operation_id="showThing",
        security=("token",),
        parameters=(Parameter("name", "path", {"type": "string"}, "Its name."),),
        results={200: Result("The thing.", Thing), 304: Result("Unchanged.")},
        error_statuses=(400, 404),
    ),
    operation("POST", "/things/{name:path}", reject, summary="Change a thing.", body=Body(Thing, required=False)),
    operation(
        "GET",
        "/things",
        summary="List things.",
        results={200: Result("All.", {"type": "object", "properties": {"things": {"type": "array", "items": Thing}}})},
    ),
    operation("POST", "/internal"),
]


@pytest.fixture
def client() -> httpx2.AsyncClient:
    app = Starlette(routes=make_routes(TABLE, "services"))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://test")


async def test_a_handler_gets_the_services_and_the_request(client: httpx2.AsyncClient) -> None:
    assert (await client.get("/things/a/b")).text == "services a/b"


async def test_errors_of_a_handler_become_responses_of_its_error_format(client: httpx2.AsyncClient) -> None:
    response = await client.post("/things/a")
    assert (response.status_code, response.text) == (400, "not today")


async def test_head_is_served_where_get_is(client: httpx2.AsyncClient) -> None:
    assert (await client.head("/things")).status_code == 200


async def test_a_method_that_is_not_allowed_gets_the_list_of_those_that_are(client: httpx2.AsyncClient) -> None:
    response = await client.put("/things/a")
    assert response.status_code == 405
    assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_an_operation_that_is_declared_twice_is_an_error() -> None:
    with pytest.raises(ValueError, match="declared twice"):
        make_routes([*TABLE, operation("POST", "/internal")], "services")


def test_the_document_has_every_operation_with_a_summary_and_no_other() -> None:
    document = make_document(TABLE, info={"title": "T", "version": "1"}, security_schemes={"token": {"type": "http", "scheme": "bearer"}})
    assert {(method, path) for path, methods in document["paths"].items() for method in methods} == {
        ("get", "/things/{name}"),
        ("post", "/things/{name}"),
        ("get", "/things"),
    }
    assert document["components"]["securitySchemes"] == {"token": {"type": "http", "scheme": "bearer"}}
    reference = {"$ref": "#/components/schemas/Thing"}
    failure = {
        "description": "The request failed. The body says why.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    assert document["paths"]["/things/{name}"]["get"] == {
        "summary": "Show a thing.",
        "operationId": "showThing",
        "security": [{"token": []}],
        "parameters": [{"name": "name", "in": "path", "required": True, "description": "Its name.", "schema": {"type": "string"}}],
        "responses": {
            "200": {"description": "The thing.", "content": {"application/json": {"schema": reference}}},
            "304": {"description": "Unchanged."},
            "400": failure,
            "404": failure,
        },
    }
    assert document["paths"]["/things/{name}"]["post"]["requestBody"] == {
        "required": False,
        "content": {"application/json": {"schema": reference}},
    }


def test_the_document_has_the_schemas_that_its_operations_use_in_the_spelling_of_the_serializer() -> None:
    schemas = make_document(TABLE, info={}, security_schemes={})["components"]["schemas"]
    assert set(schemas) == {"Thing", "Nested", "Problem"}
    assert schemas["Thing"]["description"] == "A thing with a name."
    assert set(schemas["Thing"]["properties"]) == {"theName", "nested"}
    assert schemas["Problem"] == {"type": "object", "required": ["message"]}
