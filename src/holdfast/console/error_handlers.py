"""Responses to errors that no route handled: pages for browsers, JSON for programs."""

from __future__ import annotations

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from holdfast.console.error_pages import INTERNAL_ERROR, METHOD_NOT_ALLOWED, NOT_FOUND, ErrorPage, error_page_for, render_error_page
from holdfast.console.rendering import Pages
from holdfast.errors import HoldfastError
from holdfast.http.responses import json_response

_log = structlog.get_logger(__name__)
_CODES = {400: "invalid_request", 404: "not_found", 405: "method_not_allowed", 413: "payload_too_large"}


class ErrorHandlers:
    """Handlers for Starlette's `exception_handlers`."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def http_exception(self, request: Request, error: Exception) -> Response:
        """For HTTPException: the router's 404 and 405."""
        assert isinstance(error, HTTPException)
        code = _CODES.get(error.status_code, "http_error")
        headers = dict(error.headers or {})
        if _wants_json(request):
            body = {"error": code, "message": f"{error.detail}: {request.method} {request.url.path[:200]}."}
            return json_response(body, error.status_code, headers)
        known = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED}.get(error.status_code)
        page = known or ErrorPage(status=error.status_code, code=code, heading="That did not work", message=str(error.detail))
        return render_error_page(self._pages, page, headers=headers)

    async def holdfast_error(self, request: Request, error: Exception) -> Response:
        """For a HoldfastError that its route did not turn into a response."""
        assert isinstance(error, HoldfastError)
        if _wants_json(request):
            return json_response(error.to_json(), error.status)
        return render_error_page(self._pages, error_page_for(error))

    async def unexpected(self, request: Request, error: Exception) -> Response:
        """For any other exception. It is logged; the response has no detail, because detail may be secret."""
        _log.error("request_failed", path=request.url.path, exc_info=error)
        if _wants_json(request):
            return json_response(HoldfastError("Something went wrong.", hint="Look for the reason in the platform's log.").to_json(), 500)
        return render_error_page(self._pages, INTERNAL_ERROR)


def _wants_json(request: Request) -> bool:
    path = request.url.path
    return path == "/api" or path.startswith(("/api/", "/runner/", "/ext-ui/")) or "application/json" in request.headers.get("accept", "")
