"""The runner as an ASGI application.

request ──┬─ POST /v1/execute ─▶ ExecuteEndpoint
          └─ all others ───────▶ Starlette's routes, created for the first of them: loading them takes longer than starting all the rest
"""

from __future__ import annotations

from functools import cached_property

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from holdfast.http.fast_path import FastRoutes
from holdfast.runner.endpoints.execute import PATH, ExecuteEndpoint
from holdfast.runner.services import RunnerServices


class RunnerApp:
    """The application. `fast_routes` is what the server calls around ASGI; None when the fast path is switched off."""

    def __init__(self, services: RunnerServices) -> None:
        self._services = services
        self._execute = ExecuteEndpoint(services) if services.settings.fast_path else None
        self.fast_routes: FastRoutes | None = None if self._execute is None else self._execute.find_fast

    @cached_property
    def routes(self) -> ASGIApp:
        """Everything that the runner serves, in Starlette's routing."""
        from holdfast.runner.endpoints.routes import create_routes

        return create_routes(self._services)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._execute is not None and scope["type"] == "http" and scope["path"] == PATH and scope["method"] == "POST":
            # Part of the fast path, for calls that are too large for the rest of it: Starlette's routing takes a tenth of a call's time.
            await self._execute(scope, receive, send)
        elif scope["type"] == "http" and scope["path"].startswith("/ext-ui/"):

            async def counted(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self._services.metrics.ui_answer(message["status"])
                await send(message)

            await self.routes(scope, receive, counted)
        else:
            await self.routes(scope, receive, send)


def create_app(services: RunnerServices) -> RunnerApp:
    """The application over open services, which their opener closes after the last request."""
    return RunnerApp(services)
