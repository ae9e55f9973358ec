"""The runner's operations as an application of Starlette."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException

from holdfast.http.operations import make_routes
from holdfast.runner.endpoints.operations import OPERATIONS
from holdfast.runner.http.responses import router_error
from holdfast.runner.services import RunnerServices


def create_routes(services: RunnerServices) -> Starlette:
    """The application that responds to every operation of the table."""
    app = Starlette(routes=make_routes(OPERATIONS, services), exception_handlers={HTTPException: router_error})
    # A path with an extra slash is unknown, not a redirect.
    app.router.redirect_slashes = False
    return app
