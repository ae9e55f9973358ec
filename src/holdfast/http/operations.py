"""The operations of an HTTP interface: one table, from which its routes and its OpenAPI document (see `openapi`) are made.

An interface declares each operation once: method, path, handler, and what readers of its document need to know. Handlers are module-level
functions (or objects) that take the services and the request, so a test can import and call them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

S = TypeVar("S")

Endpoint = Callable[[Request], Awaitable[Response]]
"""What Starlette calls for a request."""
Handler = Callable[[S, Request], Awaitable[Response]]
"""Handles a request with the services `S` of its application."""


@dataclass(frozen=True)
class NamedSchema:
    """A JSON schema that no Python type describes. The document holds it once, under its name."""

    name: str
    schema: Mapping[str, Any]


Schema = type[Struct] | NamedSchema | Mapping[str, Any]
"""A type, a named schema, or an inline JSON schema whose values may hold types and named schemas at any depth."""


@dataclass(frozen=True)
class Parameter:
    """A parameter. `location` is `path`, `query` or `header`."""

    name: str
    location: str
    schema: Mapping[str, Any]
    description: str | None = None
    required: bool = True


@dataclass(frozen=True)
class Body:
    """A request body. `required` is False where an absent body means one without fields."""

    schema: Schema
    media_type: str = "application/json"
    required: bool = True


@dataclass(frozen=True)
class Result:
    """A response. Without a schema, `media_type` (None: not documented) is all that the document says about its content."""

    description: str
    schema: Schema | None = None
    media_type: str | None = "application/json"


@dataclass(frozen=True)
class ErrorFormat:
    """How an operation reports errors: `wrap` turns the exceptions of an endpoint into responses, `schema` describes their bodies."""

    wrap: Callable[[Endpoint], Endpoint]
    schema: Schema


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[S]):
    """One method of one path.

    `path` is a Starlette path template. `security` names the accepted security schemes, of which a caller needs one (empty: none needed).
    `permission` names the one that `handler` checks. `error_statuses` are the statuses of error responses, in addition to those in
    `results`. A `fast` operation is also served around ASGI (see `fast_operations`): its handler returns a whole response, and is cancelled
    when the client disconnects. An operation without a `summary` is not documented: another contract defines it, or the extension that it
    calls.
    """

    method: str
    path: str
    handler: Handler[S]
    errors: ErrorFormat
    summary: str = ""
    description: str | None = None
    operation_id: str | None = None
    security: tuple[str, ...] = ()
    permission: str | None = None
    parameters: tuple[Parameter, ...] = ()
    body: Body | None = None
    results: Mapping[int, Result] = field(default_factory=dict)
    error_statuses: tuple[int, ...] = ()
    fast: bool = False


def make_routes(operations: Iterable[Operation[S]], services: S) -> list[Route]:
    """The routes of the operations, one for each path, in the order in which the paths first appear.

    One route for all methods of a path, so that the response to any other method (405) lists all that are allowed. HEAD is served wherever
    GET is.
    """
    by_path: dict[str, dict[str, Endpoint]] = defaultdict(dict)
    for operation in operations:
        methods = by_path[operation.path]
        if operation.method in methods:
            raise ValueError(f"{operation.method} {operation.path} is declared twice.")
        methods[operation.method] = operation.errors.wrap(partial(operation.handler, services))
    return [_route(path, methods) for path, methods in by_path.items()]


def _route(path: str, methods: dict[str, Endpoint]) -> Route:
    if "GET" in methods:
        methods.setdefault("HEAD", methods["GET"])

    async def dispatch(request: Request) -> Response:
        return await methods[request.method](request)

    return Route(path, dispatch, methods=list(methods))
