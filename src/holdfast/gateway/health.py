"""`GET /api/health`: whether the gateway can serve requests, and which parts it has to do without."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from holdfast.gateway.http.error_formats import STANDARD_ERRORS
from holdfast.gateway.services import Services
from holdfast.gateway.services.health_check import OK
from holdfast.http.operations import Operation
from holdfast.http.responses import json_response


async def show_health(services: Services, request: Request) -> Response:
    """503 `unavailable` without the database, for nothing works without it. Otherwise 200: `ok`, or `degraded` when another part fails,
    because much works without it. Each part has its own state; a result is up to a second old."""
    states = await services.health.states()
    if states["database"] != OK:
        return json_response({"status": "unavailable", **states}, 503)
    is_degraded = any(state != OK for state in states.values())
    return json_response({"status": "degraded" if is_degraded else "ok", **states})


OPERATIONS: tuple[Operation[Services], ...] = (Operation(method="GET", path="/api/health", handler=show_health, errors=STANDARD_ERRORS),)
