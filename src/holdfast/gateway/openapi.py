"""`GET /api/v1/openapi.json`: the REST API and the publishing API as an OpenAPI 3.1 document, made from their tables of operations."""

from __future__ import annotations

from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

import holdfast
from holdfast.gateway.api import operations as api
from holdfast.gateway.api.legacy import operations as legacy
from holdfast.gateway.auth.authentication import SESSION_COOKIE
from holdfast.gateway.http.error_formats import STANDARD_ERRORS
from holdfast.gateway.publishing import operations as publishing
from holdfast.gateway.services import Services
from holdfast.http.openapi import make_document
from holdfast.http.operations import Operation, Result
from holdfast.http.responses import json_response

PATH = "/api/v1/openapi.json"


async def show_document(services: Services, request: Request) -> Response:
    """The document is public: it holds nothing that the source does not."""
    return json_response(document())


DOCUMENT_OPERATION: Operation[Services] = Operation(
    method="GET",
    path=PATH,
    handler=show_document,
    errors=STANDARD_ERRORS,
    summary="Show this document.",
    results={200: Result("The document.", {"type": "object"})},
)


@cache
def document() -> dict[str, Any]:
    """The document as JSON data. Do not change it: it is made once."""
    return make_document(
        [*legacy.OPERATIONS, *api.OPERATIONS, *publishing.OPERATIONS, DOCUMENT_OPERATION],
        info={
            "title": "Holdfast",
            "version": holdfast.__version__,
            "description": "Publishes and administers extensions. You need the permission `extension:read` to read and "
            "`extension:write` to change; for users and API keys, `user:read` and `user:write`; for records, `client:read` and so on.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        security_schemes={
            "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            "bearer": {"type": "http", "scheme": "bearer", "description": "An API key or a session token."},
            "session": {"type": "apiKey", "in": "cookie", "name": SESSION_COOKIE},
        },
    )
