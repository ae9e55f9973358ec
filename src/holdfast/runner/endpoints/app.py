"""The runner as an ASGI application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from holdfast.http.fast_path import FastRoutes
from holdfast.http.operations import make_routes
from holdfast.runner.endpoints.execute import PATH, ExecuteEndpoint
from holdfast.runner.endpoints.operations import OPERATIONS
from holdfast.runner.http.responses import router_error
from holdfast.runner.services import RunnerServices
from holdfast.runner.telemetry.metrics import Metrics


class RunnerApp(Starlette):
    """The application. `fast_routes` is what the server calls around ASGI; None when the fast path is switched off."""

    execute: ExecuteEndpoint | None
    fast_routes: FastRoutes | None
    metrics: Metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self.execute is not None and scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST":
            # Part of the fast path, for calls that are too large for the rest of it: Starlette's routing takes a tenth of a call's time.
            await self.execute(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/ext-ui/"):

            async def counted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self.metrics.ui_answer(message["status"])
                await send(message)

            await super().__call__(scope, receive, counted)
        else:
            await super().__call__(scope, receive, send)


def create_app(services: RunnerServices) -> RunnerApp:
    """The application over open services, which their opener closes after the last request."""
    app = RunnerApp(routes=make_routes(OPERATIONS, services), exception_handlers={HTTPException: router_error})
    app.execute = ExecuteEndpoint(services) if services.settings.fast_path else None
    app.fast_routes = None if app.execute is None else app.execute.find_fast
    app.metrics = services.metrics
    # A path with an extra slash is unknown, not a redirect.
    app.router.redirect_slashes = False
    return app
