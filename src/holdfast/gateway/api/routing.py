"""One route for all methods of a path, so that a refused method is told which others there are."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from holdfast.gateway.http.responses import respond_to_errors
from holdfast.http.operations import Endpoint


def resource(path: str, **endpoints: Endpoint) -> Route:
    """The route of a path; `endpoints` are named after their methods in lower case. Their errors become answers of the one shape."""
    ways = {method.upper(): respond_to_errors(endpoint) for method, endpoint in endpoints.items()}
    if "GET" in ways:
        ways["HEAD"] = ways["GET"]

    async def answer(request: Request) -> Response:
        return await ways[request.method](request)

    return Route(path, answer, methods=list(ways))
