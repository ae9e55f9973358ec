"""`GET /api/health`: whether the gateway can do its work."""

from __future__ import annotations

import structlog
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from holdfast.gateway.http.responses import respond_to_errors
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response

_log = structlog.get_logger(__name__)


def routes(services: Services) -> list[BaseRoute]:
    """The health route. 200 when the database answers, otherwise 503; of the runner it only tells."""

    async def health(request: Request) -> Response:
        database = await _database_answers(services)
        runner = await services.runner.is_healthy()
        answer = {
            "status": "ok" if database else "unavailable",
            "database": "ok" if database else "unreachable",
            "runner": "ok" if runner else "unreachable",
        }
        return json_response(answer, 200 if database else 503)

    return [Route("/api/health", respond_to_errors(health), methods=["GET"])]


async def _database_answers(services: Services) -> bool:
    try:
        async with services.db.session() as session:
            await session.execute(text("SELECT 1"))
    except Exception:
        _log.exception("the database does not answer")
        return False
    return True
