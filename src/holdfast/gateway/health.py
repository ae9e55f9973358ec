"""`GET /api/health`: whether the gateway can serve requests."""

from __future__ import annotations

import structlog
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response

from holdfast.gateway.http.error_formats import STANDARD_ERRORS
from holdfast.gateway.services import Services
from holdfast.http.operations import Operation
from holdfast.http.responses import json_response

_log = structlog.get_logger(__name__)


async def show_health(services: Services, request: Request) -> Response:
    """200 if the database is reachable, otherwise 503. The runner's state is reported but does not count: much works without it."""
    database = await _is_database_reachable(services)
    runner = await services.runner.is_healthy()
    health = {
        "status": "ok" if database else "unavailable",
        "database": "ok" if database else "unreachable",
        "runner": "ok" if runner else "unreachable",
    }
    return json_response(health, 200 if database else 503)


async def _is_database_reachable(services: Services) -> bool:
    try:
        async with services.db.session() as session:
            await session.execute(text("SELECT 1"))
    except Exception:
        _log.exception("database_unreachable")
        return False
    return True


OPERATIONS: tuple[Operation[Services], ...] = (Operation(method="GET", path="/api/health", handler=show_health, errors=STANDARD_ERRORS),)
