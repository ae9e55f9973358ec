"""What is answered when nothing else was: pages for people, JSON in the one error shape for programs."""

from __future__ import annotations

from collections.abc import Mapping

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from holdfast.console.notices import FAILED, METHOD_NOT_ALLOWED, NOT_FOUND, Notice, notice_of, show_notice
from holdfast.console.rendering import Pages
from holdfast.errors import HoldfastError

_log = structlog.get_logger(__name__)
_CODES = {400: "invalid_request", 404: "not_found", 405: "method_not_allowed", 413: "payload_too_large"}


class Refusals:
    """Handlers for Starlette's `exception_handlers`."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    async def http(self, request: Request, error: Exception) -> Response:
        """Answers HTTPException: the router's 404 and 405."""
        assert isinstance(error, HTTPException)
        code = _CODES.get(error.status_code, "http_error")
        if _is_program(request):
            body = {"error": code, "message": f"{error.detail}: {request.method} {request.url.path[:200]}."}
            return _json(body, error.status_code, dict(error.headers or {}))
        known = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED}.get(error.status_code)
        notice = known or Notice(status=error.status_code, code=code, heading="That did not work", message=str(error.detail))
        return show_notice(self._pages, notice, headers=dict(error.headers or {}))

    async def refused(self, request: Request, error: Exception) -> Response:
        """Answers a HoldfastError that no route made an answer of."""
        assert isinstance(error, HoldfastError)
        if _is_program(request):
            return _json(error.to_json(), error.status, {})
        return show_notice(self._pages, notice_of(error))

    async def failed(self, request: Request, error: Exception) -> Response:
        """Answers what nobody foresaw, without detail; the detail is logged."""
        _log.error("a page failed unexpectedly", path=request.url.path, exc_info=error)
        if _is_program(request):
            return _json(HoldfastError(FAILED.heading + ".", hint="The log of the platform says why.").to_json(), 500, {})
        return show_notice(self._pages, FAILED)


def _is_program(request: Request) -> bool:
    path = request.url.path
    return path == "/api" or path.startswith(("/api/", "/runner/", "/ext-ui/")) or "application/json" in request.headers.get("accept", "")


def _json(body: Mapping[str, object], status: int, headers: dict[str, str]) -> Response:
    return JSONResponse(body, status, {"cache-control": "no-store", "x-content-type-options": "nosniff", **headers})
