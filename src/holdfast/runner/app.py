"""The runner as an ASGI application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from holdfast.runner import execute, health, host_routing, openapi, ui
from holdfast.runner.answers import router_error
from holdfast.runner.services import RunnerServices


def create_app(services: RunnerServices) -> Starlette:
    """The application over open services; who opened them closes them after the last request."""
    app = Starlette(
        routes=[
            *execute.routes(services),
            *ui.routes(services),
            *host_routing.routes(services),
            *health.routes(services),
            *openapi.routes(),
        ],
        exception_handlers={HTTPException: router_error},
    )
    # A path with a slash too many is unknown, not a redirect.
    app.router.redirect_slashes = False
    return app
