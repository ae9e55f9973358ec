"""`POST /api/internal/ext-debug/events`: debug events from the runner, into this process's stream."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from holdfast.contract.debug_event import EventBatch
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.http.responses import respond_to_errors
from holdfast.gateway.internal.auth import check_service_token, read_json
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response

BODY_LIMIT = 8 * 1024 * 1024
MAX_EVENTS = 2_000


def routes(services: Services) -> list[BaseRoute]:
    """The route that takes debug events in."""

    async def events(request: Request) -> Response:
        check_service_token(services, request)
        batch = await read_json(request, EventBatch, BODY_LIMIT)
        if len(batch.events) > MAX_EVENTS:
            raise InvalidRequest(f"A batch has at most {MAX_EVENTS} events.")
        for event in batch.events:
            if event.tenant_id and event.extension_id:
                services.events.publish(event)
        return json_response({"accepted": len(batch.events)}, 202)

    return [Route("/api/internal/ext-debug/events", respond_to_errors(events), methods=["POST"])]
