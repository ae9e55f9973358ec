"""The platform's web application: the gateway's routes, the console's pages, and its static files."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from holdfast.console.error_handlers import ErrorHandlers
from holdfast.console.login import login_routes
from holdfast.console.login_rate_limit import LoginRateLimit
from holdfast.console.pages import page_routes
from holdfast.console.security_headers import STATIC_HEADERS
from holdfast.console.services import ConsoleServices
from holdfast.errors import HoldfastError
from holdfast.gateway.app import gateway_fast_routes, gateway_routes
from holdfast.gateway.services import Services
from holdfast.http.fast_path import FastRoutes

FRAME_SCRIPT = "development-frame.js"
"""The one script that the frames of extensions load from here, and only in development."""
_STATIC = Path(__file__).parent / "static"


class PlatformApp(Starlette):
    """The application. `fast_routes` is what its server calls around ASGI; None when the fast path is switched off."""

    fast_routes: FastRoutes | None


def create_platform_app(services: Services, *, login_rate_limit: LoginRateLimit | None = None) -> PlatformApp:
    """Gateway and console as one application. The code that created `services` closes them. Raises ConsoleUrlError."""
    console = ConsoleServices(services)
    handlers = ErrorHandlers(console.pages)
    app = PlatformApp(
        routes=[
            *gateway_routes(services),
            Route("/favicon.ico", _favicon, methods=["GET"]),
            Mount("/console/static", ConsoleFiles(directory=_STATIC)),
            *login_routes(console, login_rate_limit or LoginRateLimit(services.buckets.open)),
            *page_routes(console),
        ],
        exception_handlers={
            HTTPException: handlers.http_exception,
            HoldfastError: handlers.holdfast_error,
            Exception: handlers.unexpected,
        },
    )
    app.fast_routes = gateway_fast_routes(services)
    return app


class ConsoleFiles(StaticFiles):
    """The console's scripts, styles and images, with their security headers."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(STATIC_HEADERS)
        if path == FRAME_SCRIPT:
            # Frames have an opaque origin, for which even this origin is another one.
            response.headers["cross-origin-resource-policy"] = "cross-origin"
        return response


async def _favicon(request: Request) -> Response:
    return RedirectResponse("/console/static/favicon.svg", status_code=308)
